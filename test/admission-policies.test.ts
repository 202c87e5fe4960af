import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ValidatingAdmissionPolicy } from '../machinery/kinds/admission-registration.ts';
import { Namespace } from '../machinery/kinds/core.ts';
import { eventually } from './e2e/eventually.ts';
import { startTestServer, type TestServer } from './test-server.ts';

/** Admission policies as a user meets them: kubectl applies them and is told what they say. */
let test: TestServer;

beforeAll(async () => {
  test = await startTestServer();
  for (const [name, env] of [['prod', 'prod'], ['play', 'test']] as const) await test.client.create(Namespace, { metadata: { name, labels: { env } } });
});

afterAll(() => test.dispose());

const apply = (...objects: readonly object[]) => test.kubectlWith(objects.map((object) => JSON.stringify(object)).join('\n---\n'), 'apply', '-f', '-');

const v1 = { apiVersion: 'admissionregistration.k8s.io/v1' };
const rule = { apiGroups: ['apps'], apiVersions: ['v1'], operations: ['CREATE', 'UPDATE'], resources: ['deployments'] };
const deployment = (namespace: string, replicas: number, name = 'web') => ({
  apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name, namespace },
  spec: { replicas, selector: { matchLabels: { app: name } }, template: { metadata: { labels: { app: name } }, spec: { containers: [{ name: 'web', image: 'web' }] } } },
});

describe('a validating policy', () => {
  it('denies where it is bound, in words that kubectl shows', async () => {
    const applied = await apply({
      ...v1, kind: 'ValidatingAdmissionPolicy', metadata: { name: 'few' },
      spec: { matchConstraints: { resourceRules: [rule] }, variables: [{ name: 'replicas', expression: 'object.spec.replicas' }], validations: [{ expression: 'variables.replicas <= 3', messageExpression: "'at most 3 replicas, not ' + string(variables.replicas)" }] },
    }, { ...v1, kind: 'ValidatingAdmissionPolicyBinding', metadata: { name: 'few-in-prod' }, spec: { policyName: 'few', validationActions: ['Deny'], matchResources: { namespaceSelector: { matchLabels: { env: 'prod' } } } } });
    expect(applied).toMatchObject({ code: 0, err: '' });
    await eventually(async () => {
      const { code, err } = await apply(deployment('prod', 5));
      expect({ code, err }).toMatchObject({ code: 1, err: expect.stringContaining("ValidatingAdmissionPolicy 'few' with binding 'few-in-prod' denied request: at most 3 replicas, not 5") });
    });
    expect(await apply(deployment('play', 5))).toMatchObject({ code: 0 });
    expect(await apply(deployment('prod', 3))).toMatchObject({ code: 0 });
    expect((await test.kubectl('patch', 'deployment', 'web', '-n', 'prod', '-p', '{"spec":{"replicas":4}}')).err).toContain('at most 3 replicas, not 4');
  });

  it('is not asked about questions of who may do what', async () => {
    const all = { apiGroups: ['authorization.k8s.io'], apiVersions: ['*'], operations: ['*'], resources: ['*'] };
    await apply({ ...v1, kind: 'ValidatingAdmissionPolicy', metadata: { name: 'mute' }, spec: { matchConstraints: { resourceRules: [all, rule] }, validations: [{ expression: "request.name != 'mute' && request.resource.group != 'authorization.k8s.io'", message: 'ask nobody' }] } },
      { ...v1, kind: 'ValidatingAdmissionPolicyBinding', metadata: { name: 'mute' }, spec: { policyName: 'mute', validationActions: ['Deny'] } });
    await eventually(async () => { expect((await apply(deployment('play', 1, 'mute'))).err).toContain('ask nobody'); });
    expect((await test.kubectl('auth', 'can-i', 'get', 'pods')).out).toBe('yes\n');
  });

  it('warns', async () => {
    await apply({ ...v1, kind: 'ValidatingAdmissionPolicy', metadata: { name: 'named' }, spec: { matchConstraints: { resourceRules: [rule] }, validations: [{ expression: "object.metadata.name.startsWith('web')", message: 'call it web' }] } },
      { ...v1, kind: 'ValidatingAdmissionPolicyBinding', metadata: { name: 'named' }, spec: { policyName: 'named', validationActions: ['Warn'] } });
    await eventually(async () => {
      expect(await apply(deployment('play', 1, 'other'))).toMatchObject({ code: 0, err: "Warning: Validation failed for ValidatingAdmissionPolicy 'named' with binding 'named': call it web\n" });
      await test.kubectl('delete', 'deployment', 'other', '-n', 'play');
    });
  });

  it('says in its status which of its expressions can not be right', async () => {
    await apply({
      ...v1, kind: 'ValidatingAdmissionPolicy', metadata: { name: 'misspelt' },
      spec: { matchConstraints: { resourceRules: [rule] }, validations: [{ expression: 'object.spec.replicsa > 1' }, { expression: 'object.metadata.namespace != "x" && object.spec.template.spec.containers.all(c, c.image.startsWith("r/"))' }] },
    });
    await eventually(async () => {
      const { status, metadata } = await test.client.get(ValidatingAdmissionPolicy, { name: 'misspelt' });
      expect(status).toEqual({
        observedGeneration: metadata?.generation,
        typeChecking: { expressionWarnings: [{ fieldRef: 'spec.validations[0].expression', warning: "apps/v1, Kind=Deployment: ERROR: <input>:1:12: undefined field 'replicsa'\n | object.spec.replicsa > 1\n | ...........^\n" }] },
      });
    });
  });

  it('is refused when an expression does not compile', async () => {
    const { code, err } = await apply({ ...v1, kind: 'ValidatingAdmissionPolicy', metadata: { name: 'broken' }, spec: { matchConstraints: { resourceRules: [rule] }, validations: [{ expression: 'object.spec.replicas >' }] } });
    expect(code).toBe(1);
    expect(err).toContain('spec.validations[0].expression: Invalid value: "object.spec.replicas >": compilation failed: ERROR: <input>:1:23: Syntax error');
  });
});

describe('a mutating policy', () => {
  it('changes what is created', async () => {
    const applied = await apply({
      ...v1, kind: 'MutatingAdmissionPolicy', metadata: { name: 'labelled' },
      spec: {
        matchConstraints: { resourceRules: [{ ...rule, operations: ['CREATE'] }] }, reinvocationPolicy: 'Never',
        mutations: [
          { patchType: 'ApplyConfiguration', applyConfiguration: { expression: 'Object{metadata: Object.metadata{labels: {"env": namespaceObject.metadata.labels.env}}}' } },
          { patchType: 'JSONPatch', jsonPatch: { expression: '[JSONPatch{op: "add", path: "/metadata/annotations/" + jsonpatch.escapeKey("example.com/by"), value: request.userInfo.username}]' } },
        ],
      },
    }, { ...v1, kind: 'MutatingAdmissionPolicyBinding', metadata: { name: 'labelled' }, spec: { policyName: 'labelled' } });
    expect(applied).toMatchObject({ code: 0, err: '' });
    await eventually(async () => {
      expect(await apply(deployment('prod', 1, 'web-labelled'))).toMatchObject({ code: 0 });
      const { out } = await test.kubectl('get', 'deployment', 'web-labelled', '-n', 'prod', '-o', 'jsonpath={.metadata.labels.env} {.metadata.annotations.example\\.com/by}');
      await test.kubectl('delete', 'deployment', 'web-labelled', '-n', 'prod');
      expect(out).toBe('prod admin');
    });
  });
});

const policyOf = (kind: string) => ({
  ...v1, kind: 'ValidatingAdmissionPolicy', metadata: { name: `of-${kind.toLowerCase()}` },
  spec: { paramKind: { apiVersion: 'v1', kind }, matchConstraints: { resourceRules: [rule] }, validations: [{ expression: 'true' }] },
});
const bindingOf = (kind: string) => ({
  ...v1, kind: 'ValidatingAdmissionPolicyBinding', metadata: { name: `of-${kind.toLowerCase()}` },
  spec: { policyName: `of-${kind.toLowerCase()}`, validationActions: ['Deny'], paramRef: { name: 'x', parameterNotFoundAction: 'Allow' } },
});
const asAda = (object: object) => test.kubectlWith(JSON.stringify(object), 'create', '--as=ada', '-f', '-');

describe("a policy's parameters", () => {
  it('are for those only who may read them', async () => {
    await apply(
      { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole', metadata: { name: 'policies' }, rules: [{ apiGroups: ['admissionregistration.k8s.io'], resources: ['*'], verbs: ['*'] }, { apiGroups: [''], resources: ['configmaps'], verbs: ['get'] }] },
      { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRoleBinding', metadata: { name: 'policies' }, roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'policies' }, subjects: [{ kind: 'User', name: 'ada', apiGroup: 'rbac.authorization.k8s.io' }] },
    );
    await eventually(async () => { expect(await asAda(policyOf('ConfigMap'))).toMatchObject({ code: 0 }); });
    expect(await asAda(bindingOf('ConfigMap'))).toMatchObject({ code: 0 });
    expect((await asAda(policyOf('Secret'))).err).toContain('user "ada" must have "get" permission on all objects of the referenced paramKind (kind=Secret, apiVersion=v1)');
    await apply(policyOf('Secret'));
    expect((await asAda(bindingOf('Secret'))).err).toContain('user "ada" does not have "get" permission on the object referenced by paramRef');
  });
});
