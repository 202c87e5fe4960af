import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Deployment } from '../machinery/kinds/apps.ts';
import { HorizontalPodAutoscaler, HorizontalPodAutoscalerV1 } from '../machinery/kinds/autoscaling.ts';
import { ConfigMap, Pod, Service } from '../machinery/kinds/core.ts';
import type { Kind, KubernetesObject } from '../machinery/kinds/kind.ts';
import type { ApiError } from '../machinery/status.ts';
import { startTestServer, type TestServer } from './test-server.ts';

/** Who owns which field, and configurations that are applied by the server: over HTTPS, as client libraries do it. */

let test: TestServer;
let count = 0;
beforeAll(async () => { test = await startTestServer(); });
afterAll(() => test.dispose());

const namespace = 'default';
const fresh = (): string => `object-${count++}`;
const config = (name: string, data: Readonly<Record<string, string>>, metadata: object = {}): ConfigMap => ({ metadata: { name, namespace, ...metadata }, data });
const deployment = (name: string, spec: object = {}, container: object = {}): Deployment => ({
  metadata: { name, namespace },
  spec: { selector: { matchLabels: { app: name } }, template: { metadata: { labels: { app: name } }, spec: { containers: [{ name: 'web', image: 'web:1', ...container }] } }, ...spec },
} as Deployment);
const by = (fieldManager: string, more: object = {}) => ({ fieldManager, ...more });
const at = (name: string) => ({ namespace, name });

/** `Apply a`, `Update b status`: who is in the entries. */
function managers({ metadata }: KubernetesObject): string[] {
  return (metadata?.managedFields ?? []).map(({ manager, operation, subresource }) => [operation, manager, ...(subresource === undefined ? [] : [subresource])].join(' ')).toSorted();
}

function fieldsOf({ metadata }: KubernetesObject, who: string): unknown {
  return metadata?.managedFields?.find(({ manager }) => manager === who)?.fieldsV1;
}

async function refusal(promise: Promise<unknown>): Promise<ApiError['status']> {
  try {
    await promise;
  } catch (error) {
    return (error as ApiError).status;
  }
  throw new Error('it was not refused');
}

const port = (containerPort: number, more: object = {}) => ({ containerPort, ...more });
const replicasOnly = { 'f:spec': { 'f:replicas': {} } };

describe('every write', () => {
  it('makes its writer the owner of what it brings', async () => {
    const name = fresh();
    const created = await test.client.create(ConfigMap, config(name, { a: '1' }), by('maker'));
    expect(created.metadata?.managedFields).toEqual([
      { manager: 'maker', operation: 'Update', apiVersion: 'v1', time: expect.any(String), fieldsType: 'FieldsV1', fieldsV1: { 'f:data': { '.': {}, 'f:a': {} } } },
    ]);
    const changed = await test.client.patch(ConfigMap, at(name), 'application/merge-patch+json', { data: { a: '2', b: '1' } }, by('other'));
    expect(fieldsOf(changed, 'maker')).toEqual({ 'f:data': {} });
    expect(fieldsOf(changed, 'other')).toEqual({ 'f:data': { 'f:a': {}, 'f:b': {} } });
    const replaced = await test.client.update(ConfigMap, { ...changed, data: { b: '1' } }, by('third'));
    expect(fieldsOf(replaced, 'other')).toEqual({ 'f:data': { 'f:b': {} } });
    expect(managers(replaced)).toEqual(['Update maker', 'Update other']);
  });

  it('counts for the first part of the user agent unless it says who it is', async () => {
    expect(managers(await test.client.create(ConfigMap, config(fresh(), { a: '1' })))).toEqual(['Update test']);
  });

  it('through a subresource is kept apart', async () => {
    const name = fresh();
    const created = await test.client.create(Deployment, deployment(name), by('maker'));
    const updated = await test.client.updateStatus(Deployment, { ...created, status: { replicas: 1, observedGeneration: 1 } }, by('maker'));
    expect(managers(updated)).toEqual(['Update maker', 'Update maker status']);
    await test.client.updateSubresource(Deployment, at(name), 'scale', { apiVersion: 'autoscaling/v1', kind: 'Scale', metadata: { name, namespace }, spec: { replicas: 4 } }, by('scaler'));
    const scaled = await test.client.get(Deployment, at(name));
    expect(scaled.spec?.replicas).toBe(4);
    expect(managers(scaled)).toEqual(['Update maker', 'Update maker status', 'Update scaler scale']);
    expect(fieldsOf(scaled, 'scaler')).toEqual(replicasOnly);
  });

  it('that changes nothing is none', async () => {
    const name = fresh();
    const created = await test.client.create(ConfigMap, config(name, { a: '1' }), by('maker'));
    expect(await test.client.update(ConfigMap, created, by('other'))).toEqual(created);
    expect(await test.client.patch(ConfigMap, at(name), 'application/strategic-merge-patch+json', { data: { a: '1' } }, by('other'))).toEqual(created);
    expect(await test.client.patch(ConfigMap, at(name), 'application/json-patch+json', [{ op: 'test', path: '/data/a', value: '1' }], by('other'))).toEqual(created);
  });

  it.each<[string, unknown]>([['an empty list', []], ['an empty entry', [{}]]])('can end the keeping of accounts by %s', async (_name, managedFields) => {
    const name = fresh();
    await test.client.create(ConfigMap, config(name, { a: '1' }), by('maker'));
    const reset = await test.client.patch(ConfigMap, at(name), 'application/merge-patch+json', { metadata: { managedFields } });
    expect(reset.metadata?.managedFields).toBeUndefined();
    expect(managers(await test.client.patch(ConfigMap, at(name), 'application/merge-patch+json', { data: { a: '2' } }))).toEqual([]);
    expect(managers(await test.client.apply(ConfigMap, config(name, { b: '1' }), by('applier')))).toEqual(['Apply applier', 'Update before-first-apply']);
  });

  it('keeps entries that are none of what it knows, and ignores those that make no sense', async () => {
    const name = fresh();
    const created = await test.client.create(ConfigMap, config(name, { a: '1' }), by('maker'));
    const broken = await test.client.update(ConfigMap, { ...created, metadata: { ...created.metadata, managedFields: [{ manager: 'x', operation: 'Upend' }] } } as ConfigMap, by('other'));
    expect(managers(broken)).toEqual(['Update maker']);
  });

  it('leaves no more than ten updaters', async () => {
    const name = fresh();
    await test.client.create(ConfigMap, config(name, { a: '1' }), by('m'));
    for (let index = 0; index < 12; index++) await test.client.patch(ConfigMap, at(name), 'application/merge-patch+json', { data: { [`k${index}`]: '1' } }, by(`m${index}`));
    const { metadata } = await test.client.get(ConfigMap, at(name));
    expect(metadata?.managedFields).toHaveLength(10);
    expect(metadata?.managedFields?.map(({ manager }) => manager)).toContain('ancient-changes');
  });

  it('of a kind whose server adds to it owns only what it brought', async () => {
    const name = fresh();
    const service: Service = { metadata: { name, namespace }, spec: { selector: { app: 'x' }, ports: [{ port: 80 }] } } as Service;
    const created = await test.client.create(Service, service, by('maker'));
    expect(created.spec?.clusterIP).toBeDefined();
    expect(Reflect.get(Object(fieldsOf(created, 'maker')), 'f:spec')).not.toHaveProperty('f:clusterIP');
  });

  it.each<[string, string]>([['of which there is too much', 'x'.repeat(129)], ['that can\'t be printed', 'a\u0007']])('is refused with a manager %s', async (_name, manager) => {
    expect(await refusal(test.client.create(ConfigMap, config(fresh(), {}), by(manager)))).toMatchObject({ code: 422, details: { kind: 'CreateOptions', causes: [{ field: 'fieldManager' }] } });
  });
});

describe('applying', () => {
  it('makes an object, and changes nothing when it is applied again', async () => {
    const name = fresh();
    const first = await test.client.apply(ConfigMap, config(name, { a: '1' }), by('a'));
    expect(managers(first)).toEqual(['Apply a']);
    expect(await test.client.apply(ConfigMap, config(name, { a: '1' }), by('a'))).toEqual(first);
  });

  it('says with whom it conflicts, and where', async () => {
    const name = fresh();
    await test.client.create(Deployment, deployment(name, { replicas: 1 }), by('maker'));
    const status = await refusal(test.client.apply(Deployment, deployment(name, { replicas: 2 }), by('a')));
    expect(status).toEqual({
      kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', reason: 'Conflict', code: 409,
      message: 'Apply failed with 1 conflict: conflict with "maker" using apps/v1: .spec.replicas',
      details: { causes: [{ reason: 'FieldManagerConflict', message: 'conflict with "maker" using apps/v1', field: '.spec.replicas' }] },
    });
    const more = await refusal(test.client.apply(Deployment, deployment(name, { replicas: 2 }, { image: 'web:2' }), by('a')));
    expect(more.message).toBe('Apply failed with 2 conflicts: conflicts with "maker" using apps/v1:\n- .spec.replicas\n- .spec.template.spec.containers[name="web"].image');
  });

  it('takes by force, and gives up what it no longer says', async () => {
    const name = fresh();
    await test.client.create(Deployment, deployment(name, { replicas: 1, paused: true }), by('maker'));
    const forced = await test.client.apply(Deployment, deployment(name, { replicas: 2, minReadySeconds: 5 }), by('a', { force: true }));
    expect(forced.spec).toMatchObject({ replicas: 2, minReadySeconds: 5, paused: true });
    expect(Reflect.get(Object(fieldsOf(forced, 'maker')), 'f:spec')).not.toHaveProperty('f:replicas');
    const less = await test.client.apply(Deployment, deployment(name), by('a'));
    expect(less.spec).not.toHaveProperty('minReadySeconds');
    expect(less.spec).toMatchObject({ replicas: 1, paused: true });
  });

  it('is shared by those who say the same, and stays until the last lets go', async () => {
    const name = fresh();
    await test.client.apply(ConfigMap, config(name, { a: '1' }), by('a'));
    await test.client.apply(ConfigMap, config(name, { a: '1' }), by('b'));
    expect((await test.client.apply(ConfigMap, config(name, {}), by('a'))).data).toEqual({ a: '1' });
    expect((await test.client.apply(ConfigMap, config(name, {}), by('b'))).data).toBeUndefined();
  });

  it('merges items of lists by their keys, with those that are left out', async () => {
    const name = fresh();
    await test.client.apply(Deployment, deployment(name, {}, { ports: [port(80)] }), by('a'));
    const both = await test.client.apply(Deployment, deployment(name, {}, { ports: [port(80, { protocol: 'UDP' }), port(81)] }), by('b'));
    expect(both.spec?.template.spec?.containers[0]?.ports).toEqual([port(80, { protocol: 'TCP' }), port(80, { protocol: 'UDP' }), port(81, { protocol: 'TCP' })]);
    const one = await test.client.apply(Deployment, deployment(name), by('a'));
    expect(one.spec?.template.spec?.containers[0]?.ports).toEqual([port(80, { protocol: 'UDP' }), port(81, { protocol: 'TCP' })]);
  });

  it('owns a status by its subresource only', async () => {
    const name = fresh();
    await test.client.apply(Deployment, { ...deployment(name), status: { replicas: 7 } } as Deployment, by('a'));
    const status = { metadata: { name, namespace }, spec: { replicas: 9 }, status: { observedGeneration: 1, replicas: 2 } } as Deployment;
    const applied = await test.client.apply(Deployment, status, by('b', { subresource: 'status' }));
    expect(applied).toMatchObject({ spec: { replicas: 1 }, status: { replicas: 2 } });
    expect(managers(applied)).toEqual(['Apply a', 'Apply b status']);
    expect(fieldsOf(applied, 'b')).toEqual({ 'f:status': { 'f:observedGeneration': {}, 'f:replicas': {} } });
    expect(await refusal(test.client.apply(Deployment, { ...status, metadata: { name: fresh(), namespace } }, by('b', { subresource: 'status' })))).toMatchObject({ code: 404 });
  });

  it('owns a workload\'s number through its scale', async () => {
    const name = fresh();
    const scale = (replicas: number, fieldManager: string, more: object = {}) => test.client.patch(Deployment, at(name), 'application/apply-patch+yaml',
      { apiVersion: 'autoscaling/v1', kind: 'Scale', metadata: { name, namespace }, spec: { replicas } }, by(fieldManager, { subresource: 'scale', ...more }));
    await test.client.apply(Deployment, deployment(name, { replicas: 1 }), by('a'));
    expect(await refusal(scale(3, 'b'))).toMatchObject({ code: 409, message: 'Apply failed with 1 conflict: conflict with "a": .spec.replicas' });
    await scale(3, 'b', { force: true });
    const forced = await test.client.get(Deployment, at(name));
    expect(forced.spec?.replicas).toBe(3);
    expect(fieldsOf(forced, 'b')).toEqual(replicasOnly);
    expect(await refusal(test.client.apply(Deployment, deployment(name, { replicas: 1 }), by('a')))).toMatchObject({
      message: 'Apply failed with 1 conflict: conflict with "b" with subresource "scale": .spec.replicas',
    });
    expect((await test.client.apply(Deployment, deployment(name), by('a'))).spec?.replicas).toBe(3);
  });

  it('holds to the version and the object that it names', async () => {
    const name = fresh();
    const first = await test.client.apply(ConfigMap, config(name, { a: '1' }), by('a'));
    const { uid, resourceVersion } = first.metadata ?? {};
    await test.client.apply(ConfigMap, config(name, { a: '2' }, { uid, resourceVersion }), by('a'));
    expect(await refusal(test.client.apply(ConfigMap, config(name, { a: '3' }, { resourceVersion }), by('a')))).toMatchObject({
      code: 409, message: `Operation cannot be fulfilled on configmaps "${name}": the object has been modified; please apply your changes to the latest version and try again`,
    });
    expect(await refusal(test.client.apply(ConfigMap, config(name, { a: '3' }, { uid: 'another' }), by('a')))).toMatchObject({
      code: 409, message: `Operation cannot be fulfilled on configmaps "${name}": Precondition failed: UID in precondition: another, UID in object meta: ${uid}`,
    });
    const absent = fresh();
    expect(await refusal(test.client.apply(ConfigMap, config(absent, {}, { uid: 'some' }), by('a')))).toMatchObject({
      code: 409, message: `Operation cannot be fulfilled on configmaps "${absent}": uid mismatch: the provided object specified uid some, and no existing object was found`,
    });
    expect(await refusal(test.client.apply(ConfigMap, config(absent, {}, { resourceVersion: '5' }), by('a')))).toMatchObject({ code: 409 });
  });

  it('tries without keeping', async () => {
    const name = fresh();
    expect(managers(await test.client.apply(ConfigMap, config(name, { a: '1' }), by('a', { dryRun: 'All' })))).toEqual(['Apply a']);
    expect(await refusal(test.client.get(ConfigMap, at(name)))).toMatchObject({ code: 404 });
    const kept = await test.client.apply(ConfigMap, config(name, { a: '1' }), by('a'));
    expect((await test.client.apply(ConfigMap, config(name, { a: '2' }), by('a', { dryRun: 'All' }))).data).toEqual({ a: '2' });
    expect(await test.client.get(ConfigMap, at(name))).toEqual(kept);
  });

  it('makes one object of what several apply at once', async () => {
    const name = fresh();
    const all = await Promise.all(Array.from({ length: 8 }, (_, index) => test.client.apply(ConfigMap, config(name, { [`k${index}`]: '1' }), by(`m${index}`))));
    expect(new Set(all.map(({ metadata }) => metadata?.uid)).size).toBe(1);
    const { data = {}, ...object } = await test.client.get(ConfigMap, at(name));
    expect(Object.keys(data)).toHaveLength(8);
    expect(managers(object)).toHaveLength(8);
  });

  it('is by who may create when there is no object yet', async () => {
    const name = fresh();
    await test.client.apply(ConfigMap, config(name, { a: '1' }), by('a'));
    const role = { kind: 'Role', metadata: { name: 'patcher' }, rules: [{ apiGroups: [''], resources: ['configmaps'], verbs: ['patch'] }] };
    const binding = { kind: 'RoleBinding', metadata: { name: 'patcher' }, roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'patcher' }, subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'pat' }] };
    for (const [resource, body] of [['roles', role], ['rolebindings', binding]] as const) {
      await test.transport.request({ verb: 'create', group: 'rbac.authorization.k8s.io', version: 'v1', resource, namespace, body });
    }
    const pat = await test.transportAs('pat');
    const applyAs = (object: string) => pat.request({
      verb: 'patch', group: '', version: 'v1', resource: 'configmaps', namespace, name: object, query: { fieldManager: 'pat' }, patchType: 'application/apply-patch+yaml',
      body: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: object }, data: { b: '1' } },
    });
    await expect(applyAs(name)).resolves.toMatchObject({ data: { a: '1', b: '1' } });
    expect(await refusal(applyAs(fresh()))).toMatchObject({ code: 403, message: expect.stringContaining('User "pat" cannot create resource "configmaps"') });
  });

  it.each<[string, Kind, object, number, string]>([
    ['an unknown field', Deployment, { spec: { foo: 1 } }, 400, 'failed to create typed patch object (default/x; apps/v1, Kind=Deployment): .spec.foo: field not declared in schema'],
    ['a value of another type', Deployment, { spec: { replicas: '3' } }, 400, 'failed to create typed patch object (default/x; apps/v1, Kind=Deployment): .spec.replicas: expected numeric (int or float), got string'],
    ['an item twice', Pod, { spec: { containers: [{ name: 'c' }, { name: 'c' }] } }, 400, 'failed to create typed patch object (default/x; /v1, Kind=Pod): .spec.containers: duplicate entries for key [name="c"]'],
    ['entries of owners', ConfigMap, { metadata: { name: 'x', namespace, managedFields: [{}] } }, 400, 'metadata.managedFields must be nil'],
    ['another kind', ConfigMap, { kind: 'Secret' }, 400, 'invalid object type: /v1, Kind=Secret'],
    ['another version', Deployment, { apiVersion: 'apps/v1beta1' }, 400, 'invalid object type: apps/v1beta1, Kind=Deployment'],
    ['another name', ConfigMap, { metadata: { name: 'y', namespace } }, 400, 'the name of the object (y) does not match the name on the URL (x)'],
    ['what is not valid', Deployment, { spec: { replicas: -1, selector: {}, template: {} } }, 422, 'Deployment.apps "x" is invalid: '],
  ])('refuses %s', async (_name, kind, change, code, message) => {
    const body = { apiVersion: kind.group === '' ? kind.version : `${kind.group}/${kind.version}`, kind: kind.kind, metadata: { name: 'x', namespace }, ...change };
    const status = await refusal(test.client.patch(kind, at('x'), 'application/apply-patch+yaml', body, by('a')));
    expect(status).toMatchObject({ code, message: expect.stringContaining(message) });
  });
});

describe('applying in several versions', () => {
  const target = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'x' };
  const v1 = (name: string, spec: object): KubernetesObject => ({ metadata: { name, namespace }, spec: { scaleTargetRef: target, ...spec } } as KubernetesObject);
  const cpu = { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 60 } } };

  it('conflicts across versions, and takes back in one what it said in another', async () => {
    const name = fresh();
    await test.client.apply(HorizontalPodAutoscaler, v1(name, { maxReplicas: 5, minReplicas: 2, metrics: [cpu] }) as HorizontalPodAutoscaler, by('a'));
    expect(await refusal(test.client.apply(HorizontalPodAutoscalerV1, v1(name, { maxReplicas: 6 }) as HorizontalPodAutoscalerV1, by('b')))).toMatchObject({ message: 'Apply failed with 1 conflict: conflict with "a": .spec.maxReplicas' });
    const shared = await test.client.apply(HorizontalPodAutoscalerV1, v1(name, { maxReplicas: 5 }) as HorizontalPodAutoscalerV1, by('b'));
    expect(shared.metadata?.managedFields?.map(({ manager, apiVersion }) => [manager, apiVersion])).toEqual([['a', 'autoscaling/v2'], ['b', 'autoscaling/v1']]);
    const less = await test.client.apply(HorizontalPodAutoscalerV1, v1(name, { maxReplicas: 5 }) as HorizontalPodAutoscalerV1, by('a'));
    expect(less.spec).toEqual({ scaleTargetRef: target, maxReplicas: 5, minReplicas: 1, targetCPUUtilizationPercentage: 80 });
    expect(less.metadata?.managedFields?.map(({ manager, apiVersion }) => [manager, apiVersion])).toEqual([['a', 'autoscaling/v1'], ['b', 'autoscaling/v1']]);
    // Each in its own version, and one moves to the other's: only what it alone had said goes.
    await test.client.apply(HorizontalPodAutoscalerV1, v1(name, { maxReplicas: 5, targetCPUUtilizationPercentage: 70 }) as HorizontalPodAutoscalerV1, by('c', { force: true }));
    await test.client.apply(HorizontalPodAutoscaler, v1(name, { maxReplicas: 5, minReplicas: 3 }) as HorizontalPodAutoscaler, by('d', { force: true }));
    const moved = await test.client.apply(HorizontalPodAutoscaler, v1(name, { maxReplicas: 5 }) as HorizontalPodAutoscaler, by('b'));
    expect(moved.spec).toMatchObject({ maxReplicas: 5, minReplicas: 3, metrics: [{ resource: { target: { averageUtilization: 70 } } }] });
  });
});

describe('the server\'s own objects', () => {
  it.each<[string, string, string, string]>([
    ['namespaces', '', 'v1', 'default'], ['clusterroles', 'rbac.authorization.k8s.io', 'v1', 'view'], ['priorityclasses', 'scheduling.k8s.io', 'v1', 'system-node-critical'],
  ])('are its: %s', async (resource, group, version, name) => {
    expect(managers(await test.transport.request({ verb: 'get', group, version, resource, name }))).toContain('Update kube-apiserver');
  });
});
