import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { MutatingAdmissionPolicy, MutatingAdmissionPolicyBinding } from '../../../machinery/kinds/admission-registration.ts';
import { ConfigMap, Pod } from '../../../machinery/kinds/core.ts';
import type { AdmissionPlugin } from '../admission.ts';
import { startPolicyCluster, type PolicyCluster } from './policy-cluster.ts';
import { mutatingPolicies } from './mutating-policies.ts';

/** A plug-in after the policies that puts a label on what asks for it, once. */
const late: AdmissionPlugin = {
  name: 'Late',
  handles: () => true,
  mutate(_write, draft) {
    const labels = draft.metadata?.labels;
    if (labels?.['ask'] !== 'late' || labels['late'] !== undefined) return undefined;
    labels['late'] = 'yes';
    return 'changed';
  },
};

let at: PolicyCluster;

beforeAll(async () => {
  at = await startPolicyCluster(mutatingPolicies, late);
  await at.put(ConfigMap, { metadata: { name: 'settings', namespace: 'a' }, data: { team: 'blue' } });
});

afterAll(() => at.close());

afterEach(async () => {
  for (const name of ['p', 'q']) await at.remove(MutatingAdmissionPolicy, { name });
  for (const name of ['p', 'q']) await at.remove(MutatingAdmissionPolicyBinding, { name });
});

const rule = { operations: ['CREATE'], apiGroups: [''], apiVersions: ['v1'], resources: ['pods'], scope: '*' };
const pod = (more: object = {}, spec: object = {}): Pod => ({ metadata: { name: 'x', namespace: 'a', ...more }, spec: { containers: [{ name: 'main', image: 'a' }], ...spec } });

type Spec = NonNullable<MutatingAdmissionPolicy['spec']>;
type BindingSpec = NonNullable<MutatingAdmissionPolicyBinding['spec']>;

async function policy(spec: Partial<Spec>, binding: Partial<BindingSpec> = {}, name = 'p'): Promise<void> {
  await at.put(MutatingAdmissionPolicy, { metadata: { name, generation: 1 }, spec: { matchConstraints: { resourceRules: [rule] }, failurePolicy: 'Fail', reinvocationPolicy: 'Never', ...spec } });
  await at.put(MutatingAdmissionPolicyBinding, { metadata: { name }, spec: { policyName: name, ...binding } });
}

const apply = (expression: string) => ({ mutations: [{ patchType: 'ApplyConfiguration', applyConfiguration: { expression } }] });
const patch = (expression: string) => ({ mutations: [{ patchType: 'JSONPatch', jsonPatch: { expression } }] });

const label = (key: string, value: string) => apply(`Object{metadata: Object.metadata{labels: {${JSON.stringify(key)}: ${value}}}}`);

const labelled = (key: string) => patch(`[JSONPatch{op: "add", path: "/metadata/labels/${key}", value: "yes"}]`).mutations;

async function made(object: Pod = pod()): Promise<Pod> {
  const { object: result, error } = await at.judge(Pod, object);
  expect(error?.message).toBeUndefined();
  return result as Pod;
}

const refusal = async (): Promise<string | undefined> => (await at.judge(Pod, pod())).error?.message;

describe('a configuration', () => {
  it('is merged: lists item by item, maps key by key, what it does not say stays', async () => {
    await policy(apply(`Object{
      metadata: Object.metadata{labels: {"team": "blue"}},
      spec: Object.spec{
        initContainers: [Object.spec.initContainers{name: "proxy", image: "p", restartPolicy: "Always"}],
        containers: object.spec.containers.map(c, Object.spec.containers{name: c.name, imagePullPolicy: "Always"})
      }
    }`));
    const result = await made(pod({ labels: { app: 'web' } }, { initContainers: [{ name: 'first', image: 'b' }] }));
    expect(result.metadata?.labels).toEqual({ app: 'web', team: 'blue' });
    expect(result.spec?.initContainers?.map(({ name, image }) => `${name} ${image ?? ''}`)).toEqual(['first b', 'proxy p']);
    expect(result.spec?.containers).toMatchObject([{ name: 'main', image: 'a', imagePullPolicy: 'Always' }]);
  });

  it.each<[string, string, string]>([
    ['may not replace what is atomic', 'Object{spec: Object.spec{containers: [Object.spec.containers{name: "main", args: ["a"]}]}}', 'error applying patch: invalid ApplyConfiguration: may not mutate atomic arrays, maps or structs: .spec.containers[0].args'],
    ['has no fields that the kind has not', 'Object{spec: Object.spec{nothing: 1}}', 'error applying patch: .spec.nothing: field not declared in schema'],
    ['names its types after their places', 'Object{spec: Object.metadata{}}', 'unexpected type name "Object.metadata", expected "Object.spec", which matches field name path from root Object type'],
    ['fails with its expression', 'Object{metadata: Object.metadata{labels: {"a": object.nothing}}}', `expression 'Object{metadata: Object.metadata{labels: {"a": object.nothing}}}' resulted in error: no such key: nothing`],
  ])('%s', async (_name, expression, message) => {
    await policy(apply(expression));
    expect(await refusal()).toBe(`policy 'p' with binding 'p' denied request: ${message}`);
  });
});

describe('a JSON patch', () => {
  it('is carried out', async () => {
    await policy(patch(`[
      JSONPatch{op: "test", path: "/spec/containers/0/name", value: "main"},
      JSONPatch{op: "add", path: "/metadata/labels", value: {"a/b": "1"}},
      JSONPatch{op: "add", path: "/metadata/labels/" + jsonpatch.escapeKey("c/d~e"), value: "2"},
      JSONPatch{op: "add", path: "/spec/containers/-", value: Object.spec.containers{name: "second", image: "b", ports: [Object.spec.containers.ports{containerPort: 80}]}}
    ]`));
    const result = await made();
    expect(result.metadata?.labels).toEqual({ 'a/b': '1', 'c/d~e': '2' });
    expect(result.spec?.containers).toMatchObject([{ name: 'main' }, { name: 'second', image: 'b', ports: [{ containerPort: 80 }] }]);
  });

  it.each<[string, string, string]>([
    ['that does not apply', '[JSONPatch{op: "remove", path: "/spec/nothing"}]', 'JSON Patch: '],
    ['that makes something else', '[JSONPatch{op: "replace", path: "/spec/containers", value: "none"}]', 'denied request: '],
  ])('%s denies', async (_name, expression, message) => {
    await policy(patch(expression));
    expect(await refusal()).toContain(message);
  });

  it('sees what was defaulted in what those before it made', async () => {
    await policy({ mutations: [
      ...patch('[JSONPatch{op: "add", path: "/spec/containers/-", value: Object.spec.containers{name: "second", image: "b"}}]').mutations,
      ...patch('[JSONPatch{op: "add", path: "/metadata/labels", value: {"policy": object.spec.containers[1].imagePullPolicy}}]').mutations,
    ] });
    expect((await made()).metadata?.labels).toEqual({ policy: 'Always' });
  });

  it('that fails keeps no other from being carried out, where failures are ignored', async () => {
    await policy({ mutations: [...labelled('first'), ...patch('[JSONPatch{op: "remove", path: "/spec/nothing"}]').mutations, ...labelled('second')], failurePolicy: 'Ignore' });
    expect((await made(pod({ labels: { app: 'x' } }))).metadata?.labels).toEqual({ app: 'x', first: 'yes', second: 'yes' });
  });

  it('that does not apply is nothing where failures are ignored', async () => {
    await policy({ ...patch('[JSONPatch{op: "remove", path: "/spec/nothing"}]'), failurePolicy: 'Ignore' });
    expect((await made()).spec?.containers).toHaveLength(1);
  });
});

describe('a mutating policy', () => {

  it('has variables, conditions and parameters', async () => {
    await policy({
      ...label('team', 'variables.team'), paramKind: { apiVersion: 'v1', kind: 'ConfigMap' }, variables: [{ name: 'team', expression: 'params.data.team' }],
      matchConditions: [{ name: 'unlabelled', expression: "!has(object.metadata.labels) || !('team' in object.metadata.labels)" }],
    }, { paramRef: { name: 'settings', parameterNotFoundAction: 'Deny' } });
    expect((await made()).metadata?.labels).toEqual({ team: 'blue' });
    expect((await made(pod({ labels: { team: 'red' } }))).metadata?.labels).toEqual({ team: 'red' });
  });

  it('sees what those before it made', async () => {
    await policy(label('first', "'yes'"));
    await policy(label('second', "has(object.metadata.labels.first) ? 'after' : 'alone'"), {}, 'q');
    expect((await made()).metadata?.labels).toEqual({ first: 'yes', second: 'after' });
  });

  it.each([['IfNeeded', 'yes'], ['Never', 'no']])('is asked again when others changed the object, if it wants that: %s', async (reinvocationPolicy, seen) => {
    await policy({ ...label('seen', "has(object.metadata.labels.late) ? 'yes' : 'no'"), reinvocationPolicy });
    expect((await made(pod({ labels: { ask: 'late' } }))).metadata?.labels).toEqual({ ask: 'late', late: 'yes', seen });
  });
});
