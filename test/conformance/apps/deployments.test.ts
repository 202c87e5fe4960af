import { beforeAll, describe, expect, it } from 'vitest';
import { Deployment, ReplicaSet } from '../../../machinery/kinds/apps.ts';
import { Pod, ServiceAccount, type PodTemplateSpec } from '../../../machinery/kinds/core.ts';
import { eventually } from '../../e2e/eventually.ts';
import { useCluster } from '../cluster.ts';
import { unique } from '../definitions.ts';
import { useNode } from '../kubelet.ts';
import { expectConditions } from '../operations.ts';
import { watching } from '../watching.ts';
import { expectScale } from './scale.ts';

/** An image of this name never becomes ready. */
const broken = 'registry.example/nonexistent';
const played = useNode({ staysUnready: (pod) => pod.spec?.containers[0]?.image === broken });
const cluster = useCluster('deployments');

beforeAll(async () => {
  await eventually(() => cluster.client.get(ServiceAccount, { namespace: cluster.namespace, name: 'default' }));
});

const template = (name: string, image: string): PodTemplateSpec => ({ metadata: { labels: { name } }, spec: { ...played.place, containers: [{ name: 'c', image }], terminationGracePeriodSeconds: 0 } });
const httpd = 'registry.example/httpd';
const agnhost = 'registry.example/agnhost';

function deployment(name: string, replicas: number, image: string, more: object = {}): Deployment {
  return { metadata: { namespace: cluster.namespace, name, labels: { name } }, spec: { replicas, selector: { matchLabels: { name } }, template: template(name, image), ...more } };
}

function replicaSet(name: string, replicas: number, image: string): ReplicaSet {
  const { metadata, spec } = template(name, image);
  return { metadata: { namespace: cluster.namespace, name: `${name}-controller`, labels: { name, pod: image.replace(/.*\//, '') } }, spec: { replicas, selector: { matchLabels: { name, pod: 'old' } }, template: { metadata: { labels: { ...metadata?.labels, pod: 'old' } }, ...(spec === undefined ? {} : { spec }) } } };
}

const setsOf = async (name: string) => (await cluster.client.list(ReplicaSet, { namespace: cluster.namespace, labelSelector: `name=${name}` })).items;
const podsOf = async (name: string) => (await cluster.client.list(Pod, { namespace: cluster.namespace, labelSelector: `name=${name}` })).items;

/** The Deployment once all its pods are of its newest template and available, as its controller says. */
async function complete(name: string): Promise<Deployment> {
  await using watch = watching(cluster.client, Deployment, { namespace: cluster.namespace, fieldSelector: `metadata.name=${name}` });
  return await watch.until('CHANGED', ({ metadata, spec, status }) => {
    const counts = [status?.updatedReplicas, status?.replicas, status?.availableReplicas];
    return status?.observedGeneration === metadata?.generation && counts.every((count) => count === spec?.replicas);
  });
}

async function replicasReady(set: ReplicaSet): Promise<void> {
  const { namespace, name } = { namespace: cluster.namespace, name: set.metadata?.name ?? '' };
  await using watch = watching(cluster.client, ReplicaSet, { namespace, fieldSelector: `metadata.name=${name}` });
  await watch.until('CHANGED', ({ spec, status }) => status?.readyReplicas === spec?.replicas);
}

describe('[sig-apps]', () => {
  it('Deployment Deployment should have a working scale subresource', async () => {
    const { client, namespace } = cluster;
    const name = unique('test-new-deployment');
    await client.create(Deployment, deployment(name, 1, httpd));
    await complete(name);
    await expectScale(cluster, Deployment, { namespace, name }, `name=${name}`);
    expect((await complete(name)).status).toMatchObject({ replicas: 4, readyReplicas: 4 });
    await client.delete(Deployment, { namespace, name });
  });

  it('Deployment deployment should delete old replica sets', async () => {
    const { client, namespace } = cluster;
    const name = unique('test-cleanup');
    const old = await client.create(ReplicaSet, replicaSet(name, 1, httpd));
    await replicasReady(old);
    await client.create(Deployment, deployment(name, 1, agnhost, { revisionHistoryLimit: 0 }));
    await complete(name);
    await eventually(() => expect(client.get(ReplicaSet, { namespace, name: old.metadata?.name ?? '' })).rejects.toMatchObject({ code: 404 }));
    expect(await setsOf(name)).toHaveLength(1);
  });

  it('Deployment RecreateDeployment should delete old pods and create new ones', async () => {
    const { client, namespace } = cluster;
    const name = unique('test-recreate');
    await client.create(Deployment, deployment(name, 1, agnhost, { strategy: { type: 'Recreate' } }));
    await complete(name);
    const before = await client.list(Pod, { namespace, labelSelector: `name=${name}` });
    await using watch = watching(client, Pod, { namespace, labelSelector: `name=${name}`, resourceVersion: before.metadata.resourceVersion ?? '' });
    await client.patch(Deployment, { namespace, name }, 'application/strategic-merge-patch+json', { spec: { template: { spec: { containers: [{ name: 'c', image: httpd }] } } } });
    const finished = await complete(name);
    expect(finished.metadata?.annotations).toMatchObject({ 'deployment.kubernetes.io/revision': '2' });
    // New pods never run beside old ones.
    await watch.until('ADDED');
    const changes = watch.events.map(({ type, object }) => `${type} ${object.spec?.containers[0]?.image ?? ''}`);
    expect(changes.findLastIndex((change) => change === `DELETED ${agnhost}`)).toBeLessThan(changes.indexOf(`ADDED ${httpd}`));
    expect(changes).toContain(`DELETED ${agnhost}`);
  });

  it('Deployment RollingUpdateDeployment should delete old pods and create new ones', async () => {
    const { client } = cluster;
    const name = unique('test-rolling');
    const set = replicaSet(name, 1, httpd);
    const old = await client.create(ReplicaSet, { ...set, metadata: { ...set.metadata, annotations: { 'deployment.kubernetes.io/revision': '3546343826724305832' } } });
    await replicasReady(old);
    await client.create(Deployment, deployment(name, 1, agnhost));
    const finished = await complete(name);
    expect(finished.metadata?.annotations).toMatchObject({ 'deployment.kubernetes.io/revision': '3546343826724305833' });
    const sets = await setsOf(name);
    expect(sets).toHaveLength(2);
    await eventually(async () => expect((await podsOf(name)).map(({ spec }) => spec?.containers[0]?.image)).toEqual([agnhost]));
    // The old set is the Deployment's now, and empty.
    expect(sets.find(({ metadata }) => metadata?.uid === old.metadata?.uid)).toMatchObject({ metadata: { ownerReferences: [{ kind: 'Deployment', name }] }, spec: { replicas: 0 } });
  });

  it('Deployment deployment should support rollover', async () => {
    const { client, namespace } = cluster;
    const name = unique('test-rollover');
    const old = await client.create(ReplicaSet, replicaSet(name, 1, httpd));
    await replicasReady(old);
    await client.create(Deployment, deployment(name, 1, broken, { strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } } }));
    await eventually(async () => expect((await setsOf(name)).map(({ spec }) => spec?.replicas)).toEqual([1, 1]));
    await client.patch(Deployment, { namespace, name }, 'application/strategic-merge-patch+json', { spec: { template: { spec: { containers: [{ name: 'c', image: agnhost }] } } } });
    await complete(name);
    const sets = await setsOf(name);
    expect(sets).toHaveLength(3);
    const replicasOf = (image: string) => sets.find(({ spec }) => spec?.template?.spec?.containers[0]?.image === image)?.spec?.replicas;
    expect([httpd, broken, agnhost].map(replicasOf)).toEqual([0, 0, 1]);
  });

  it('Deployment deployment should support proportional scaling', async () => {
    const { client, namespace } = cluster;
    const at = { namespace, name: unique('webserver') };
    await client.create(Deployment, deployment(at.name, 10, httpd, { strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 3, maxUnavailable: 2 } } }));
    await complete(at.name);
    await client.patch(Deployment, at, 'application/strategic-merge-patch+json', { spec: { template: { spec: { containers: [{ name: 'c', image: broken }] } } } });
    const replicas = async () => {
      const sets = await setsOf(at.name);
      return [httpd, broken].map((image) => sets.find(({ spec }) => spec?.template?.spec?.containers[0]?.image === image)?.spec?.replicas);
    };
    // 10 replicas, two of which may lack, three of which may be too many.
    await eventually(async () => expect(await replicas()).toEqual([8, 5]));
    await eventually(async () => expect((await client.get(Deployment, at)).status).toMatchObject({ replicas: 13, availableReplicas: 8 }));
    await client.patch(Deployment, at, 'application/merge-patch+json', { spec: { replicas: 30 } });
    // 20 more and three of surplus, in proportion: 8 to 5.
    await eventually(async () => expect(await replicas()).toEqual([20, 13]));
    await client.delete(Deployment, at);
  });

  it('Deployment should run the lifecycle of a Deployment', async () => {
    const { client, namespace } = cluster;
    const name = unique('test-deployment');
    const at = { namespace, name };
    const labelSelector = `name=${name}`;
    const before = await client.list(Deployment, { labelSelector });
    await using watch = watching(client, Deployment, { namespace, labelSelector, resourceVersion: before.metadata.resourceVersion ?? '' });
    await client.create(Deployment, deployment(name, 2, httpd));
    await watch.until('ADDED');
    await watch.until('MODIFIED', ({ status }) => status?.availableReplicas === 2 && status.readyReplicas === 2);
    const patch = { metadata: { labels: { 'test-deployment': 'patched' } }, spec: { replicas: 1, template: { spec: { terminationGracePeriodSeconds: 0, containers: [{ name: 'c', image: agnhost }] } } } };
    expect(await client.patch(Deployment, at, 'application/strategic-merge-patch+json', patch)).toMatchObject(patch);
    await watch.until('MODIFIED', ({ metadata, status }) => metadata?.labels?.['test-deployment'] === 'patched' && status?.observedGeneration === metadata.generation && status?.readyReplicas === 1 && status.replicas === 1);
    expect((await client.list(Deployment, { labelSelector })).items.map(({ metadata }) => metadata?.labels)).toMatchObject([{ 'test-deployment': 'patched' }]);
    await eventually(async () => {
      const found = await client.get(Deployment, at);
      return client.update(Deployment, { ...found, metadata: { ...found.metadata, labels: { ...found.metadata?.labels, 'test-deployment': 'updated' } }, spec: { ...found.spec, selector: found.spec?.selector ?? {}, template: found.spec?.template ?? {}, replicas: 2 } });
    });
    // Both are ready before the last change is seen, too: of the old template and the new.
    await watch.until('MODIFIED', ({ metadata, status }) => metadata?.labels?.['test-deployment'] === 'updated' && status?.observedGeneration === metadata.generation && status?.readyReplicas === 2 && status.updatedReplicas === 2 && status.replicas === 2);

    expect((await client.getSubresource<Deployment>(Deployment, at, 'status')).status).toMatchObject({ readyReplicas: 2 });
    const patched = await client.patch(Deployment, at, 'application/merge-patch+json', { metadata: { labels: { 'test-deployment': 'patched-status' } }, status: { readyReplicas: 0, availableReplicas: 0 } }, { subresource: 'status' });
    expect(patched.status?.readyReplicas ?? 0).toBe(0);
    // Its controller knows better.
    await watch.until('MODIFIED', ({ status }) => (status?.readyReplicas ?? 0) === 0);
    await watch.until('MODIFIED', ({ status }) => status?.readyReplicas === 2);
    await client.deleteCollection(Deployment, { namespace, labelSelector });
    await watch.until('DELETED');
    await expect(client.get(Deployment, at)).rejects.toMatchObject({ code: 404, reason: 'NotFound' });
  });

  it('Deployment should validate Deployment Status endpoints', async () => {
    const { client, namespace } = cluster;
    const name = unique('test-status');
    await client.create(Deployment, deployment(name, 1, httpd));
    await complete(name);
    await expectConditions(cluster, Deployment, { namespace, name }, { lastTransitionTime: '2026-01-01T00:00:00Z', lastUpdateTime: '2026-01-01T00:00:00Z' });
    await client.delete(Deployment, { namespace, name });
  });
});
