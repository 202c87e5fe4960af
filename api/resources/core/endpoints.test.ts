import { describe, expect, it } from 'vitest';
import { fieldErrorTexts } from '../../../machinery/field-path.ts';
import type { Endpoints, PodTemplate, ReplicationController } from '../../../machinery/kinds/core.ts';
import type { EndpointSlice } from '../../../machinery/kinds/discovery.ts';
import type { PodDisruptionBudget } from '../../../machinery/kinds/policy.ts';
import type { Draft } from '../../../machinery/kinds/wire.ts';
import { endpointSlice } from '../discovery/endpoint-slice.ts';
import { podDisruptionBudget } from '../policy/pod-disruption-budget.ts';
import { componentStatus } from './component-status.ts';
import { endpoints } from './endpoints.ts';
import { podTemplate } from './pod-template.ts';
import { replicationController } from './replication-controller.ts';

const endpointsOf = (...subsets: NonNullable<Endpoints['subsets']>): Endpoints => {
  const draft = { metadata: { name: 'e' }, subsets: structuredClone(subsets) } as Draft<Endpoints>;
  endpoints.defaults?.(draft);
  return draft as Endpoints;
};

describe('Endpoints', () => {

  it.each<[string, Endpoints, string[]]>([
    ['good ones', endpointsOf({ addresses: [{ ip: '10.0.0.1' }], ports: [{ port: 80 }] }), []],
    ['no address', endpointsOf({ ports: [{ port: 80 }] }), ['subsets[0]: Required value: must specify `addresses` or `notReadyAddresses`']],
    ['this machine', endpointsOf({ addresses: [{ ip: '127.0.0.1' }] }), ['subsets[0].addresses[0].ip: Invalid value: "127.0.0.1": may not be in the loopback range (127.0.0.0/8, ::1/128)']],
    ['two ports without names', endpointsOf({ addresses: [{ ip: '10.0.0.1' }], ports: [{ port: 80 }, { port: 81 }] }), ['subsets[0].ports[0].name: Required value', 'subsets[0].ports[1].name: Required value']],
    ['a port that is none', endpointsOf({ addresses: [{ ip: '10.0.0.1' }], ports: [{ port: 0 }] }), ['subsets[0].ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive']],
  ])('judges %s', (_name, object, messages) => {
    expect(fieldErrorTexts(endpoints.validate?.(object))).toEqual(messages);
  });

  it('shows the first three', () => {
    const addresses = ['10.0.0.1', '10.0.0.2', 'fd00::3', '10.0.0.4'].map((ip) => ({ ip }));
    expect(endpoints.columns[1]?.cell(endpointsOf({ addresses, ports: [{ port: 80 }] }), 0)).toBe('10.0.0.1:80,10.0.0.2:80,[fd00::3]:80 + 1 more...');
    expect(endpoints.columns[1]?.cell(endpointsOf(), 0)).toBe('<none>');
  });
});

const sliceOf = (change: Partial<EndpointSlice>): EndpointSlice => {
  const draft = structuredClone({ metadata: { name: 's' }, addressType: 'IPv4', endpoints: [{ addresses: ['10.0.0.1'] }], ports: [{ port: 80 }], ...change }) as Draft<EndpointSlice>;
  endpointSlice.defaults?.(draft);
  return draft as EndpointSlice;
};

describe('an EndpointSlice', () => {

  it.each<[string, EndpointSlice, string[]]>([
    ['a good one', sliceOf({}), []],
    ['a type that is none', sliceOf({ addressType: 'IPX' }), ['addressType: Unsupported value: "IPX": supported values: "FQDN", "IPv4", "IPv6"']],
    ['no address', sliceOf({ endpoints: [{ addresses: [] }] }), ['endpoints[0].addresses: Required value: must contain at least 1 address']],
    ['an address of the other family', sliceOf({ endpoints: [{ addresses: ['fd00::1'] }] }), ['endpoints[0].addresses[0]: Invalid value: "fd00::1": must be a valid IPv4 address']],
    ['a port twice', sliceOf({ ports: [{ port: 1 }, { port: 2 }] }), ['ports[1].name: Duplicate value: ""']],
    ['a name of one part', sliceOf({ addressType: 'FQDN', endpoints: [{ addresses: ['host'] }] }), ['endpoints[0].addresses[0]: Invalid value: "host": should be a domain with at least two segments separated by dots']],
  ])('judges %s', (_name, object, messages) => {
    expect(fieldErrorTexts(endpointSlice.validate?.(object))).toEqual(messages);
  });

  it('keeps its type, and shows ports and addresses', () => {
    expect(fieldErrorTexts(endpointSlice.validateUpdate?.(sliceOf({ addressType: 'IPv6' }), sliceOf({})))).toEqual(['addressType: Invalid value: "IPv6": field is immutable']);
    expect(endpointSlice.columns.map((column) => column.cell(sliceOf({}), 0))).toEqual(['s', 'IPv4', '80', '10.0.0.1', '<unknown>']);
    expect(endpointSlice.columns.slice(2, 4).map((column) => column.cell(sliceOf({ ports: [], endpoints: [] }), 0))).toEqual(['<unset>', '<unset>']);
  });
});

describe('a PodDisruptionBudget', () => {
  it.each<[string, NonNullable<PodDisruptionBudget['spec']>, string[]]>([
    ['a good one', { minAvailable: '50%', selector: {} }, []],
    ['both bounds', { minAvailable: 1, maxUnavailable: 1 }, ['spec: Invalid value: {"minAvailable":1,"maxUnavailable":1}: minAvailable and maxUnavailable cannot be both set']],
    ['more than all', { maxUnavailable: '101%' }, ['spec.maxUnavailable: Invalid value: "101%": must not be greater than 100%']],
    ['less than none', { minAvailable: -1 }, ['spec.minAvailable: Invalid value: -1: must be greater than or equal to 0']],
    ['a policy that is none', { unhealthyPodEvictionPolicy: 'Never' }, ['spec.unhealthyPodEvictionPolicy: Unsupported value: "Never": supported values: "AlwaysAllow", "IfHealthyBudget"']],
  ])('judges %s', (_name, spec, messages) => {
    expect(fieldErrorTexts(podDisruptionBudget.validate?.({ spec }))).toEqual(messages);
  });

  it('shows its bounds', () => {
    expect(podDisruptionBudget.columns.map((column) => column.cell({ metadata: { name: 'b' }, spec: { minAvailable: 2 } }, 0))).toEqual(['b', '2', 'N/A', 0, '<unknown>']);
  });
});

const controllerOf = (spec: object): ReplicationController => {
  const draft = { metadata: { name: 'rc' }, spec: structuredClone(spec) } as Draft<ReplicationController>;
  replicationController.defaults?.(draft);
  return draft as ReplicationController;
};

describe('a ReplicationController', () => {
  const template = { metadata: { labels: { app: 'a' } }, spec: { containers: [{ name: 'c', image: 'x' }] } };

  it('takes its selector and labels from its template', () => {
    expect(controllerOf({ template })).toMatchObject({ metadata: { labels: { app: 'a' } }, spec: { replicas: 1, selector: { app: 'a' } } });
    expect(fieldErrorTexts(replicationController.validate?.(controllerOf({ template })))).toEqual([]);
    expect(replicationController.scale?.selector(controllerOf({ template }))).toBe('app=a');
    expect(replicationController.columns.map((column) => column.cell(controllerOf({ template }), 0))).toEqual(['rc', 1, 0, 0, '<unknown>', 'c', 'x', 'app=a']);
  });

  it.each<[string, object, string[]]>([
    ['nothing', {}, ['spec.selector: Required value', 'spec.template: Required value']],
    ['a selector that misses the template', { selector: { app: 'b' }, template }, ['spec.template.metadata.labels: Invalid value: {"app":"a"}: `selector` does not match template `labels`']],
    ['pods that end', { template: { ...template, spec: { ...template.spec, restartPolicy: 'Never' } } }, ['spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"']],
  ])('refuses %s', (_name, spec, messages) => {
    expect(fieldErrorTexts(replicationController.validate?.(controllerOf(spec)))).toEqual(messages);
  });
});

  const healthCells = (conditions: { type: string; status: string; message?: string; error?: string }[]) => componentStatus.columns.map((column) => column.cell({ metadata: { name: 'etcd-0' }, conditions }, 0));

describe('what else is in the core group', () => {
  it('a PodTemplate is a pod’s', () => {
    const draft = { metadata: { name: 't' }, template: { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'x' }] } } } as Draft<PodTemplate>;
    podTemplate.defaults?.(draft);
    expect(fieldErrorTexts(podTemplate.validate?.(draft as PodTemplate))).toEqual([]);
    expect(podTemplate.columns.map((column) => column.cell(draft as PodTemplate, 0))).toEqual(['t', 'c', 'x', 'a=b']);
    expect(fieldErrorTexts(podTemplate.validate?.({ template: { spec: { containers: [] } } })).map((line) => line.split(':')[0])).toContain('template.spec.containers');
  });

  it('a ComponentStatus says how a component is', () => {
    expect(healthCells([{ type: 'Healthy', status: 'True', message: 'ok' }])).toEqual(['etcd-0', 'Healthy', 'ok', '']);
    expect(healthCells([{ type: 'Healthy', status: 'False', error: 'down' }])).toEqual(['etcd-0', 'Unhealthy', '', 'down']);
  });
});
