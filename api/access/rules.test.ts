import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { PolicyRule } from '../../machinery/kinds/cluster.ts';
import { formatRule, notCovered, ruleAllows } from './rules.ts';
import { asking } from './test-cluster.ts';

const words = (values: string[], min = 0) => fc.uniqueArray(fc.constantFrom(...values), { minLength: min, maxLength: 2 });
const pods: PolicyRule = { verbs: ['get', 'list'], apiGroups: [''], resources: ['pods'] };

describe('a rule', () => {
  it.each<[string, PolicyRule, string, boolean]>([
    ['allows what it names', pods, 'get pods in a/x', true],
    ['allows no other verb', pods, 'delete pods in a/x', false],
    ['allows no other group', pods, 'get pods@apps in a/x', false],
    ['allows no subresource by its resource', pods, 'get pods/log in a/x', false],
    ['allows a subresource by its own name', { ...pods, resources: ['pods/log'] }, 'get pods/log in a/x', true],
    ['allows a subresource of every resource', { ...pods, resources: ['*/scale'] }, 'get deployments/scale in a/x', true],
    ['does not reach the resource by its subresource', { ...pods, resources: ['*/scale'] }, 'get deployments in a/x', false],
    ['allows everything by stars', { verbs: ['*'], apiGroups: ['*'], resources: ['*'] }, 'patch a/b@c in d/e', true],
    ['allows the names it gives', { ...pods, resourceNames: ['x'] }, 'get pods in a/x', true],
    ['allows no other name', { ...pods, resourceNames: ['x'] }, 'get pods in a/y', false],
    ['with names allows no request without one', { ...pods, resourceNames: ['x'] }, 'list pods in a', false],
    ['allows a path', { verbs: ['get'], nonResourceURLs: ['/version'] }, 'get /version', true],
    ['allows what begins with a path', { verbs: ['get'], nonResourceURLs: ['/healthz/*'] }, 'get /healthz/etcd', true],
    ['does not allow the path before its star', { verbs: ['get'], nonResourceURLs: ['/healthz/*'] }, 'get /healthz', false],
    ['about resources allows no path', { verbs: ['*'], apiGroups: ['*'], resources: ['*'] }, 'get /metrics', false],
  ])('%s', (_name, rule, request, allowed) => {
    expect(ruleAllows(rule, asking(request))).toBe(allowed);
  });
});

describe('what a grant would add', () => {
  it.each<[string, PolicyRule[], PolicyRule, string[]]>([
    ['is nothing when it is held', [pods], { ...pods, verbs: ['get'] }, []],
    ['is nothing when several rules together hold it', [{ ...pods, verbs: ['get'] }, { ...pods, verbs: ['list'] }], pods, []],
    ['is the verbs that are missing', [{ ...pods, verbs: ['get'] }], { ...pods, verbs: ['get', 'list', 'delete'] }, ['{APIGroups:[""], Resources:["pods"], Verbs:["list" "delete"]}']],
    ['is the rule without names when only names are held', [{ ...pods, resourceNames: ['x'] }], { ...pods, verbs: ['get'] }, ['{APIGroups:[""], Resources:["pods"], Verbs:["get"]}']],
    ['is the names that are missing', [{ ...pods, resourceNames: ['x'] }], { ...pods, verbs: ['get'], resourceNames: ['x', 'y'] }, ['{APIGroups:[""], Resources:["pods"], ResourceNames:["y"], Verbs:["get"]}']],
    ['is a star that only its parts cover', [pods], { ...pods, verbs: ['*'] }, ['{APIGroups:[""], Resources:["pods"], Verbs:["*"]}']],
    ['is a path that is not held', [{ verbs: ['get'], nonResourceURLs: ['/healthz/*'] }], { verbs: ['get'], nonResourceURLs: ['/healthz/a', '/metrics'] }, ['{NonResourceURLs:["/metrics"], Verbs:["get"]}']],
  ])('%s', (_name, held, wanted, missing) => {
    expect(notCovered(held, [wanted]).map(formatRule)).toEqual(missing);
  });

  it('is nothing only if every request that the grant allows is allowed already', () => {
    const rule: fc.Arbitrary<PolicyRule> = fc.record({
      verbs: words(['get', 'list', '*'], 1), apiGroups: words(['', 'apps', '*'], 1), resources: words(['pods', 'pods/log', '*/log', '*'], 1), resourceNames: words(['x', 'y']),
    });
    const request = fc.tuple(fc.constantFrom('get', 'list'), fc.constantFrom('pods', 'pods/log', 'jobs', 'jobs/log'), fc.constantFrom('', 'apps'), fc.constantFrom('', 'x', 'y'))
      .map(([verb, resource, group, name]) => asking(`${verb} ${resource}@${group} in a/${name}`));
    fc.assert(fc.property(fc.array(rule, { maxLength: 3 }), rule, request, (held, wanted, asked) => {
      if (notCovered(held, [wanted]).length > 0 || !ruleAllows(wanted, asked)) return;
      expect(held.some((one) => ruleAllows(one, asked))).toBe(true);
    }), { numRuns: 2000 });
  });
});
