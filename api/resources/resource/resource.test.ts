import { describe, expect, it } from 'vitest';
import { fieldErrorTexts } from '../../../machinery/field-path.ts';
import type { KubernetesObject } from '../../../machinery/kinds/kind.ts';
import type { Draft } from '../../../machinery/kinds/wire.ts';
import type { Resource } from '../define.ts';
import { deviceClass } from './device-class.ts';
import { resourceClaimTemplate } from './resource-claim-template.ts';
import { resourceClaim } from './resource-claim.ts';
import { resourceSlice } from './resource-slice.ts';

function filled<T extends KubernetesObject>(resource: Resource<T>, object: object): T {
  const draft = structuredClone({ metadata: { name: 'x' }, ...object }) as unknown as Draft<T>;
  resource.defaults?.(draft);
  return draft as T;
}
const judged = <T extends KubernetesObject>(resource: Resource<T>, object: object): string[] => fieldErrorTexts(resource.validate?.(filled(resource, object)));
const label = (name: string): string => `Invalid value: ${JSON.stringify(name)}: a lowercase RFC 1123 label must consist of`;

const request = { name: 'gpu', exactly: { deviceClassName: 'gpu.example.com' } };
const claim = (devices: object) => ({ spec: { devices: { requests: [request], ...devices } } });

describe('a claim', () => {
  it('is filled in', () => {
    const object = filled(resourceClaim, claim({ requests: [{ name: 'a', exactly: { deviceClassName: 'c', tolerations: [{ key: 'k' }] } }, { name: 'b', firstAvailable: [{ name: 's', deviceClassName: 'c', allocationMode: 'All' }] }] }));
    expect(object.spec.devices?.requests).toEqual([
      { name: 'a', exactly: { deviceClassName: 'c', allocationMode: 'ExactCount', count: 1, tolerations: [{ key: 'k', operator: 'Equal' }] } },
      { name: 'b', firstAvailable: [{ name: 's', deviceClassName: 'c', allocationMode: 'All' }] },
    ]);
  });

  it.each<[string, object, readonly unknown[]]>([
    ['a good one', claim({ constraints: [{ requests: ['gpu'], matchAttribute: 'example.com/model' }], config: [{ opaque: { driver: 'd', parameters: { a: 1 } } }] }), []],
    ['a request for nothing', claim({ requests: [{ name: 'a' }] }), ['spec.devices.requests[0]: Required value: exactly one of `exactly` or `firstAvailable` is required']],
    ['a request for two things', claim({ requests: [{ ...request, firstAvailable: [{ name: 'a', deviceClassName: 'c' }] }] }), [
      'spec.devices.requests[0]: Invalid value: null: exactly one of `exactly` or `firstAvailable` is required, but multiple fields are set',
    ]],
    ['the same name twice', claim({ requests: [request, request] }), ['spec.devices.requests[1]: Duplicate value: "gpu"']],
    ['counts', claim({ requests: [{ name: 'a', exactly: { deviceClassName: '', allocationMode: 'All', count: 2 } }, { name: 'b', exactly: { deviceClassName: 'c', allocationMode: 'Some' } }] }), [
      'spec.devices.requests[0].exactly.deviceClassName: Required value', "spec.devices.requests[0].exactly.count: Invalid value: 2: must not be specified when allocationMode is 'All'",
      'spec.devices.requests[1].exactly.allocationMode: Unsupported value: "Some": supported values: "All", "ExactCount"',
    ]],
    ['tolerations', claim({ requests: [{ name: 'a', exactly: { deviceClassName: 'c', tolerations: [{ operator: 'Exists', value: 'v' }, { operator: 'In', effect: 'Never' }] } }] }), [
      'spec.devices.requests[0].exactly.tolerations[0].value: Invalid value: "v": must be empty for operator `Exists`',
      'spec.devices.requests[0].exactly.tolerations[1].operator: Unsupported value: "In": supported values: "Equal", "Exists"',
      'spec.devices.requests[0].exactly.tolerations[1].effect: Unsupported value: "Never": supported values: "NoExecute", "NoSchedule", "None"',
    ]],
    ['constraints on what is not asked', claim({ constraints: [{ requests: ['other'], matchAttribute: 'model' }, {}] }), [
      "spec.devices.constraints[0].requests[0]: Invalid value: \"other\": must be the name of a request in the claim or the name of a request and a subrequest separated by '/'",
      'spec.devices.constraints[0].matchAttribute: Invalid value: "model": a fully qualified name must be a domain and a name separated by a slash',
      'spec.devices.constraints[1]: Required value: exactly one of "matchAttribute" or "distinctAttribute" is required, but multiple fields are set',
    ]],
    ['settings that are none', claim({ config: [{}, { opaque: { driver: '', parameters: [] } }] }), [
      'spec.devices.config[0].opaque: Required value', 'spec.devices.config[1].opaque.driver: Required value', expect.stringContaining('spec.devices.config[1].opaque.driver: Invalid value: ""'),
      'spec.devices.config[1].opaque.parameters: Invalid value: "<value omitted>": must be a valid JSON object',
    ]],
    ['too many', claim({ requests: Array.from({ length: 33 }, (_, index) => ({ ...request, name: `r${index}` })) }), ['spec.devices.requests: Too many: 33: must have at most 32 items']],
  ])('is judged: %s', (_name, object, messages) => {
    expect(judged(resourceClaim, object)).toEqual(messages);
  });

  it('keeps what it asks for', () => {
    const change = resourceClaim.validateUpdate?.(filled(resourceClaim, claim({ requests: [] })), filled(resourceClaim, claim({})));
    expect(fieldErrorTexts(change)).toEqual([expect.stringMatching(/^spec: Invalid value: .*: field is immutable$/)]);
  });

  const result = { request: 'gpu', driver: 'd', pool: 'p', device: 'dev' };
  const consumer = { resource: 'pods', name: 'a', uid: 'u' };
  it.each<[string, object, object, readonly unknown[]]>([
    ['an allocation', { allocation: { devices: { results: [result] } }, reservedFor: [consumer] }, {}, []],
    ['a device of another request', { allocation: { devices: { results: [{ ...result, request: 'cpu' }] } } }, {}, [expect.stringContaining('status.allocation.devices.results[0].request: Invalid value: "cpu"')]],
    ['an allocation that moves', { allocation: { devices: { results: [] } } }, { allocation: { devices: { results: [result] } } }, [expect.stringContaining('status.allocation: Invalid value: ')]],
    ['use of nothing', { reservedFor: [consumer] }, {}, ['status.reservedFor: Forbidden: may not be specified when `allocated` is not set']],
    ['nobody', { allocation: { devices: { results: [result] } }, reservedFor: [{}] }, {}, [
      'status.reservedFor[0].resource: Required value', 'status.reservedFor[0].name: Required value', 'status.reservedFor[0].uid: Required value',
    ]],
    ['news of another device', { allocation: { devices: { results: [result] } }, devices: [{ ...result, device: 'Other' }] }, {}, [
      expect.stringContaining(`status.devices[0].device: ${label('Other')}`), 'status.devices[0]: Invalid value: "d/p/Other": must be an allocated device in the claim',
    ]],
  ])('is told what it got: %s', (_name, status, old, messages) => {
    expect(fieldErrorTexts(resourceClaim.validateStatusUpdate?.(filled(resourceClaim, { ...claim({}), status }), filled(resourceClaim, { ...claim({}), status: old })))).toEqual(messages);
  });

  it.each<[object, string]>([
    [{}, 'pending'], [{ status: { allocation: {} } }, 'allocated'], [{ status: { allocation: {}, reservedFor: [consumer] } }, 'allocated,reserved'],
    [{ metadata: { deletionTimestamp: 't' } }, 'deleted'], [{ metadata: { deletionTimestamp: 't' }, status: { allocation: {} } }, 'deleted,allocated'],
  ])('shows its state: %j', (object, state) => {
    expect(resourceClaim.columns[1]?.cell(filled(resourceClaim, object), 0)).toBe(state);
  });
});

describe('a template of claims', () => {
  it('judges what it makes', () => {
    expect(judged(resourceClaimTemplate, { spec: { metadata: { labels: { 'a b': 'c' } }, spec: { devices: { requests: [{ name: 'a' }] } } } })).toEqual([
      expect.stringContaining('spec.metadata.labels: Invalid value: "a b"'), 'spec.spec.devices.requests[0]: Required value: exactly one of `exactly` or `firstAvailable` is required',
    ]);
  });
});

describe('a device class', () => {
  it.each<[string, object, readonly unknown[]]>([
    ['a good one', { selectors: [{ cel: { expression: 'true' } }], extendedResourceName: 'example.com/gpu' }, []],
    ['a selector of nothing', { selectors: [{}] }, ['spec.selectors[0].cel: Required value']],
    ['an expression without an end', { selectors: [{ cel: { expression: 'x'.repeat(10_241) } }] }, ['spec.selectors[0].cel.expression: Too long: may not be more than 10240 bytes']],
    ['a resource of Kubernetes', { extendedResourceName: 'cpu' }, ['spec.extendedResourceName: Invalid value: "cpu": must be a valid extended resource name']],
  ])('is judged: %s', (_name, spec, messages) => {
    expect(judged(deviceClass, { spec })).toEqual(messages);
  });
});

const slice = (more: object) => ({ spec: { driver: 'd', pool: { name: 'p', generation: 0, resourceSliceCount: 1 }, nodeName: 'n', ...more } });

describe('a slice', () => {
  const device = (more: object) => slice({ devices: [{ name: 'dev', ...more }] });

  it.each<[string, object, readonly unknown[]]>([
    ['a good one', device({ attributes: { 'example.com/model': { string: 'a' }, version: { version: '1.2.3' } }, capacity: { memory: { value: '8Gi' } } }), []],
    ['nowhere', slice({ nodeName: undefined }), ['spec: Required value: exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required']],
    ['in two places', slice({ allNodes: true }), ['spec: Invalid value: "{`nodeName`, `allNodes`}": exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required, but multiple fields are set']],
    ['a pool of nothing', slice({ pool: {} }), ['spec.pool.name: Required value', 'spec.pool.resourceSliceCount: Invalid value: 0: must be greater than zero']],
    ['attributes', device({ attributes: { 'a-b': { string: 'x' }, c: {}, d: { version: '1' } } }), [
      expect.stringContaining('spec.devices[0].attributes[a-b]: Invalid value: "a-b": a valid C identifier must start with'), 'spec.devices[0].attributes[c]: Invalid value: "": exactly one value must be specified',
      'spec.devices[0].attributes[d].version: Invalid value: "1": must be a string compatible with semver.org spec 2.0.0',
    ]],
    ['a share of what is whole', device({ capacity: { memory: { value: '1', requestPolicy: {} } } }), ['spec.devices[0].capacity[memory].requestPolicy: Forbidden: allowMultipleAllocations must be true']],
    ['shares', device({ allowMultipleAllocations: true, capacity: {
      a: { value: '10', requestPolicy: { validValues: ['1'] } }, b: { value: '10', requestPolicy: { default: '3', validValues: ['2', '1', '20'] } }, c: { value: '10', requestPolicy: { default: '3', validRange: { min: '2', max: '20', step: '2' } } },
    } }), [
      'spec.devices[0].capacity[a].requestPolicy.default: Required value: required when validValues is defined',
      'spec.devices[0].capacity[b].requestPolicy.validValues[1]: Invalid value: "1": values must be sorted in ascending order',
      'spec.devices[0].capacity[b].requestPolicy.validValues[2]: Invalid value: "20": option is larger than capacity value: 10',
      'spec.devices[0].capacity[b].requestPolicy.validValues: Invalid value: "3": default value is not valid according to the requestPolicy',
      'spec.devices[0].capacity[c].requestPolicy.validRange.max: Invalid value: "20": max is larger than capacity value: 10',
      'spec.devices[0].capacity[c].requestPolicy.validRange.step: Invalid value: "3": value is not a multiple of a given step (2) from (2)',
    ]],
    ['taints and conditions', device({ taints: [{ key: 'a', effect: 'Never' }], bindingConditions: ['a'], bindingFailureConditions: ['a'] }), [
      'spec.devices[0].taints[0].effect: Unsupported value: "Never": supported values: "NoExecute", "NoSchedule", "None"',
      'spec.devices[0].bindingFailureConditions[0]: Invalid value: "a": bindingFailureConditions must not overlap with bindingConditions',
    ]],
    ['a place of its own', device({ nodeName: 'm' }), ['spec.devices[0]: Invalid value: null: `nodeName`, `nodeSelector` and `allNodes` can only be set if `perDeviceNodeSelection` is set to true in the ResourceSlice spec']],
    ['no place of its own', slice({ nodeName: undefined, perDeviceNodeSelection: true, devices: [{ name: 'dev' }] }), [
      'spec.devices[0]: Required value: exactly one of `nodeName`, `nodeSelector`, or `allNodes` is required when `perDeviceNodeSelection` is set to true in the ResourceSlice spec',
    ]],
    ['counters', slice({ sharedCounters: [{ name: '', counters: {} }] }), ['spec.sharedCounters[0].name: Required value', 'spec.sharedCounters[0].counters: Required value']],
    ['devices and counters', slice({ devices: [], sharedCounters: [] }), ['spec: Invalid value: "": only one of `sharedCounters` or `devices` is allowed']],
  ])('is judged: %s', (_name, object, messages) => {
    expect(judged(resourceSlice, object)).toEqual(messages);
  });

  it('stays its driver’s, in its pool, on its node', () => {
    expect(fieldErrorTexts(resourceSlice.validateUpdate?.(filled(resourceSlice, slice({ driver: 'e', pool: { name: 'q' }, nodeName: 'm' })), filled(resourceSlice, slice({}))))).toEqual([
      'spec.pool.name: Invalid value: "q": field is immutable', 'spec.driver: Invalid value: "e": field is immutable', 'spec.nodeName: Invalid value: "m": field is immutable',
    ]);
  });

  it('dates taints when it is made', () => {
    const draft = { metadata: { creationTimestamp: '2026-01-01T00:00:00Z' }, ...device({ taints: [{ key: 'a', effect: 'None' }] }) } as unknown as Parameters<NonNullable<typeof resourceSlice.prepareForCreate>>[0];
    resourceSlice.prepareForCreate?.(draft);
    expect(draft.spec.devices?.[0]?.taints?.[0]?.timeAdded).toBe('2026-01-01T00:00:00Z');
  });
});
