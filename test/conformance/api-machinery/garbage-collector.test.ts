import { beforeAll, describe, expect, it } from 'vitest';
import { Deployment, ReplicaSet } from '../../../machinery/kinds/apps.ts';
import { Pod, ReplicationController, ServiceAccount } from '../../../machinery/kinds/core.ts';
import { eventually } from '../../e2e/eventually.ts';
import { useCluster } from '../cluster.ts';
import { unique } from '../definitions.ts';
import { watching } from '../watching.ts';

const cluster = useCluster('gc');

beforeAll(async () => {
  await eventually(() => cluster.client.get(ServiceAccount, { namespace: cluster.namespace, name: 'default' }));
});

const template = (name: string, more: object = {}) => ({ metadata: { labels: { name } }, spec: { containers: [{ name: 'nginx', image: 'registry.example/nginx' }], ...more } });
const podsOf = (name: string) => ({ namespace: cluster.namespace, labelSelector: `name=${name}` });

/** A controller all of whose pods are there, with its uid. */
async function createRc(name: string, replicas: number, more: object = {}): Promise<{ readonly uid: string }> {
  const { client, namespace } = cluster;
  const { metadata } = await client.create(ReplicationController, { metadata: { name, namespace, ...more }, spec: { replicas, selector: { name }, template: template(name) } });
  await using watch = watching(client, ReplicationController, { namespace, fieldSelector: `metadata.name=${name}` });
  await watch.until('CHANGED', ({ status }) => status?.replicas === replicas);
  expect((await client.list(Pod, podsOf(name))).items).toHaveLength(replicas);
  return { uid: metadata?.uid ?? '' };
}

async function createDeployment(name: string): Promise<void> {
  const { client, namespace } = cluster;
  await client.create(Deployment, { metadata: { name, namespace }, spec: { replicas: 2, selector: { matchLabels: { name } }, template: template(name) } });
  await eventually(async () => {
    expect((await client.list(ReplicaSet, podsOf(name))).items).toHaveLength(1);
    expect((await client.list(Pod, podsOf(name))).items).toHaveLength(2);
  });
}

describe('[sig-api-machinery]', () => {
  it('Garbage collector should delete pods created by rc when not orphaning', async () => {
    const { client, namespace } = cluster;
    const name = unique('simpletest');
    await createRc(name, 2);
    await client.delete(ReplicationController, { namespace, name }, { propagationPolicy: 'Background' });
    await expect(client.get(ReplicationController, { namespace, name })).rejects.toMatchObject({ code: 404 });
    await eventually(async () => expect((await client.list(Pod, podsOf(name))).items).toEqual([]));
  });

  it('Garbage collector should orphan pods created by rc if delete options say so [Serial]', async () => {
    const { client, namespace } = cluster;
    const name = unique('simpletest');
    const replicas = 20;
    await createRc(name, replicas);
    await using watch = watching(client, ReplicationController, { namespace, fieldSelector: `metadata.name=${name}` });
    await client.delete(ReplicationController, { namespace, name }, { propagationPolicy: 'Orphan' });
    await watch.until('DELETED');
    // The owner goes only when its pods are told: they have none now, and the collector has nothing more to do with them.
    const { items } = await client.list(Pod, podsOf(name));
    expect(items).toHaveLength(replicas);
    for (const { metadata } of items) expect(metadata).not.toHaveProperty('ownerReferences');
    for (const { metadata } of items) expect(metadata).not.toHaveProperty('deletionTimestamp');
    await client.deleteCollection(Pod, podsOf(name), { gracePeriodSeconds: 0 });
  });

  it('Garbage collector should delete RS created by deployment when not orphaning', async () => {
    const { client, namespace } = cluster;
    const name = unique('simpletest');
    await createDeployment(name);
    await client.delete(Deployment, { namespace, name }, { propagationPolicy: 'Background' });
    await eventually(async () => {
      expect((await client.list(ReplicaSet, podsOf(name))).items).toEqual([]);
      expect((await client.list(Pod, podsOf(name))).items).toEqual([]);
    });
  });

  it('Garbage collector should orphan RS created by deployment when deleteOptions.PropagationPolicy is Orphan', async () => {
    const { client, namespace } = cluster;
    const name = unique('simpletest');
    await createDeployment(name);
    await using watch = watching(client, Deployment, { namespace, fieldSelector: `metadata.name=${name}` });
    await client.delete(Deployment, { namespace, name }, { propagationPolicy: 'Orphan' });
    await watch.until('DELETED');
    const sets = (await client.list(ReplicaSet, podsOf(name))).items;
    expect(sets).toHaveLength(1);
    expect(sets[0]?.metadata).not.toHaveProperty('ownerReferences');
    expect((await client.list(Pod, podsOf(name))).items).toHaveLength(2);
    await client.delete(ReplicaSet, { namespace, name: sets[0]?.metadata?.name ?? '' }, { propagationPolicy: 'Background' });
  });

  it('Garbage collector should keep the rc around until all its pods are deleted if the deleteOptions says so [Serial]', async () => {
    const { client, namespace } = cluster;
    const name = unique('simpletest');
    const finalizer = 'e2e.example.com/kept';
    await createRc(name, 10);
    // One pod that lingers for as long as the test likes.
    const kept = { namespace, name: (await client.list(Pod, podsOf(name))).items[0]?.metadata?.name ?? '' };
    await client.patch(Pod, kept, 'application/merge-patch+json', { metadata: { finalizers: [finalizer] } });
    await using watch = watching(client, ReplicationController, { namespace, fieldSelector: `metadata.name=${name}` });
    await client.delete(ReplicationController, { namespace, name }, { propagationPolicy: 'Foreground' });
    await eventually(async () => expect((await client.list(Pod, podsOf(name))).items.map(({ metadata }) => metadata?.name)).toEqual([kept.name]));
    const { metadata } = await client.get(ReplicationController, { namespace, name });
    expect(metadata?.deletionTimestamp).toBeDefined();
    expect(metadata?.finalizers).toEqual(['foregroundDeletion']);
    await client.patch(Pod, kept, 'application/merge-patch+json', { metadata: { finalizers: null } });
    await watch.until('DELETED');
    expect((await client.list(Pod, podsOf(name))).items).toEqual([]);
  });

  it('Garbage collector should not delete dependents that have both valid owner and owner that\'s waiting for dependents to be deleted [Serial]', async () => {
    const { client, namespace } = cluster;
    const name = unique('simpletest-to-be-deleted');
    const stays = unique('simpletest-to-stay');
    await createRc(name, 10);
    const { uid } = await createRc(stays, 0);
    const half = (await client.list(Pod, podsOf(name))).items.slice(0, 5);
    for (const { metadata } of half) {
      const reference = { apiVersion: 'v1', kind: 'ReplicationController', name: stays, uid };
      await client.patch(Pod, { namespace, name: metadata?.name ?? '' }, 'application/strategic-merge-patch+json', { metadata: { ownerReferences: [reference] } });
    }
    await using watch = watching(client, ReplicationController, { namespace, fieldSelector: `metadata.name=${name}` });
    await client.delete(ReplicationController, { namespace, name }, { propagationPolicy: 'Foreground' });
    await watch.until('DELETED');
    const { items } = await client.list(Pod, podsOf(name));
    expect(items.map(({ metadata }) => metadata?.name).toSorted()).toEqual(half.map(({ metadata }) => metadata?.name).toSorted());
    for (const { metadata } of items) {
      expect(metadata).not.toHaveProperty('deletionTimestamp');
      expect(metadata?.ownerReferences).toEqual([expect.objectContaining({ name: stays, uid })]);
    }
    await client.deleteCollection(Pod, podsOf(name), { gracePeriodSeconds: 0 });
  });

  it('Garbage collector should not be blocked by dependency circle', async () => {
    const { client, namespace } = cluster;
    const name = unique('circle');
    const pods = [];
    for (const index of [1, 2, 3]) {
      const each = `${name}-${index}`;
      pods.push(await client.create(Pod, { ...template(name), metadata: { name: each, namespace, labels: { name } } }));
    }
    for (const [index, { metadata }] of pods.entries()) {
      const owner = pods[(index + 2) % 3]?.metadata;
      const reference = { apiVersion: 'v1', kind: 'Pod', name: owner?.name, uid: owner?.uid, controller: true, blockOwnerDeletion: true };
      await client.patch(Pod, { namespace, name: metadata?.name ?? '' }, 'application/strategic-merge-patch+json', { metadata: { ownerReferences: [reference] } });
    }
    await client.delete(Pod, { namespace, name: `${name}-1` }, { propagationPolicy: 'Foreground' });
    await eventually(async () => expect((await client.list(Pod, podsOf(name))).items).toEqual([]));
  });
});
