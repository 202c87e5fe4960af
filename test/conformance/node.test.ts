import { beforeAll, describe, expect, it } from 'vitest';
import { Lease } from '../../machinery/kinds/cluster.ts';
import { ConfigMap, Node, Pod, PodTemplate, Secret, ServiceAccount, type Container, type PodSpec } from '../../machinery/kinds/core.ts';
import { DeviceClass, ResourceClaim, ResourceClaimTemplate, ResourceSlice } from '../../machinery/kinds/dynamic-resources.ts';
import type { Kind, KubernetesObject, ObjectMeta } from '../../machinery/kinds/kind.ts';
import { RuntimeClass } from '../../machinery/kinds/runtime-class.ts';
import { eventually } from '../e2e/eventually.ts';
import { useCluster } from './cluster.ts';
import { unique } from './definitions.ts';
import { useNode } from './kubelet.ts';
import { expectDiscovered, expectOperations } from './operations.ts';
import { watching } from './watching.ts';

const played = useNode();
const cluster = useCluster('node');

beforeAll(async () => {
  await eventually(() => cluster.client.get(ServiceAccount, { namespace: cluster.namespace, name: 'default' }));
});

const podSpec = (more: Partial<PodSpec> = {}, container: Partial<Container> = {}): PodSpec => ({ containers: [{ name: 'c', image: 'registry.example/pause', ...container }], terminationGracePeriodSeconds: 1, ...more });
const create = (spec: PodSpec, metadata: ObjectMeta = {}): Promise<Pod> => cluster.client.create(Pod, { metadata: { namespace: cluster.namespace, generateName: 'pod-', ...metadata }, spec });
const atOf = (object: KubernetesObject) => ({ namespace: cluster.namespace, name: object.metadata?.name ?? '' });

describe('[sig-node] ConfigMaps and Secrets', () => {
  it('ConfigMap should fail to create ConfigMap with empty key', async () => {
    const { client, namespace } = cluster;
    await expect(client.create(ConfigMap, { metadata: { namespace, name: unique('empty') }, data: { '': 'value-1' } })).rejects.toMatchObject({ code: 422, reason: 'Invalid' });
  });

  it('Secrets should fail to create secret due to empty secret key', async () => {
    const { client, namespace } = cluster;
    await expect(client.create(Secret, { metadata: { namespace, name: unique('empty') }, data: { '': 'dmFsdWUtMQo=' } })).rejects.toMatchObject({ code: 422, reason: 'Invalid' });
  });

  it('ConfigMap should update ConfigMap successfully [NodeConformance]', async () => {
    const { client, namespace } = cluster;
    const at = { namespace, name: unique('updated') };
    const created = await client.create(ConfigMap, { metadata: at, data: { 'data-1': 'value-1' } });
    await client.update(ConfigMap, { ...created, data: { data: 'value' } });
    expect((await client.get(ConfigMap, at)).data).toEqual({ data: 'value' });
  });

  it('ConfigMap should run through a ConfigMap lifecycle', async () => {
    await expectLifecycle(ConfigMap, (metadata) => ({ metadata, data: { valueName: 'value' } }), { data: { valueName: 'value1' } });
  });

  it('Secrets should patch a secret', async () => {
    await expectLifecycle(Secret, (metadata) => ({ metadata, data: { key: Buffer.from('value').toString('base64') }, type: 'Opaque' }), { data: { key: Buffer.from('value1').toString('base64') } });
  });
});

describe('[sig-node] Leases, nodes and templates', () => {
  it('Lease lease API should be available', async () => {
    const { client, namespace } = cluster;
    const at = { namespace, name: unique('lease') };
    const spec = { holderIdentity: 'holder', leaseDurationSeconds: 30, acquireTime: '2026-01-01T00:00:00.000000Z', renewTime: '2026-01-01T00:00:05.000000Z', leaseTransitions: 0 };
    await client.create(Lease, { metadata: at, spec });
    const read = await client.get(Lease, at);
    expect(read.spec).toEqual(spec);
    const held = { holderIdentity: 'holder2', leaseDurationSeconds: 60, acquireTime: '2026-01-01T00:00:10.000000Z', renewTime: '2026-01-01T00:00:15.000000Z', leaseTransitions: 1 };
    await client.update(Lease, { ...read, spec: held });
    expect((await client.get(Lease, at)).spec).toEqual(held);
    const patch = { holderIdentity: 'holder3', leaseDurationSeconds: 50, acquireTime: '2026-01-01T00:00:20.000000Z', renewTime: '2026-01-01T00:00:25.000000Z', leaseTransitions: 2 };
    await client.patch(Lease, at, 'application/strategic-merge-patch+json', { spec: patch });
    expect((await client.get(Lease, at)).spec).toEqual(patch);

    const labels = { deletecollection: 'true' };
    await client.create(Lease, { metadata: { namespace, name: unique('lease'), labels }, spec });
    expect((await client.list(Lease, { namespace })).items).toHaveLength(2);
    await client.deleteCollection(Lease, { namespace, labelSelector: 'deletecollection=true' });
    expect((await client.list(Lease, { namespace })).items.map(({ metadata }) => metadata?.name)).toEqual([at.name]);
    await client.delete(Lease, at);
    await expect(client.get(Lease, at)).rejects.toMatchObject({ code: 404, reason: 'NotFound' });
  });

  it('Node Lifecycle should run through the lifecycle of a node', async () => {
    const { client } = cluster;
    const at = { name: unique('e2e-fake-node') };
    const node = await client.create(Node, { metadata: at, spec: { unschedulable: true }, status: { phase: 'Running' } });
    expect((await client.get(Node, at)).metadata?.uid).toBe(node.metadata?.uid);
    const patched = await client.patch(Node, at, 'application/strategic-merge-patch+json', { metadata: { labels: { [at.name]: 'patched' } } });
    expect(patched.metadata?.labels).toMatchObject({ [at.name]: 'patched' });
    expect((await client.list(Node, { labelSelector: `${at.name}=patched` })).items).toHaveLength(1);
    const updated = await eventually(async () => {
      const found = await client.get(Node, at);
      return client.update(Node, { ...found, metadata: { ...found.metadata, labels: { ...found.metadata?.labels, [at.name]: 'updated' } } });
    });
    expect(updated.metadata?.labels).toMatchObject({ [at.name]: 'updated' });
    await client.delete(Node, at);
    await expect(client.get(Node, at)).rejects.toMatchObject({ code: 404, reason: 'NotFound' });
  });

  const template = (metadata: ObjectMeta): PodTemplate => ({ metadata, template: { spec: podSpec() } });

  it('PodTemplates should run the lifecycle of PodTemplates', async () => {
    await expectLifecycle(PodTemplate, template, { template: { spec: { terminationGracePeriodSeconds: 7 } } });
  });

  it('PodTemplates should delete a collection of pod templates', async () => {
    await expectCollection(PodTemplate, template);
  });

  it('PodTemplates should replace a pod template', async () => {
    const { client, namespace } = cluster;
    const created = await client.create(PodTemplate, template({ namespace, generateName: 'replaced-' }));
    const replaced = await client.update(PodTemplate, { ...created, metadata: { ...created.metadata, annotations: { updated: 'true' } } });
    expect(replaced.metadata?.annotations).toEqual({ updated: 'true' });
    expect((await client.get(PodTemplate, atOf(created))).metadata?.annotations).toEqual({ updated: 'true' });
  });
});

describe('[sig-node] Pods', () => {
  it('Pods should delete a collection of pods', async () => {
    await expectCollection(Pod, (metadata) => ({ metadata, spec: podSpec(played.place) }));
  });

  it('Pods should patch a pod status', async () => {
    const { client, namespace } = cluster;
    await using watch = watching(client, Pod, { namespace });
    const at = atOf(await create(podSpec(played.place)));
    await watch.until('CHANGED', ({ metadata, status }) => metadata?.name === at.name && status?.phase === 'Running');
    const patched = await client.patch(Pod, at, 'application/strategic-merge-patch+json', { status: { message: 'Patched by e2e test', reason: 'E2E', conditions: [{ type: 'Conformance', status: 'True' }] } }, { subresource: 'status' });
    expect(patched.status).toMatchObject({ message: 'Patched by e2e test', reason: 'E2E', conditions: expect.arrayContaining([expect.objectContaining({ type: 'Conformance', status: 'True' }), expect.objectContaining({ type: 'Ready' })]) as unknown });
    expect((await client.getSubresource<Pod>(Pod, at, 'status')).status).toEqual(patched.status);
    await client.delete(Pod, at);
  });

  it('Pods should be updated [NodeConformance]', async () => {
    const { client, namespace } = cluster;
    const label = unique('time');
    const at = atOf(await create(podSpec(played.place), { labels: { [label]: 'first' } }));
    await eventually(async () => expect((await client.get(Pod, at)).status?.phase).toBe('Running'));
    expect((await client.list(Pod, { namespace, labelSelector: `${label}=first` })).items).toHaveLength(1);
    await eventually(async () => {
      const found = await client.get(Pod, at);
      return client.update(Pod, { ...found, metadata: { ...found.metadata, labels: { [label]: 'second' } } });
    });
    expect((await client.list(Pod, { namespace, labelSelector: `${label}=second` })).items.map(({ status }) => status?.phase)).toEqual(['Running']);
    await client.delete(Pod, at);
  });

  it('Pods should be submitted and removed [NodeConformance]', async () => {
    const { client, namespace } = cluster;
    const label = unique('submitted');
    const before = await client.list(Pod, { namespace, labelSelector: label });
    expect(before.items).toEqual([]);
    await using watch = watching(client, Pod, { namespace, labelSelector: label, resourceVersion: before.metadata.resourceVersion ?? '' });
    const at = atOf(await create(podSpec({ ...played.place, terminationGracePeriodSeconds: 30 }), { labels: { [label]: 'yes' } }));
    expect((await client.list(Pod, { namespace, labelSelector: label })).items).toHaveLength(1);
    await watch.until('ADDED');
    await watch.until('MODIFIED', ({ status }) => status?.phase === 'Running');
    await client.delete(Pod, at);
    const leaving = await watch.until('MODIFIED', ({ metadata }) => metadata?.deletionTimestamp !== undefined);
    expect(leaving.metadata?.deletionGracePeriodSeconds).toBe(30);
    const last = await watch.until('DELETED');
    expect(last.metadata?.deletionTimestamp).toBeDefined();
    expect(last.spec?.terminationGracePeriodSeconds).toBe(30);
    expect((await client.list(Pod, { namespace, labelSelector: label })).items).toEqual([]);
  });

  it('Pods should run through the lifecycle of Pods and PodStatus', async () => {
    const { client, namespace } = cluster;
    const label = unique('test-pod-static');
    const labelSelector = `${label}=true`;
    await using watch = watching(client, Pod, { namespace, labelSelector });
    const at = atOf(await create(podSpec(played.place), { labels: { [label]: 'true' } }));
    await watch.until('ADDED');
    await watch.until('MODIFIED', ({ status }) => status?.phase === 'Running');
    await client.patch(Pod, at, 'application/strategic-merge-patch+json', { metadata: { labels: { 'test-pod': 'patched' } }, spec: { containers: [{ name: 'c', image: 'registry.example/agnhost' }] } });
    await watch.until('MODIFIED', ({ metadata }) => metadata?.labels?.['test-pod'] === 'patched');
    expect(await client.get(Pod, at)).toMatchObject({ metadata: { labels: { 'test-pod': 'patched' } }, spec: { containers: [{ image: 'registry.example/agnhost' }] }, status: { phase: 'Running' } });
    expect(await client.getSubresource<Pod>(Pod, at, 'status')).toMatchObject({ status: { phase: 'Running' } });

    await eventually(async () => {
      const found = await client.get(Pod, at);
      const conditions = found.status?.conditions?.map((condition) => ({ ...condition, ...(condition.type === 'Ready' ? { status: 'False' } : {}) })) ?? [];
      return client.updateStatus(Pod, { ...found, status: { ...found.status, conditions } });
    });
    await watch.until('MODIFIED', ({ status }) => status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'False') === true);
    expect((await client.list(Pod, { labelSelector })).items.map(({ metadata }) => metadata?.name)).toEqual([at.name]);
    await client.deleteCollection(Pod, { namespace, labelSelector }, { gracePeriodSeconds: 1 });
    await watch.until('DELETED');
    await expect(client.get(Pod, at)).rejects.toMatchObject({ code: 404, reason: 'NotFound' });
  });

  it('Pods Extended Pods Set QOS Class should be set on Pods with matching resource requests and limits for memory and cpu', async () => {
    const amounts = { cpu: '100m', memory: '100Mi' };
    const at = atOf(await create(podSpec({}, { resources: { requests: amounts, limits: amounts } })));
    expect((await cluster.client.get(Pod, at)).status?.qosClass).toBe('Guaranteed');
    await cluster.client.delete(Pod, at);
  });

  it('Pods Extended (pod generation) Pod Generation custom-set generation on new pods and graceful delete', async () => {
    const { client, namespace } = cluster;
    // Its node ends it once it has seen that it is being deleted: the finalizer keeps it.
    const pod = await create(podSpec({ ...played.place, terminationGracePeriodSeconds: 30 }), { generation: 100, finalizers: ['example.com/kept'] });
    expect(pod.metadata?.generation).toBe(1);
    await using watch = watching(client, Pod, { namespace });
    await watch.until('CHANGED', ({ metadata, status }) => metadata?.uid === pod.metadata?.uid && status?.phase === 'Running');
    await client.delete(Pod, atOf(pod), { gracePeriodSeconds: 30 });
    const leaving = await watch.until('CHANGED', ({ metadata }) => metadata?.uid === pod.metadata?.uid && metadata?.deletionTimestamp !== undefined);
    expect(leaving.metadata?.generation).toBe(2);
    await client.patch(Pod, atOf(pod), 'application/merge-patch+json', { metadata: { finalizers: null } });
    await watch.until('DELETED', ({ metadata }) => metadata?.uid === pod.metadata?.uid);
  });

  it('Sysctls [LinuxOnly] [NodeConformance] should reject invalid sysctls', async () => {
    const sysctls = [{ name: 'foo-', value: 'bar' }, { name: 'kernel.shmmax', value: '100000000' }, { name: 'safe-and-unsafe', value: '100000000' }, { name: 'bar..', value: '42' }];
    const refused = create(podSpec({ securityContext: { sysctls } }));
    await expect(refused).rejects.toMatchObject({ code: 422, reason: 'Invalid' });
    await expect(refused).rejects.toThrow('Invalid value: "foo-"');
    await expect(refused).rejects.toThrow('Invalid value: "bar.."');
    await expect(refused).rejects.not.toThrow('safe-and-unsafe');
    await expect(refused).rejects.not.toThrow('kernel.shmmax');
  });
});

describe('[sig-node] RuntimeClasses', () => {
  const runtimeClass = (metadata: ObjectMeta, more: object = {}): RuntimeClass => ({ metadata, handler: 'conformance-runtime-class', ...more });
  const refusal = { code: 403, reason: 'Forbidden' };

  it('RuntimeClass should support RuntimeClasses API operations', async () => {
    await expectDiscovered(RuntimeClass, 'runtimeclasses');
    await expectOperations(cluster, RuntimeClass, runtimeClass);
    const { client } = cluster;
    const at = { name: (await client.create(RuntimeClass, runtimeClass({ generateName: 'conformance-' }))).metadata?.name ?? '' };
    await expect(client.create(RuntimeClass, runtimeClass(at))).rejects.toMatchObject({ code: 409, reason: 'AlreadyExists' });
    await client.delete(RuntimeClass, at);
  });

  it('RuntimeClass should reject a Pod requesting a non-existent RuntimeClass [NodeConformance]', async () => {
    await expect(create(podSpec({ runtimeClassName: unique('nonexistent') }))).rejects.toMatchObject(refusal);
  });

  it('RuntimeClass should reject a Pod requesting a deleted RuntimeClass [NodeConformance]', async () => {
    const { client } = cluster;
    const name = unique('delete-me');
    await client.create(RuntimeClass, runtimeClass({ name }));
    await client.delete(RuntimeClass, { name });
    await eventually(async () => expect(create(podSpec({ runtimeClassName: name }))).rejects.toMatchObject(refusal));
  });

  it.each([
    ['RuntimeClass should schedule a Pod requesting a RuntimeClass without PodOverhead [NodeConformance]', undefined],
    ['RuntimeClass should schedule a Pod requesting a RuntimeClass and initialize its Overhead [NodeConformance]', { cpu: '10m', memory: '1Mi' }],
  ])('%s', async (_title, podFixed) => {
    const { client, namespace } = cluster;
    const name = unique('preconfigured');
    await client.create(RuntimeClass, runtimeClass({ name }, podFixed === undefined ? {} : { overhead: { podFixed } }));
    const { metadata } = await create(podSpec({ ...played.place, runtimeClassName: name }));
    await using watch = watching(client, Pod, { namespace });
    const { spec } = await watch.until('CHANGED', (pod) => pod.metadata?.uid === metadata?.uid && pod.spec?.nodeName === played.name);
    expect(spec?.overhead).toEqual(podFixed);
    await client.delete(RuntimeClass, { name });
  });
});

describe('[sig-node] Dynamic resources', () => {
  const claimSpec = { devices: { requests: [{ name: 'req-0', exactly: { deviceClassName: 'gpu.example.com' } }] } };

  it('[DRA] CRUD Tests resource.k8s.io/v1 DeviceClass', async () => {
    await expectPatches(DeviceClass, (metadata) => ({ metadata, spec: { selectors: [{ cel: { expression: `device.driver == 'gpu.example.com'` } }] } }));
  });

  it('[DRA] CRUD Tests resource.k8s.io/v1 ResourceClaim', async () => {
    const { client, namespace } = cluster;
    await expectPatches(ResourceClaim, (metadata) => ({ metadata, spec: claimSpec }));

    const at = atOf(await client.create(ResourceClaim, { metadata: { namespace, generateName: 'claim-' }, spec: claimSpec }));
    const results = [{ request: 'req-0', driver: 'gpu.example.com', pool: 'p', device: 'd' }];
    const status = { allocation: { devices: { results } }, reservedFor: [{ resource: 'pods', name: 'nobody', uid: '1' }] };
    const found = await client.get(ResourceClaim, at);
    expect((await client.updateStatus(ResourceClaim, { ...found, status })).status).toMatchObject(status);
    const patched = await client.patch(ResourceClaim, at, 'application/strategic-merge-patch+json', { status: { reservedFor: [{ resource: 'pods', name: 'somebody', uid: '2' }] } }, { subresource: 'status' });
    expect(patched.status?.reservedFor).toHaveLength(2);
    expect((await client.getSubresource<ResourceClaim>(ResourceClaim, at, 'status')).status).toEqual(patched.status);
    await client.delete(ResourceClaim, at);
  });

  it('[DRA] CRUD Tests resource.k8s.io/v1 ResourceClaimTemplate', async () => {
    await expectPatches(ResourceClaimTemplate, (metadata) => ({ metadata, spec: { spec: claimSpec } }));
  });

  it('[DRA] CRUD Tests resource.k8s.io/v1 ResourceSlice', async () => {
    await expectPatches(ResourceSlice, (metadata) => ({
      metadata, spec: { driver: `${cluster.namespace}.example.com`, allNodes: true, pool: { name: unique('pool'), generation: 1, resourceSliceCount: 1 }, devices: [{ name: 'device-0', attributes: { speed: { int: 3 } } }] },
    }));
  });
});

/** Created, patched, found by its label in all namespaces, updated and deleted by its label; a watch tells each. */
async function expectLifecycle<T extends KubernetesObject>(kind: Kind<T>, object: (metadata: ObjectMeta) => T, change: object): Promise<void> {
  const { client, namespace } = cluster;
  const label = unique('static');
  const labelSelector = `${label}=true`;
  const before = await client.list(kind, { labelSelector });
  expect(before.items).toEqual([]);
  await using watch = watching(client, kind, { namespace, labelSelector, resourceVersion: before.metadata.resourceVersion ?? '' });
  const created = await client.create(kind, object({ namespace, generateName: 'lifecycle-', labels: { [label]: 'true' } }));
  await watch.until('ADDED');
  const wanted = { ...change, metadata: { labels: { [label]: 'true', dynamic: 'patched' } } };
  const patched = await client.patch(kind, atOf(created), 'application/strategic-merge-patch+json', wanted);
  expect(patched).toMatchObject(wanted);
  expect(await watch.until('MODIFIED')).toMatchObject(wanted);
  expect(await client.get(kind, atOf(created))).toMatchObject(wanted);
  expect((await client.list(kind, { labelSelector })).items).toMatchObject([wanted]);
  const updated = await client.update(kind, { ...patched, metadata: { ...patched.metadata, labels: { [label]: 'true', dynamic: 'updated' } } });
  expect(updated.metadata?.labels).toMatchObject({ dynamic: 'updated' });
  await watch.until('MODIFIED');
  await client.deleteCollection(kind, { namespace, labelSelector });
  await watch.until('DELETED');
  expect((await client.list(kind, { labelSelector })).items).toEqual([]);
}

async function expectCollection<T extends KubernetesObject>(kind: Kind<T>, object: (metadata: ObjectMeta) => T): Promise<void> {
  const { client, namespace } = cluster;
  const label = unique('set');
  const of = { namespace, labelSelector: `${label}=true` };
  for (let i = 0; i < 3; i++) await client.create(kind, object({ namespace, name: `${label}-${i}`, labels: { [label]: 'true' } }));
  expect((await client.list(kind, of)).items).toHaveLength(3);
  await client.deleteCollection(kind, of);
  await eventually(async () => expect((await client.list(kind, of)).items).toEqual([]));
}

/** All operations, and every form of patch. */
async function expectPatches<T extends KubernetesObject>(kind: Kind<T>, object: (metadata: ObjectMeta) => T): Promise<void> {
  const { client } = cluster;
  await expectDiscovered(kind, kind.plural);
  await expectOperations(cluster, kind, object);
  const place = kind.scope === 'Cluster' ? {} : { namespace: cluster.namespace };
  const at = { ...place, name: (await client.create(kind, object({ ...place, generateName: 'patched-', labels: {} }))).metadata?.name ?? '' };
  const labelled = (value: string) => ({ metadata: { labels: { [value]: 'yes' } } });
  await client.patch(kind, at, 'application/strategic-merge-patch+json', labelled('strategic'));
  await client.patch(kind, at, 'application/merge-patch+json', labelled('merged'));
  await client.patch(kind, at, 'application/json-patch+json', [{ op: 'add', path: '/metadata/labels/json', value: 'yes' }]);
  const { apiVersion, kind: name } = await client.get(kind, at);
  const applied = await client.patch(kind, at, 'application/apply-patch+yaml', { apiVersion, kind: name, metadata: { ...at, labels: { applied: 'yes' } } }, { fieldManager: 'conformance' });
  expect(applied.metadata?.labels).toEqual({ strategic: 'yes', merged: 'yes', json: 'yes', applied: 'yes' });
  await client.delete(kind, at);
}
