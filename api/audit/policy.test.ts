import { describe, expect, it } from 'vitest';
import type { RequestInfo } from '../request.ts';
import { readAuditPolicy } from './policy.ts';

function info(more: Partial<RequestInfo>): RequestInfo {
  return { path: '/api/v1/pods', isResource: true, verb: 'get', group: '', version: 'v1', resource: 'pods', subresource: '', namespace: 'default', name: 'p', ...more };
}

const user = { name: 'ahab', groups: ['captains', 'system:authenticated'] };

function levelOf(rules: string, request: RequestInfo): string {
  return readAuditPolicy(`{apiVersion: audit.k8s.io/v1, kind: Policy, rules: [${rules}]}`)(user, request).level;
}

describe('an audit policy', () => {
  it.each([
    ['{level: Metadata}', info({}), 'Metadata'],
    ['{level: None, users: [ahab]}, {level: Metadata}', info({}), 'None'],
    ['{level: None, users: [ishmael]}, {level: Metadata}', info({}), 'Metadata'],
    ['{level: Request, userGroups: [captains]}', info({}), 'Request'],
    ['{level: Request, verbs: [create]}', info({}), 'None'],
    ['{level: Request, resources: [{group: "", resources: [pods]}]}', info({}), 'Request'],
    ['{level: Request, resources: [{group: "", resources: [pods]}]}', info({ subresource: 'log' }), 'None'],
    ['{level: Request, resources: [{group: "", resources: [pods/log]}]}', info({ subresource: 'log' }), 'Request'],
    ['{level: Request, resources: [{group: "", resources: ["pods/*"]}]}', info({ subresource: 'log' }), 'Request'],
    ['{level: Request, resources: [{group: "", resources: ["*/log"]}]}', info({ subresource: 'log' }), 'Request'],
    ['{level: Request, resources: [{group: apps}]}', info({ group: 'apps', resource: 'deployments' }), 'Request'],
    ['{level: Request, resources: [{group: apps}]}', info({}), 'None'],
    ['{level: Request, resources: [{group: "", resources: [pods], resourceNames: [q]}]}', info({}), 'None'],
    ['{level: Request, namespaces: [kube-system]}', info({}), 'None'],
    ['{level: Request, namespaces: [default]}', info({}), 'Request'],
    ['{level: Request, nonResourceURLs: ["/api*"]}', info({ isResource: false, path: '/apis' }), 'Request'],
    ['{level: Request, nonResourceURLs: [/version]}', info({ isResource: false, path: '/apis' }), 'None'],
    ['{level: Request, nonResourceURLs: ["*"]}', info({}), 'None'],
  ])('%s', (rules, request, level) => {
    expect(levelOf(rules, request)).toBe(level);
  });

  it('leaves out stages of the whole and of the rule', () => {
    const policy = readAuditPolicy('{apiVersion: audit.k8s.io/v1, kind: Policy, omitStages: [RequestReceived], rules: [{level: Metadata, omitStages: [ResponseStarted]}]}');
    expect([...policy(user, info({})).omitStages]).toEqual(['RequestReceived', 'ResponseStarted']);
  });

  it.each([
    ['kind: Policy', 'kind: must be Policy of audit.k8s.io/v1'],
    ['{apiVersion: audit.k8s.io/v1, kind: Policy}', 'rules: must have a rule'],
    ['{apiVersion: audit.k8s.io/v1, kind: Policy, rules: [{level: All}]}', 'rules[0].level: must be one of None, Metadata, Request, RequestResponse'],
    ['{apiVersion: audit.k8s.io/v1, kind: Policy, rules: [{level: None, verbs: get}]}', 'rules[0].verbs: must be a list'],
    ['{apiVersion: audit.k8s.io/v1, kind: Policy, rules: [{level: None, omitStages: [Never]}]}', 'rules[0].omitStages: "Never" is none of'],
  ])('refuses %s', (text, message) => {
    expect(() => readAuditPolicy(text)).toThrow(message);
  });
});
