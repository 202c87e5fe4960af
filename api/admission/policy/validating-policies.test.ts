import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding } from '../../../machinery/kinds/admission-registration.ts';
import { Deployment } from '../../../machinery/kinds/apps.ts';
import { ConfigMap, Namespace, Pod } from '../../../machinery/kinds/core.ts';
import { someone } from '../../access/test-cluster.ts';
import { startPolicyCluster, type PolicyCluster } from './policy-cluster.ts';
import { validatingPolicies } from './validating-policies.ts';

let at: PolicyCluster;

beforeAll(async () => {
  at = await startPolicyCluster(validatingPolicies);
  await at.put(ConfigMap, { metadata: { name: 'limits', namespace: 'a', labels: { use: 'policy' } }, data: { max: '3' } });
  await at.put(ConfigMap, { metadata: { name: 'stricter', namespace: 'a', labels: { use: 'policy' } }, data: { max: '1' } });
});

afterAll(() => at.close());

afterEach(async () => {
  await at.remove(ValidatingAdmissionPolicy, { name: 'p' });
  await at.remove(ValidatingAdmissionPolicyBinding, { name: 'b' });
});

const rule = { operations: ['CREATE', 'UPDATE'], apiGroups: ['apps'], apiVersions: ['v1'], resources: ['deployments'], scope: '*' };
const deployment = (replicas: number, more: object = {}): Deployment => ({ metadata: { name: 'd', namespace: 'a', ...more }, spec: { replicas, selector: {}, template: {} } });

type PolicySpec = NonNullable<ValidatingAdmissionPolicy['spec']>;
type BindingSpec = NonNullable<ValidatingAdmissionPolicyBinding['spec']>;

async function policy(spec: Partial<PolicySpec>, binding: Partial<BindingSpec> = {}): Promise<void> {
  await at.put(ValidatingAdmissionPolicy, { metadata: { name: 'p', generation: 1 }, spec: { matchConstraints: { resourceRules: [rule] }, failurePolicy: 'Fail', ...spec } });
  await at.put(ValidatingAdmissionPolicyBinding, { metadata: { name: 'b' }, spec: { policyName: 'p', validationActions: ['Deny'], ...binding } });
}

const tooMany = { expression: 'object.spec.replicas <= 5' };

/** What the policy says whose message is that expression. */
async function said(messageExpression: string): Promise<string | undefined> {
  await at.put(ValidatingAdmissionPolicy, {
    metadata: { name: 'p', uid: messageExpression, generation: 1 },
    spec: { matchConstraints: { resourceRules: [rule] }, validations: [{ ...tooMany, message: 'fixed', messageExpression }] },
  });
  return (await at.judge(Deployment, deployment(9))).error?.message.split('request: ')[1];
}

describe('a policy', () => {
  it('does nothing until it is bound', async () => {
    await at.put(ValidatingAdmissionPolicy, { metadata: { name: 'p', generation: 1 }, spec: { matchConstraints: { resourceRules: [rule] }, validations: [tooMany] } });
    expect((await at.judge(Deployment, deployment(9))).error).toBeUndefined();
  });

  it('denies what fails its expressions, and says so as Kubernetes does', async () => {
    await policy({ validations: [tooMany, { expression: 'has(object.metadata.labels)', message: 'labels are missing' }] });
    expect((await at.judge(Deployment, deployment(9))).error?.status).toEqual({
      kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', reason: 'Invalid', code: 422,
      message: `deployments.apps "d" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request: failed expression: object.spec.replicas <= 5`,
      details: { name: 'd', group: 'apps', kind: 'deployments', causes: [
        { message: `ValidatingAdmissionPolicy 'p' with binding 'b' denied request: failed expression: object.spec.replicas <= 5` },
      ] },
    });
    expect((await at.judge(Deployment, deployment(5, { labels: { a: 'b' } }))).error).toBeUndefined();
  });

  it('follows changes of itself and its binding', async () => {
    await policy({ validations: [tooMany] });
    await at.put(ValidatingAdmissionPolicy, { metadata: { name: 'p', generation: 2 }, spec: { matchConstraints: { resourceRules: [rule] }, validations: [{ expression: 'object.spec.replicas <= 50' }] } });
    expect((await at.judge(Deployment, deployment(9))).error).toBeUndefined();
    expect((await at.judge(Deployment, deployment(51))).error?.message).toContain('object.spec.replicas <= 50');
    await at.remove(ValidatingAdmissionPolicyBinding, { name: 'b' });
    expect((await at.judge(Deployment, deployment(51))).error).toBeUndefined();
  });

  it('words its message with an expression, and falls back where that says nothing', async () => {
    await policy({});
    expect(await said("'at most 5, not ' + string(object.spec.replicas)")).toBe('at most 5, not 9');
    expect(await said("' '")).toBe('fixed');
    expect(await said('object.spec.nothing')).toBe('fixed');
    expect(await said("'two\\nlines'")).toBe('fixed');
  });

  it.each([['Forbidden', 403], ['RequestEntityTooLarge', 413], [undefined, 422]])('answers with its reason: %s', async (reason, code) => {
    await policy({ validations: [{ ...tooMany, ...(reason === undefined ? {} : { reason }) }] });
    expect((await at.judge(Deployment, deployment(9))).error?.status).toMatchObject({ code, reason: reason ?? 'Invalid' });
  });

  it('warns and notes, if its binding wants that', async () => {
    await policy({ validations: [tooMany] }, { validationActions: ['Warn', 'Audit'] });
    const { error, warnings, annotations } = await at.judge(Deployment, deployment(9));
    expect(error).toBeUndefined();
    expect(warnings).toEqual(["Validation failed for ValidatingAdmissionPolicy 'p' with binding 'b': failed expression: object.spec.replicas <= 5"]);
    expect(JSON.parse(annotations.get('validation.policy.admission.k8s.io/validation_failure') ?? '')).toEqual([
      { message: 'failed expression: object.spec.replicas <= 5', policy: 'p', binding: 'b', expressionIndex: 0, validationActions: ['Warn', 'Audit'] },
    ]);
  });

  it('notes what its audit annotations say', async () => {
    await policy({ auditAnnotations: [{ key: 'replicas', valueExpression: "'it has ' + string(object.spec.replicas)" }, { key: 'none', valueExpression: 'null' }] });
    expect([...(await at.judge(Deployment, deployment(2))).annotations]).toEqual([['p/replicas', 'it has 2']]);
  });

  it('denies what it can not note', async () => {
    await policy({ auditAnnotations: [{ key: 'broken', valueExpression: 'string(object.nothing)' }] }, { validationActions: ['Warn'] });
    expect((await at.judge(Deployment, deployment(2))).error?.message).toContain("denied request: expression 'string(object.nothing)' resulted in error: no such key: nothing");
  });

  it('denies on errors, or ignores them, as its failure policy says', async () => {
    await policy({ validations: [{ expression: 'object.spec.nothing > 1' }] });
    expect((await at.judge(Deployment, deployment(1))).error?.message).toContain("denied request: expression 'object.spec.nothing > 1' resulted in error: no such key: nothing");
    await policy({ validations: [{ expression: 'object.spec.nothing > 1' }], failurePolicy: 'Ignore' });
    await at.remove(ValidatingAdmissionPolicy, { name: 'p' });
    await policy({ validations: [{ expression: 'object.spec.nothing > 1' }], failurePolicy: 'Ignore' });
    expect((await at.judge(Deployment, deployment(1))).error).toBeUndefined();
  });

  it('ends with its budget', async () => {
    const all = '[1,2,3,4,5,6,7,8,9,10]';
    const dear = `${all}.all(a, ${all}.all(b, ${all}.all(c, ${all}.all(d, ${all}.all(e, a + b + c + d + e > 0)))))`;
    await policy({ validations: Array.from({ length: 12 }, () => ({ expression: dear })) });
    expect((await at.judge(Deployment, deployment(1))).error?.message.split('request: ')[1]).toBe('validation failed due to running out of cost budget, no further validation rules will be run');
    await at.put(ValidatingAdmissionPolicy, { metadata: { name: 'p', generation: 2 }, spec: { matchConstraints: { resourceRules: [rule] }, validations: [{ expression: dear }] } });
    expect((await at.judge(Deployment, deployment(1))).error?.message).toContain('operation cancelled: actual cost limit exceeded');
  });
});

describe('what a policy sees', () => {
  it.each([
    'object.kind == "Deployment" && object.apiVersion == "apps/v1" && oldObject == null', 'request.operation == "CREATE" && request.name == "d" && request.namespace == "a" && !request.dryRun',
    'request.kind.kind == "Deployment" && request.resource.resource == "deployments" && request.requestKind.group == "apps"', 'request.userInfo.username == "reader" && "system:authenticated" in request.userInfo.groups',
    'namespaceObject.metadata.name == "a" && namespaceObject.metadata.labels.env == "prod" && namespaceObject.status.phase == "Active"', 'authorizer.requestResource.check("get").allowed() && !authorizer.group("").resource("pods").check("delete").allowed()',
    'variables.twice == 6 && variables.late', 'request.options.kind == "CreateOptions"', '!has(request.subResource)',
  ])('%s', async (expression) => {
    await policy({ variables: [{ name: 'replicas', expression: 'object.spec.replicas' }, { name: 'twice', expression: 'variables.replicas * 2' }, { name: 'late', expression: 'variables.twice > 5' }, { name: 'broken', expression: 'object.nothing' }], validations: [{ expression }] });
    expect((await at.judge(Deployment, deployment(3), { user: someone('reader') })).error?.message).toBeUndefined();
  });

  it('is nothing but the old object on deletion', async () => {
    await policy({ matchConstraints: { resourceRules: [{ ...rule, operations: ['DELETE'] }] }, validations: [{ expression: 'object == null && oldObject.spec.replicas == 0', message: 'scale it down first' }] });
    expect((await at.judge(Deployment, undefined, { old: deployment(1), operation: 'DELETE' })).error?.message).toContain('scale it down first');
    expect((await at.judge(Deployment, undefined, { old: deployment(0), operation: 'DELETE' })).error).toBeUndefined();
  });
});

describe('a policy is asked', () => {
  it.each<[string, Partial<PolicySpec>, Partial<BindingSpec>, boolean]>([
    ['by group, version, resource and operation', { matchConstraints: { resourceRules: [rule] } }, {}, true],
    ['of all resources', { matchConstraints: { resourceRules: [{ ...rule, apiGroups: ['*'], apiVersions: ['*'], resources: ['*'], operations: ['*'] }] } }, {}, true],
    ['not for other operations', { matchConstraints: { resourceRules: [{ ...rule, operations: ['UPDATE'] }] } }, {}, false],
    ['not for subresources alone', { matchConstraints: { resourceRules: [{ ...rule, resources: ['deployments/status'] }] } }, {}, false],
    ['not for other scopes', { matchConstraints: { resourceRules: [{ ...rule, scope: 'Cluster' }] } }, {}, false],
    ['not for other names', { matchConstraints: { resourceRules: [{ ...rule, resourceNames: ['e'] }] } }, {}, false],
    ['not for what is excluded', { matchConstraints: { resourceRules: [rule], excludeResourceRules: [{ ...rule, resourceNames: ['d'] }] } }, {}, false],
    ['in chosen namespaces', { matchConstraints: { resourceRules: [rule], namespaceSelector: { matchLabels: { env: 'prod' } } } }, {}, true],
    ['not in others', { matchConstraints: { resourceRules: [rule], namespaceSelector: { matchLabels: { env: 'test' } } } }, {}, false],
    ['for chosen objects', { matchConstraints: { resourceRules: [rule], objectSelector: { matchExpressions: [{ key: 'app', operator: 'Exists' }] } } }, {}, true],
    ['not for others', { matchConstraints: { resourceRules: [rule], objectSelector: { matchLabels: { app: 'other' } } } }, {}, false],
    ['where its binding is', {}, { matchResources: { namespaceSelector: { matchLabels: { env: 'test' } } } }, false],
    ['when its conditions hold', { matchConditions: [{ name: 'a', expression: 'object.spec.replicas > 5' }, { name: 'b', expression: "request.userInfo.username != 'root'" }] }, {}, true],
    ['not when one does not', { matchConditions: [{ name: 'a', expression: 'object.spec.nothing' }, { name: 'b', expression: 'false' }] }, {}, false],
  ])('%s', async (_name, spec, binding, asked) => {
    await policy({ validations: [{ expression: 'false' }], ...spec }, binding);
    expect((await at.judge(Deployment, deployment(9, { labels: { app: 'x' } }))).error !== undefined).toBe(asked);
  });

  it('not when a condition fails, if it ignores failures; else that denies', async () => {
    const matchConditions = [{ name: 'a', expression: 'object.spec.nothing == 1' }];
    await policy({ validations: [{ expression: 'true' }], matchConditions });
    expect((await at.judge(Deployment, deployment(9))).error?.message).toContain("expression 'object.spec.nothing == 1' resulted in error: no such key: nothing");
  });

  it('never about what configures admission, or about namespaces by selectors of others', async () => {
    await policy({ matchConstraints: { resourceRules: [{ ...rule, apiGroups: ['*'], apiVersions: ['*'], resources: ['*'] }], namespaceSelector: { matchLabels: { watched: 'yes' } } }, validations: [{ expression: 'false' }] });
    expect((await at.judge(ValidatingAdmissionPolicy, { metadata: { name: 'q' } })).error).toBeUndefined();
    expect((await at.judge(Namespace, { metadata: { name: 'n' } })).error).toBeUndefined();
    expect((await at.judge(Namespace, { metadata: { name: 'n', labels: { watched: 'yes' } } })).error).toBeDefined();
    expect((await at.judge(Pod, { metadata: { name: 'x', namespace: 'a' } })).error).toBeUndefined();
  });
});

describe('parameters', () => {
  const paramKind = { apiVersion: 'v1', kind: 'ConfigMap' };
  const limited = { paramKind, validations: [{ expression: 'params != null && object.spec.replicas <= int(params.data.max)', messageExpression: "'at most ' + params.data.max" }] };

  it.each<[string, NonNullable<BindingSpec['paramRef']> | undefined, number, string | undefined]>([
    ['by name, in the namespace of the write', { name: 'limits', parameterNotFoundAction: 'Deny' }, 4, 'at most 3'],
    ['that allow it', { name: 'limits', parameterNotFoundAction: 'Deny' }, 3, undefined],
    ['by name, in another', { name: 'limits', namespace: 'a', parameterNotFoundAction: 'Deny' }, 4, 'at most 3'],
    ['by labels, all of them', { selector: { matchLabels: { use: 'policy' } }, parameterNotFoundAction: 'Deny' }, 2, 'at most 1'],
    ['that are not there deny', { name: 'nothing', parameterNotFoundAction: 'Deny' }, 2, 'failed to configure binding: no params found for policy binding with `Deny` parameterNotFoundAction'],
    ['that are not there may not matter', { name: 'nothing', parameterNotFoundAction: 'Allow' }, 2, undefined],
    ['that nobody named are null', undefined, 2, 'failed expression: params != null && object.spec.replicas <= int(params.data.max)'],
  ])('%s', async (_name, paramRef, replicas, message) => {
    await policy(limited, paramRef === undefined ? {} : { paramRef });
    expect((await at.judge(Deployment, deployment(replicas))).error?.message.split('request: ')[1]).toBe(message);
  });

  it('of a kind that nobody serves deny', async () => {
    await policy({ ...limited, paramKind: { apiVersion: 'example.com/v1', kind: 'Limit' } }, { paramRef: { name: 'x', parameterNotFoundAction: 'Allow' } });
    expect((await at.judge(Deployment, deployment(2))).error?.message).toContain("ValidatingAdmissionPolicy 'p' denied request: failed to configure policy: failed to find resource referenced by paramKind: 'example.com/v1, Kind=Limit'");
  });
});
