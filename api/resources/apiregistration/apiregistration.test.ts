import { describe, expect, it } from 'vitest';
import { fieldErrorTexts } from '../../../machinery/field-path.ts';
import type { APIService } from '../../../machinery/kinds/api-registration.ts';
import { apiService } from './api-service.ts';

const spec = { group: 'metrics.k8s.io', version: 'v1beta1', groupPriorityMinimum: 100, versionPriority: 100 };
const service = { name: 's', namespace: 'n', port: 443 };
const named = (name: string, more: object): APIService => ({ metadata: { name }, spec: { ...spec, ...more } });

describe('an APIService', () => {
  it.each<[string, APIService, readonly string[]]>([
    ['a local one', named('v1beta1.metrics.k8s.io', {}), []],
    ['an external one', named('v1beta1.metrics.k8s.io', { service, caBundle: 'AA==' }), []],
    ['the core group', { metadata: { name: 'v1.' }, spec: { version: 'v1', groupPriorityMinimum: 18_000, versionPriority: 1 } }, []],
    ['another name', named('a', {}), ['metadata.name: Invalid value: "a": must be `spec.version+"."+spec.group`: "v1beta1.metrics.k8s.io"']],
    ['no group', named('v2.', { group: '', version: 'v2' }), ['spec.group: Required value: only v1 may have an empty group and it better be legacy kube']],
    ['priorities out of bounds', named('v1beta1.metrics.k8s.io', { groupPriorityMinimum: 20_001, versionPriority: 0 }), [
      'spec.groupPriorityMinimum: Invalid value: 20001: must be positive and less than 20000', 'spec.versionPriority: Invalid value: 0: must be positive and less than 1000',
    ]],
    ['trust in itself', named('v1beta1.metrics.k8s.io', { caBundle: 'AAAA', insecureSkipTLSVerify: true }), [
      'spec.caBundle: Invalid value: "3 bytes": local APIServices may not have a caBundle', 'spec.insecureSkipTLSVerify: Invalid value: true: local APIServices may not have insecureSkipTLSVerify',
    ]],
    ['trust and mistrust', named('v1beta1.metrics.k8s.io', { service: { port: 0 }, caBundle: 'AAAA', insecureSkipTLSVerify: true }), [
      'spec.insecureSkipTLSVerify: Invalid value: true: may not be true if caBundle is present', 'spec.service.namespace: Required value', 'spec.service.name: Required value',
      'spec.service.port: Invalid value: 0: port is not valid: must be between 1 and 65535, inclusive',
    ]],
  ])('is judged: %s', (_name, object, messages) => {
    expect(fieldErrorTexts(apiService.validate?.(object))).toEqual(messages);
  });

  it.each<[string, APIService, readonly [string, string]]>([
    ['a local one', named('a', {}), ['Local', 'Unknown']],
    ['one that answers', { ...named('a', { service }), status: { conditions: [{ type: 'Available', status: 'True', reason: 'Passed' }] } }, ['n/s', 'True']],
    ['one that does not', { ...named('a', { service }), status: { conditions: [{ type: 'Available', status: 'False', reason: 'MissingEndpoints' }] } }, ['n/s', 'False (MissingEndpoints)']],
  ])('shows who serves it: %s', (_name, object, cells) => {
    expect(apiService.columns.slice(1, 3).map((column) => column.cell(object, 0))).toEqual(cells);
  });

  it('says of its conditions what Kubernetes says', () => {
    expect(fieldErrorTexts(apiService.validateStatusUpdate?.({ status: { conditions: [{ type: 'Available', status: 'Maybe' }] } }, {}))).toEqual([
      'status.conditions[0].status: Unsupported value: "Maybe": supported values: "True", "False", "Unknown"',
    ]);
  });
});
