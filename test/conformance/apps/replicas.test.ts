import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { ReplicaSet } from '../../../machinery/kinds/apps.ts';
import { Namespace, Pod, ReplicationController, ResourceQuota, ServiceAccount, type PodTemplateSpec } from '../../../machinery/kinds/core.ts';
import { eventually } from '../../e2e/eventually.ts';
import { useCluster } from '../cluster.ts';
import { unique } from '../definitions.ts';
import { useNode } from '../kubelet.ts';
import { expectConditions } from '../operations.ts';
import { watching } from '../watching.ts';
import { expectScale } from './scale.ts';

const played = useNode();
const cluster = useCluster('replicas');

beforeAll(async () => {
  await eventually(() => cluster.client.get(ServiceAccount, { namespace: cluster.namespace, name: 'default' }));
});

const template = (name: string): PodTemplateSpec => ({ metadata: { labels: { name } }, spec: { ...played.place, containers: [{ name: 'c', image: 'registry.example/httpd' }], terminationGracePeriodSeconds: 0 } });
const at = (name: string) => ({ namespace: cluster.namespace, name });
const replicaSet = (name: string, replicas: number, labels: Readonly<Record<string, string>> = { name }): ReplicaSet => ({ metadata: { ...at(name), labels }, spec: { replicas, selector: { matchLabels: { name } }, template: template(name) } });
const replicationController = (name: string, replicas: number): ReplicationController => ({ metadata: { ...at(name), labels: { name } }, spec: { replicas, selector: { name }, template: template(name) } });
const podsOf = async (name: string) => (await cluster.client.list(Pod, { namespace: cluster.namespace, labelSelector: `name=${name}` })).items;

async function ready(kind: typeof ReplicaSet | typeof ReplicationController, name: string, count: number): Promise<void> {
  await using watch = watching<ReplicaSet | ReplicationController>(cluster.client, kind, { namespace: cluster.namespace, fieldSelector: `metadata.name=${name}` });
  await watch.until('CHANGED', ({ status }) => status?.readyReplicas === count && status.replicas === count);
}

/** A pod that nobody has, with the labels that a controller will choose. */
async function orphan(name: string): Promise<{ readonly namespace: string; readonly name: string }> {
  const pod = at(`${name}-orphan`);
  const { spec } = template(name);
  await cluster.client.create(Pod, { metadata: { ...pod, labels: { name } }, ...(spec === undefined ? {} : { spec }) });
  return pod;
}

/** Its pod with this address is given other labels: nobody's then, and another is made. */
async function expectRelease(name: string, pod: { readonly namespace: string; readonly name: string }): Promise<void> {
  const { client } = cluster;
  await client.patch(Pod, pod, 'application/merge-patch+json', { metadata: { labels: { name: `${name}-released` } } });
  await eventually(async () => expect((await client.get(Pod, pod)).metadata?.ownerReferences ?? []).toEqual([]));
  await eventually(async () => expect(await podsOf(name)).toHaveLength(1));
  await client.delete(Pod, pod);
}

describe('[sig-apps] ReplicaSets', () => {
  it('ReplicaSet Replicaset should have a working scale subresource', async () => {
    const name = unique('test-rs');
    await cluster.client.create(ReplicaSet, replicaSet(name, 1));
    await ready(ReplicaSet, name, 1);
    await expectScale(cluster, ReplicaSet, at(name), `name=${name}`);
    await ready(ReplicaSet, name, 4);
    await cluster.client.delete(ReplicaSet, at(name));
  });

  it('ReplicaSet should adopt matching pods on creation and release no longer matching pods', async () => {
    const { client } = cluster;
    const name = unique('pod-adoption-release');
    const pod = await orphan(name);
    await client.create(ReplicaSet, replicaSet(name, 1));
    await eventually(async () => expect((await client.get(Pod, pod)).metadata?.ownerReferences).toMatchObject([{ kind: 'ReplicaSet', name, controller: true }]));
    expect(await podsOf(name)).toHaveLength(1);
    await expectRelease(name, pod);
    await client.delete(ReplicaSet, at(name));
  });

  it('ReplicaSet Replace and Patch tests', async () => {
    const { client, namespace } = cluster;
    const name = unique('test-rs');
    await client.create(ReplicaSet, replicaSet(name, 1));
    await ready(ReplicaSet, name, 1);
    await eventually(async () => {
      const found = await client.get(ReplicaSet, at(name));
      return client.update(ReplicaSet, { ...found, spec: { ...found.spec, selector: found.spec?.selector ?? {}, replicas: 2 } });
    });
    await ready(ReplicaSet, name, 2);
    await using watch = watching(client, ReplicaSet, { namespace, fieldSelector: `metadata.name=${name}` });
    const patch = { metadata: { labels: { 'test-rs': 'patched' } }, spec: { replicas: 3, template: { spec: { terminationGracePeriodSeconds: 0, containers: [{ name: 'c', image: 'registry.example/pause' }] } } } };
    expect(await client.patch(ReplicaSet, at(name), 'application/strategic-merge-patch+json', patch)).toMatchObject(patch);
    const finished = await watch.until('MODIFIED', ({ metadata, status }) => metadata?.labels?.['test-rs'] === 'patched' && status?.readyReplicas === 3);
    expect(finished).toMatchObject(patch);
    await client.delete(ReplicaSet, at(name));
  });

  it('ReplicaSet should list and delete a collection of ReplicaSets', async () => {
    const { client, namespace } = cluster;
    const name = unique('test-rs');
    await client.create(ReplicaSet, replicaSet(name, 3));
    await ready(ReplicaSet, name, 3);
    expect((await client.list(ReplicaSet, { labelSelector: `name=${name}` })).items).toHaveLength(1);
    await client.deleteCollection(ReplicaSet, { namespace, labelSelector: `name=${name}` });
    expect((await client.list(ReplicaSet, { labelSelector: `name=${name}` })).items).toEqual([]);
  });

  it('ReplicaSet should validate Replicaset Status endpoints', async () => {
    const name = unique('test-rs');
    await cluster.client.create(ReplicaSet, replicaSet(name, 1));
    await ready(ReplicaSet, name, 1);
    await expectConditions(cluster, ReplicaSet, at(name));
    await cluster.client.delete(ReplicaSet, at(name));
  });
});

describe('[sig-apps] ReplicationControllers', () => {
  it('ReplicationController should adopt matching pods on creation', async () => {
    const { client } = cluster;
    const name = unique('pod-adoption');
    const pod = await orphan(name);
    await client.create(ReplicationController, replicationController(name, 1));
    await eventually(async () => expect((await client.get(Pod, pod)).metadata?.ownerReferences).toMatchObject([{ kind: 'ReplicationController', name, controller: true }]));
    expect(await podsOf(name)).toHaveLength(1);
  });

  it('ReplicationController should release no longer matching pods', async () => {
    const { client } = cluster;
    const name = unique('pod-release');
    await client.create(ReplicationController, replicationController(name, 1));
    await ready(ReplicationController, name, 1);
    const [pod] = await podsOf(name);
    await expectRelease(name, at(pod?.metadata?.name ?? ''));
  });

  it('ReplicationController should get and update a ReplicationController scale', async () => {
    const name = unique('e2e-rc');
    await cluster.client.create(ReplicationController, replicationController(name, 1));
    await ready(ReplicationController, name, 1);
    await expectScale(cluster, ReplicationController, at(name), `name=${name}`);
    await ready(ReplicationController, name, 4);
    await cluster.client.delete(ReplicationController, at(name));
  });

  it('ReplicationController should test the lifecycle of a ReplicationController', async () => {
    const { client, namespace } = cluster;
    const name = unique('rc-test');
    const labelSelector = `name=${name}`;
    const before = await client.list(ReplicationController, { labelSelector });
    await using watch = watching(client, ReplicationController, { namespace, labelSelector, resourceVersion: before.metadata.resourceVersion ?? '' });
    await client.create(ReplicationController, replicationController(name, 1));
    await watch.until('ADDED');
    await watch.until('MODIFIED', ({ status }) => status?.readyReplicas === 1);
    await client.patch(ReplicationController, at(name), 'application/strategic-merge-patch+json', { metadata: { labels: { 'test-rc': 'patched' } } });
    expect(await watch.until('MODIFIED', ({ metadata }) => metadata?.labels?.['test-rc'] === 'patched')).toMatchObject({ spec: { replicas: 1 } });

    const patched = await client.patch(ReplicationController, at(name), 'application/strategic-merge-patch+json', { status: { readyReplicas: 0, availableReplicas: 0 } }, { subresource: 'status' });
    expect(patched.status?.readyReplicas ?? 0).toBe(0);
    expect(await client.getSubresource<ReplicationController>(ReplicationController, at(name), 'status')).toMatchObject({ metadata: { name } });
    await client.patch(ReplicationController, at(name), 'application/merge-patch+json', { spec: { replicas: 2 } });
    await watch.until('MODIFIED', ({ spec, status }) => spec?.replicas === 2 && status?.readyReplicas === 2);
    expect((await client.list(ReplicationController, { labelSelector })).items.map((rc) => rc.metadata?.name)).toEqual([name]);
    await eventually(async () => {
      const found = await client.get(ReplicationController, at(name));
      return client.update(ReplicationController, { ...found, metadata: { ...found.metadata, labels: { ...found.metadata?.labels, 'test-rc': 'updated' } } });
    });
    await watch.until('MODIFIED', ({ metadata }) => metadata?.labels?.['test-rc'] === 'updated');
    await client.deleteCollection(ReplicationController, { namespace, labelSelector });
    await watch.until('DELETED');
    await expect(client.get(ReplicationController, at(name))).rejects.toMatchObject({ code: 404, reason: 'NotFound' });
  });

  it('ReplicationController should surface a failure condition on a common issue like exceeded quota', async () => {
    const { client } = cluster;
    const name = unique('condition-test');
    const namespace = name;
    await client.create(Namespace, { metadata: { name } });
    onTestFinished(async () => {
      await client.delete(Namespace, { name });
    });
    await eventually(() => client.get(ServiceAccount, { namespace, name: 'default' }));
    await client.create(ResourceQuota, { metadata: { namespace, name }, spec: { hard: { pods: '2' } } });
    await using watch = watching(client, ResourceQuota, { namespace });
    await watch.until('CHANGED', ({ status }) => status?.hard?.['pods'] === '2');
    await client.create(ReplicationController, { ...replicationController(name, 3), metadata: { namespace, name } });
    await using changes = watching(client, ReplicationController, { namespace, fieldSelector: `metadata.name=${name}` });
    const failure = (rc: ReplicationController) => rc.status?.conditions?.find(({ type, status }) => type === 'ReplicaFailure' && status === 'True');
    const failed = await changes.until('CHANGED', (rc) => rc.status?.observedGeneration === rc.metadata?.generation && failure(rc) !== undefined);
    expect(failure(failed)?.message).toContain(`exceeded quota: ${name}`);
    await client.patch(ReplicationController, { namespace, name }, 'application/merge-patch+json', { spec: { replicas: 2 } });
    await changes.until('CHANGED', (rc) => rc.status?.observedGeneration === rc.metadata?.generation && failure(rc) === undefined);
  });
});
