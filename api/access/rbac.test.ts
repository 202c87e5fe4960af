import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ClusterRole, ClusterRoleBinding, Role, RoleBinding, type PolicyRule } from '../../machinery/kinds/cluster.ts';
import type { User } from '../request.ts';
import { createAuthorizer, type ClusterAuthorizer } from './rbac.ts';
import { ruleAllows } from './rules.ts';
import { asking, someone, startTestCluster, type TestCluster } from './test-cluster.ts';

let cluster: TestCluster;
let authorizer: ClusterAuthorizer;

const rule = (verbs: string[], resources: string[], resourceNames?: string[]): PolicyRule =>
  ({ verbs, apiGroups: [''], resources, ...(resourceNames === undefined ? {} : { resourceNames }) });
const roleRef = (kind: string, name: string) => ({ apiGroup: 'rbac.authorization.k8s.io', kind, name });
const kindOf = (namespace: string) => (namespace === '' ? ClusterRoleBinding : RoleBinding);
const account = (namespace: string, name: string): User =>
  ({ name: `system:serviceaccount:${namespace}:${name}`, groups: ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, 'system:authenticated'] });

beforeAll(async () => {
  cluster = await startTestCluster();
  authorizer = createAuthorizer(cluster.caches);
  await cluster.put(ClusterRole, { metadata: { name: 'reader' }, rules: [rule(['get', 'list'], ['pods']), { verbs: ['get'], nonResourceURLs: ['/metrics'] }] });
  await cluster.put(Role, { metadata: { name: 'named', namespace: 'a' }, rules: [rule(['get', 'update'], ['configmaps'], ['x'])] });
  await cluster.put(ClusterRoleBinding, { metadata: { name: 'ops' }, roleRef: roleRef('ClusterRole', 'reader'), subjects: [{ kind: 'Group', name: 'ops' }] });
  await cluster.put(RoleBinding, {
    metadata: { name: 'in-a', namespace: 'a' }, roleRef: roleRef('ClusterRole', 'reader'),
    subjects: [{ kind: 'User', name: 'ann' }, { kind: 'ServiceAccount', name: 'bot', namespace: 'b' }, { kind: 'ServiceAccount', name: 'own' }],
  });
  await cluster.put(RoleBinding, { metadata: { name: 'one', namespace: 'a' }, roleRef: roleRef('Role', 'named'), subjects: [{ kind: 'User', name: 'ann' }] });
  await cluster.put(RoleBinding, { metadata: { name: 'lost', namespace: 'a' }, roleRef: roleRef('Role', 'gone'), subjects: [{ kind: 'User', name: 'ben' }] });
});

afterAll(async () => {
  authorizer.close();
  await cluster.close();
});

describe('a role', () => {
  it.each<[string, User, string, boolean, string?]>([
    ['bound to a group holds in every namespace', someone('x', 'ops'), 'list pods in any', true, 'RBAC: allowed by ClusterRoleBinding "ops" of ClusterRole "reader" to Group "ops"'],
    ['bound to a group holds at the cluster scope', someone('x', 'ops'), 'list pods', true],
    ['bound cluster-wide gives paths', someone('x', 'ops'), 'get /metrics', true],
    ['bound in a namespace holds there', someone('ann'), 'get pods in a/p', true, 'RBAC: allowed by RoleBinding "in-a/a" of ClusterRole "reader" to User "ann"'],
    ['bound in a namespace does not hold elsewhere', someone('ann'), 'get pods in b/p', false, ''],
    ['bound in a namespace does not hold across all', someone('ann'), 'list pods', false],
    ['bound in a namespace gives no path', someone('ann'), 'get /metrics', false],
    ['bound to an account of another namespace', account('b', 'bot'), 'get pods in a/p', true, 'RBAC: allowed by RoleBinding "in-a/a" of ClusterRole "reader" to ServiceAccount "bot/b"'],
    ['bound to an account without a namespace means the binding\'s', account('a', 'own'), 'get pods in a/p', true],
    ['bound to an account is not for its namesake', account('c', 'bot'), 'get pods in a/p', false],
    ['for one object', someone('ann'), 'update configmaps in a/x', true],
    ['for one object is for no other', someone('ann'), 'update configmaps in a/y', false],
    ['that does not exist gives nothing and says so', someone('ben'), 'get pods in a/p', false, 'RBAC: role.rbac.authorization.k8s.io "gone" not found'],
  ])('%s', (_name, user, request, allowed, reason) => {
    const decision = authorizer.authorize(user, asking(request));
    expect(decision.allowed).toBe(allowed);
    if (reason !== undefined) expect(decision.reason).toBe(reason);
    // The second time it is remembered.
    expect(authorizer.authorize(user, asking(request))).toEqual(decision);
  });

  it('counts from the moment it changes', async () => {
    const ask = () => authorizer.authorize(someone('eve'), asking('get secrets in a/s')).allowed;
    expect(ask()).toBe(false);
    await cluster.put(RoleBinding, { metadata: { name: 'eve', namespace: 'a' }, roleRef: roleRef('Role', 'late'), subjects: [{ kind: 'User', name: 'eve' }] });
    expect(ask()).toBe(false);
    await cluster.put(Role, { metadata: { name: 'late', namespace: 'a' }, rules: [rule(['get'], ['secrets'])] });
    expect(ask()).toBe(true);
    await cluster.put(RoleBinding, { metadata: { name: 'eve', namespace: 'a' }, roleRef: roleRef('Role', 'late'), subjects: [{ kind: 'User', name: 'other' }] });
    expect(ask()).toBe(false);
    await cluster.remove(RoleBinding, { namespace: 'a', name: 'eve' });
    await cluster.remove(Role, { namespace: 'a', name: 'late' });
    expect(authorizer.authorize(someone('other'), asking('get secrets in a/s')).allowed).toBe(false);
  });
});

it('lets superusers do everything', () => {
  expect(authorizer.authorize(someone('x', 'system:masters'), asking('delete nodes in /n')).allowed).toBe(true);
  expect(authorizer.authorize(someone('x', 'system:masters'), asking('get /anything')).allowed).toBe(true);
});

it('decides a remembered request in about a microsecond', () => {
  const [user, info] = [someone('x', 'ops'), asking('list pods in any')];
  const start = performance.now();
  for (let i = 0; i < 20_000; i++) authorizer.authorize(user, info);
  // A hundredfold of what it takes, for busy machines.
  expect((performance.now() - start) / 20_000).toBeLessThan(0.1);
});

describe('the index', () => {
  interface Binding { readonly namespace: string; readonly slot: number; readonly role: number; readonly subject: number }
  const roles: PolicyRule[][] = [
    [rule(['get'], ['pods'])], [rule(['*'], ['*'])], [rule(['get', 'list'], ['secrets'], ['x'])], [rule(['list'], ['pods/log', 'secrets'])], [],
  ];
  const subjects = [{ kind: 'User', name: 'u' }, { kind: 'Group', name: 'g' }, { kind: 'ServiceAccount', name: 's', namespace: 'p' }];
  const users = [someone('u'), someone('v', 'g'), account('p', 's'), someone('u', 'g')];
  const requests = ['get pods in p/x', 'list secrets in p', 'get secrets in q/x', 'get secrets in q/y', 'list pods/log in q', 'get pods'].map((text) => asking(text));

  function naively(bindings: readonly Binding[], user: User, info: ReturnType<typeof asking>): boolean {
    return bindings.some((binding) => {
      if (binding.namespace !== '' && binding.namespace !== info.namespace) return false;
      const applies = [user.name === 'u', user.groups.includes('g'), user.name === 'system:serviceaccount:p:s'][binding.subject] ?? false;
      return applies && (roles[binding.role] ?? []).some((one) => ruleAllows(one, info));
    });
  }

  it('agrees with looking at every binding, whatever comes and goes', async () => {
    for (const [index, rules] of roles.entries()) await cluster.put(ClusterRole, { metadata: { name: `r${index}` }, rules });
    const binding = fc.record({ namespace: fc.constantFrom('', 'p', 'q'), slot: fc.nat(2), role: fc.nat(5), subject: fc.nat(2) });
    await fc.assert(fc.asyncProperty(fc.array(fc.record({ binding, remove: fc.boolean() }), { maxLength: 8 }), async (steps) => {
      const present = new Map<string, Binding>();
      for (const { binding: one, remove } of steps) {
        const name = `b${one.slot}`;
        const at = { name, ...(one.namespace === '' ? {} : { namespace: one.namespace }) };
        const subject = subjects[one.subject] ?? { kind: 'User', name: 'nobody' };
        if (remove) await cluster.remove(kindOf(one.namespace), at);
        else await cluster.put(kindOf(one.namespace), { metadata: at, roleRef: roleRef('ClusterRole', `r${one.role}`), subjects: [subject] } as never);
        if (remove) present.delete(`${one.namespace}/${name}`);
        else present.set(`${one.namespace}/${name}`, one);
        for (const user of users) {
          for (const info of requests) expect(authorizer.authorize(user, info).allowed).toBe(naively([...present.values()], user, info));
        }
      }
      for (const { namespace, slot } of present.values()) await cluster.remove(kindOf(namespace), { name: `b${slot}`, ...(namespace === '' ? {} : { namespace }) });
    }), { numRuns: 25 });
  });
});
