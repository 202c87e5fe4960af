import { describe, expect, it } from 'vitest';
import type { RequestInfo, User } from '../request.ts';
import { flowSchemas } from '../resources/flowcontrol/defaults.ts';
import { createClassifier } from './classify.ts';

const classify = createClassifier(flowSchemas.map(({ name, spec }) => ({ metadata: { name, uid: `uid-${name}` }, spec })));
const user = (name: string, ...groups: readonly string[]): User => ({ name, groups: [...groups, 'system:authenticated'] });
const info = (more: Partial<RequestInfo>): RequestInfo => ({ path: '', isResource: true, verb: 'get', group: '', version: 'v1', resource: 'pods', subresource: '', namespace: 'default', name: '', ...more });
const page = (path: string) => info({ isResource: false, path, resource: '', namespace: '' });

describe('the schema of a request', () => {
  it.each([
    ['a superuser\'s', user('admin', 'system:masters'), info({}), 'exempt', 'exempt', ''],
    ['anybody\'s look at health', user('x'), page('/readyz'), 'probes', 'exempt', ''],
    ['anybody\'s look at another page', user('x'), page('/version'), 'global-default', 'global-default', 'x'],
    ['a node\'s status', user('system:node:a', 'system:nodes'), info({ verb: 'patch', resource: 'nodes', subresource: 'status', namespace: '' }), 'system-node-high', 'node-high', 'system:node:a'],
    ['a node\'s pod', user('system:node:a', 'system:nodes'), info({}), 'system-nodes', 'system', 'system:node:a'],
    ['a controller\'s', user('system:serviceaccount:kube-system:job-controller', 'system:serviceaccounts'), info({}), 'kube-system-service-accounts', 'workload-high', 'default'],
    ['a controller\'s lease', user('system:serviceaccount:kube-system:x', 'system:serviceaccounts'), info({ group: 'coordination.k8s.io', resource: 'leases', namespace: 'kube-system' }), 'system-leader-election', 'leader-election', 'system:serviceaccount:kube-system:x'],
    ['a workload\'s', user('system:serviceaccount:default:x', 'system:serviceaccounts'), info({}), 'service-accounts', 'workload-low', 'system:serviceaccount:default:x'],
    ['a person\'s list of all namespaces', user('x'), info({ verb: 'list', namespace: '' }), 'global-default', 'global-default', 'x'],
  ] as const)('%s is found', (_what, who, what, schema, level, distinguisher) => {
    for (let again = 0; again < 2; again++) expect(classify(who, what)).toMatchObject({ schema: { name: schema }, level, distinguisher });
  });

  it('is none for who is of no group that any names', () => {
    expect(classify({ name: 'x', groups: [] }, info({}))).toBeUndefined();
  });
});
