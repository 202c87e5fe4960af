import { describe, expect, it } from 'vitest';
import { fieldErrorTexts } from '../../../machinery/field-path.ts';
import type { KubernetesObject } from '../../../machinery/kinds/kind.ts';
import type { Draft } from '../../../machinery/kinds/wire.ts';
import type { Resource } from '../define.ts';
import { flowSchemas, priorityLevels } from './defaults.ts';
import { flowSchema } from './flow-schema.ts';
import { priorityLevelConfiguration } from './priority-level-configuration.ts';

function judged<T extends KubernetesObject>(resource: Resource<T>, name: string, spec: object): string[] {
  const draft = structuredClone({ metadata: { name }, spec }) as unknown as Draft<T>;
  resource.defaults?.(draft);
  return fieldErrorTexts(resource.validate?.(draft as T));
}

describe('what every cluster starts with', () => {
  it.each(flowSchemas.map(({ name, spec }) => [name, spec] as const))('the flow schema %s is valid and names a level', (name, spec) => {
    expect(judged(flowSchema, name, spec)).toEqual([]);
    expect(priorityLevels.map((level) => level.name)).toContain(spec.priorityLevelConfiguration.name);
  });

  it.each(priorityLevels.map(({ name, spec }) => [name, spec] as const))('the priority level %s is valid', (name, spec) => {
    expect(judged(priorityLevelConfiguration, name, spec)).toEqual([]);
  });
});

describe('a flow schema', () => {
  const level = { priorityLevelConfiguration: { name: 'system' } };
  const users = [{ kind: 'User', user: { name: 'u' } }];
  const resourceRule = { verbs: ['get'], apiGroups: [''], resources: ['pods'], namespaces: ['*'] };
  const ruled = (rule: object) => ({ ...level, rules: [{ subjects: users, resourceRules: [resourceRule], ...rule }] });

  it.each<[string, object, readonly string[]]>([
    ['a good one', ruled({}), []],
    ['no level', {}, ['spec.priorityLevelConfiguration.name: Required value: must reference a priority level']],
    ['precedence of the exempt', { ...level, matchingPrecedence: 1 }, ["spec.matchingPrecedence: Invalid value: 1: only the schema named 'exempt' may have matchingPrecedence 1"]],
    ['precedence out of bounds', { ...level, matchingPrecedence: 10_001 }, ['spec.matchingPrecedence: Invalid value: 10001: must not be greater than 10000']],
    ['negative precedence', { ...level, matchingPrecedence: -1 }, ['spec.matchingPrecedence: Invalid value: -1: must be a positive value']],
    ['unknown distinguisher', { ...level, distinguisherMethod: { type: 'ByMood' } }, ['spec.distinguisherMethod.type: Unsupported value: {"type":"ByMood"}: supported values: "ByNamespace", "ByUser"']],
    ['empty rules', { ...level, rules: [{ subjects: [] }] }, [
      'spec.rules[0].subjects: Required value: subjects must contain at least one value',
      'spec.rules[0]: Required value: at least one of resourceRules and nonResourceRules has to be non-empty',
    ]],
    ['subjects that are two things', ruled({ subjects: [{ kind: 'User', group: { name: 'g' } }, { kind: 'Robot' }, { kind: 'ServiceAccount', serviceAccount: { name: '*', namespace: '' } }] }), [
      "spec.rules[0].subjects[0].group: Forbidden: group is forbidden when subject kind is not 'Group'", "spec.rules[0].subjects[0].user: Required value: user is required when subject kind is 'User'",
      'spec.rules[0].subjects[1].kind: Unsupported value: "Robot": supported values: "Group", "ServiceAccount", "User"',
      'spec.rules[0].subjects[2].serviceAccount.namespace: Required value: must specify namespace for service account',
    ]],
    ['rules about nothing', ruled({ resourceRules: [{ verbs: ['*', 'get'], apiGroups: [], resources: [], namespaces: [] }] }), [
      'spec.rules[0].resourceRules[0].verbs: Invalid value: ["*","get"]: if \'*\' is present, must not specify other verbs',
      'spec.rules[0].resourceRules[0].apiGroups: Required value: resource rules must supply at least one api group',
      'spec.rules[0].resourceRules[0].resources: Required value: resource rules must supply at least one resource',
      'spec.rules[0].resourceRules[0].namespaces: Required value: resource rules that are not cluster scoped must supply at least one namespace',
    ]],
    ['paths that are none', ruled({ nonResourceRules: [{ verbs: ['fly'], nonResourceURLs: ['healthz', '/a b', '/a//b', '/a*'] }] }), [
      'spec.rules[0].nonResourceRules[0].verbs: Unsupported value: ["fly"]: supported values: "create", "delete", "deletecollection", "get", "list", "patch", "proxy", "update", "watch"',
      'spec.rules[0].nonResourceRules[0].nonResourceURLs[0]: Invalid value: "healthz": must start with slash', 'spec.rules[0].nonResourceRules[0].nonResourceURLs[1]: Invalid value: "/a b": must not contain white-space',
      'spec.rules[0].nonResourceRules[0].nonResourceURLs[2]: Invalid value: "/a//b": must not contain double slash', 'spec.rules[0].nonResourceRules[0].nonResourceURLs[3]: Invalid value: "/a*": wildcard can only do suffix matching',
    ]],
  ])('is judged: %s', (_name, spec, messages) => {
    expect(judged(flowSchema, 'x', spec)).toEqual(messages);
  });

  it('that must be there stays as it is', () => {
    expect(judged(flowSchema, 'catch-all', ruled({}))).toEqual([expect.stringMatching(/^spec: Invalid value: .*: spec of 'catch-all' must equal the fixed value$/)]);
  });

  it('has each condition once', () => {
    expect(fieldErrorTexts(flowSchema.validateStatusUpdate?.({ status: { conditions: [{ type: 'A' }, { type: 'A' }, {}] } }, {}))).toEqual([
      'status.conditions[1].type: Duplicate value: "A"', 'status.conditions[2].type: Required value: must not be empty',
    ]);
  });
});

const queued = (queuing: object) => ({ type: 'Limited', limited: { limitResponse: { type: 'Queue', queuing } } });
const cells = (spec: object) => priorityLevelConfiguration.columns.slice(1, -1).map((column) => column.cell({ metadata: {}, spec: { type: 'Limited', ...spec } }, 0));

describe('a priority level', () => {
  it.each<[string, object, readonly string[]]>([
    ['a good one', queued({}), []],
    ['no type', {}, ['spec.type: Unsupported value: "": supported values: "Exempt", "Limited"']],
    ['exempt under another name', { type: 'Exempt' }, ["spec.type: Invalid value: \"Exempt\": type must be 'Exempt' if and only if name is 'exempt'"]],
    ['limited without limits', { type: 'Limited', exempt: {} }, ['spec.exempt: Forbidden: must be nil if the type is Limited', 'spec.limited: Required value: must not be empty when type is Limited']],
    ['shares that are none', { type: 'Limited', limited: { nominalConcurrencyShares: -1, lendablePercent: 101, borrowingLimitPercent: -1, limitResponse: { type: 'Reject', queuing: {} } } }, [
      'spec.limited.nominalConcurrencyShares: Invalid value: -1: must be a non-negative integer', 'spec.limited.lendablePercent: Invalid value: 101: must be between 0 and 100, inclusive',
      'spec.limited.limitResponse.queuing: Forbidden: must be nil if limited.limitResponse.type is not Limited',
      'spec.limited.borrowingLimitPercent: Invalid value: -1: if specified, must be a non-negative integer',
    ]],
    ['a hand larger than the deck', queued({ queues: 2, handSize: 3, queueLengthLimit: -1 }), [
      'spec.limited.limitResponse.queuing.queueLengthLimit: Invalid value: -1: must be positive', 'spec.limited.limitResponse.queuing.handSize: Invalid value: 3: should not be greater than queues (2)',
    ]],
    ['more than a hash can deal', queued({ queues: 512, handSize: 8 }), [
      'spec.limited.limitResponse.queuing.handSize: Invalid value: 8: required entropy bits of deckSize 512 and handSize 8 should not be greater than 60',
    ]],
    ['no answer to too much', { type: 'Limited', limited: {} }, ['spec.limited.limitResponse.type: Unsupported value: "": supported values: "Queue", "Reject"']],
  ])('is judged: %s', (_name, spec, messages) => {
    expect(judged(priorityLevelConfiguration, 'x', spec)).toEqual(messages);
  });

  it('that is exempt may be lent', () => {
    expect(judged(priorityLevelConfiguration, 'exempt', { type: 'Exempt', exempt: { lendablePercent: 50 } })).toEqual([]);
    expect(judged(priorityLevelConfiguration, 'exempt', { type: 'Exempt', limited: { limitResponse: { type: 'Reject' } } })).toEqual([
      'spec.limited: Forbidden: must be nil if the type is not Limited', expect.stringContaining("spec of 'exempt' except the 'spec.exempt' field must equal the fixed value"),
    ]);
  });

  it('shows its numbers where it has some', () => {
    expect(cells(priorityLevels.find(({ name }) => name === 'system')?.spec ?? {})).toEqual(['Limited', 30, 64, 6, 50]);
    expect(cells({ type: 'Exempt' })).toEqual(['Exempt', '<none>', '<none>', '<none>', '<none>']);
  });
});
