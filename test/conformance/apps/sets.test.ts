import { beforeAll, describe, expect, it } from 'vitest';
import { ControllerRevision, DaemonSet, StatefulSet } from '../../../machinery/kinds/apps.ts';
import { Node, Pod, ServiceAccount, type PodTemplateSpec } from '../../../machinery/kinds/core.ts';
import { ownerReference } from '../../../machinery/owner-references.ts';
import { eventually } from '../../e2e/eventually.ts';
import { useCluster } from '../cluster.ts';
import { unique } from '../definitions.ts';
import { useNode } from '../kubelet.ts';
import { expectConditions } from '../operations.ts';
import { watching } from '../watching.ts';
import { expectScale } from './scale.ts';

const httpd = 'registry.example/httpd';
const agnhost = 'registry.example/agnhost';
/** An image of this name never becomes ready. */
const broken = 'registry.example/nonexistent';
/** A pod that a test gives this annotation is ready no longer. */
const spoilt = 'spoilt';
const played = useNode({ staysUnready: (pod) => pod.spec?.containers[0]?.image === broken || pod.metadata?.annotations?.[spoilt] === 'true' });
const cluster = useCluster('sets');

beforeAll(async () => {
  await eventually(() => cluster.client.get(ServiceAccount, { namespace: cluster.namespace, name: 'default' }));
});

const at = (name: string) => ({ namespace: cluster.namespace, name });
const template = (name: string): PodTemplateSpec => ({ metadata: { labels: { name } }, spec: { ...played.place, containers: [{ name: 'c', image: httpd }], terminationGracePeriodSeconds: 0 } });
const images = (image: string) => ({ spec: { template: { spec: { containers: [{ name: 'c', image }] } } } });
const podsOf = async (name: string) => (await cluster.client.list(Pod, { namespace: cluster.namespace, labelSelector: `name=${name}` })).items;

async function statefulSet(name: string, replicas: number, more: object = {}): Promise<StatefulSet> {
  await cluster.client.create(StatefulSet, { metadata: { ...at(name), labels: { name } }, spec: { replicas, serviceName: 'test', selector: { matchLabels: { name } }, template: template(name), ...more } });
  return settledSet(name, replicas);
}

/** Resolves when its controller has seen its newest form, and this number of pods is ready. */
async function settledSet(name: string, replicas: number, wanted: (set: StatefulSet) => boolean = () => true): Promise<StatefulSet> {
  await using watch = watching(cluster.client, StatefulSet, { namespace: cluster.namespace, fieldSelector: `metadata.name=${name}` });
  return await watch.until('CHANGED', (set) => set.status?.observedGeneration === set.metadata?.generation && set.status?.readyReplicas === replicas && set.status.replicas === replicas && wanted(set));
}

async function daemonSet(name: string, more: object = {}): Promise<DaemonSet> {
  await cluster.client.create(DaemonSet, { metadata: { ...at(name), labels: { name } }, spec: { selector: { matchLabels: { name } }, template: template(name), ...more } });
  return settledDaemons(name, 1);
}

async function settledDaemons(name: string, count: number): Promise<DaemonSet> {
  await using watch = watching(cluster.client, DaemonSet, { namespace: cluster.namespace, fieldSelector: `metadata.name=${name}` });
  return await watch.until('CHANGED', ({ metadata, status }) => {
    const counts = [status?.desiredNumberScheduled, status?.currentNumberScheduled, status?.numberReady, status?.updatedNumberScheduled ?? 0];
    return status?.observedGeneration === metadata?.generation && counts.every((each) => each === count);
  });
}

describe('[sig-apps] StatefulSets', () => {
  it('StatefulSet Basic StatefulSet functionality [StatefulSetBasic] should have a working scale subresource', async () => {
    const name = unique('ss');
    await statefulSet(name, 1);
    await expectScale(cluster, StatefulSet, at(name), `name=${name}`);
    await settledSet(name, 4);
    await cluster.client.delete(StatefulSet, at(name));
  });

  it('StatefulSet Basic StatefulSet functionality [StatefulSetBasic] should list, patch and delete a collection of StatefulSets', async () => {
    const { client, namespace } = cluster;
    const name = unique('test-ss');
    await statefulSet(name, 1);
    const patch = { metadata: { labels: { 'test-ss': 'patched' } }, spec: { replicas: 2, ...images(agnhost).spec } };
    expect(await client.patch(StatefulSet, at(name), 'application/strategic-merge-patch+json', patch)).toMatchObject(patch);
    await settledSet(name, 2, ({ status }) => status?.updatedReplicas === 2);
    expect((await client.list(StatefulSet, { labelSelector: 'test-ss=patched' })).items.map(({ metadata }) => metadata?.name)).toEqual([name]);
    await client.deleteCollection(StatefulSet, { namespace, labelSelector: 'test-ss=patched' });
    expect((await client.list(StatefulSet, { labelSelector: 'test-ss=patched' })).items).toEqual([]);
  });

  it('StatefulSet Basic StatefulSet functionality [StatefulSetBasic] should validate Statefulset Status endpoints', async () => {
    const name = unique('ss');
    await statefulSet(name, 1);
    await expectConditions(cluster, StatefulSet, at(name));
    await cluster.client.delete(StatefulSet, at(name));
  });

  it('StatefulSet Basic StatefulSet functionality [StatefulSetBasic] should perform rolling updates and roll backs of template modifications', async () => {
    const { client, namespace } = cluster;
    const name = unique('ss');
    const first = await statefulSet(name, 3);
    expect(first.status?.currentRevision).toBe(first.status?.updateRevision);
    await using watch = watching(client, Pod, { namespace, labelSelector: `name=${name}` });
    const revisionOf = (pod: Pod) => pod.metadata?.labels?.['controller-revision-hash'];
    const roll = async (image: string): Promise<string> => {
      const { metadata } = await client.patch(StatefulSet, at(name), 'application/strategic-merge-patch+json', images(image));
      const rolled = await settledSet(name, 3, (set) => set.metadata?.generation === metadata?.generation && set.status?.currentRevision === set.status?.updateRevision && set.status?.updatedReplicas === 3);
      expect((await podsOf(name)).map((pod) => [pod.spec?.containers[0]?.image, revisionOf(pod)])).toEqual([0, 1, 2].map(() => [image, rolled.status?.updateRevision]));
      return rolled.status?.updateRevision ?? '';
    };
    const second = await roll(agnhost);
    expect(second).not.toBe(first.status?.updateRevision);
    expect(await roll(httpd)).toBe(first.status?.updateRevision);
    // Each of both times from the last to the first.
    const gone = watch.events.filter(({ type }) => type === 'DELETED').map(({ object }) => object.metadata?.name);
    expect(gone).toEqual([2, 1, 0, 2, 1, 0].map((ordinal) => `${name}-${ordinal}`));
    await client.delete(StatefulSet, at(name));
  });

  it('StatefulSet Basic StatefulSet functionality [StatefulSetBasic] should perform canary updates and phased rolling updates of template modifications', async () => {
    const { client } = cluster;
    const name = unique('ss');
    const partition = (ordinal: number) => ({ updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: ordinal } } });
    await statefulSet(name, 3, partition(3));
    const imagesNow = async () => (await podsOf(name)).toSorted((a, b) => (a.metadata?.name ?? '').localeCompare(b.metadata?.name ?? '')).map(({ spec }) => spec?.containers[0]?.image);
    const updated = (count: number) => settledSet(name, 3, ({ status }) => (status?.updatedReplicas ?? 0) === count);
    const { status } = await client.patch(StatefulSet, at(name), 'application/strategic-merge-patch+json', images(agnhost)).then(() => updated(0));
    expect(status?.currentRevision).not.toBe(status?.updateRevision);
    expect(await imagesNow()).toEqual([httpd, httpd, httpd]);

    const phase = (ordinal: number) => client.patch(StatefulSet, at(name), 'application/merge-patch+json', { spec: partition(ordinal) });
    await phase(2);
    await updated(1);
    expect(await imagesNow()).toEqual([httpd, httpd, agnhost]);
    // Who is deleted comes back as it was: the canary new, the others old.
    for (const ordinal of [0, 2]) {
      const { metadata } = await client.get(Pod, at(`${name}-${ordinal}`));
      await client.delete(Pod, at(`${name}-${ordinal}`));
      await eventually(async () => expect((await client.get(Pod, at(`${name}-${ordinal}`))).metadata?.uid).not.toBe(metadata?.uid));
    }
    await updated(1);
    expect(await imagesNow()).toEqual([httpd, httpd, agnhost]);
    await phase(0);
    await updated(3);
    expect(await imagesNow()).toEqual([agnhost, agnhost, agnhost]);
    await client.delete(StatefulSet, at(name));
  });

  it('StatefulSet Basic StatefulSet functionality [StatefulSetBasic] Should recreate evicted statefulset', async () => {
    const { client } = cluster;
    const name = unique('ss');
    await statefulSet(name, 1);
    const { metadata } = await client.get(Pod, at(`${name}-0`));
    await client.patch(Pod, at(`${name}-0`), 'application/merge-patch+json', { status: { phase: 'Failed', reason: 'Evicted' } }, { subresource: 'status' });
    await eventually(async () => {
      const pod = await client.get(Pod, at(`${name}-0`));
      expect(pod.metadata?.uid).not.toBe(metadata?.uid);
      expect(pod.status?.phase).toBe('Running');
    });
    await client.delete(StatefulSet, at(name));
  });

  const spoil = (name: string, is: string) => cluster.client.patch(Pod, at(name), 'application/merge-patch+json', { metadata: { annotations: { [spoilt]: is } } });
  const seen = (name: string, wanted: (set: StatefulSet) => boolean) => eventually(async () => {
    const set = await cluster.client.get(StatefulSet, at(name));
    expect(set.status?.observedGeneration).toBe(set.metadata?.generation);
    expect(wanted(set)).toBe(true);
  });
  const scale = (name: string, replicas: number) => cluster.client.patch(StatefulSet, at(name), 'application/merge-patch+json', { spec: { replicas } });

  it('StatefulSet Basic StatefulSet functionality [StatefulSetBasic] Scaling should happen in predictable order and halt if any stateful pod is unhealthy [Slow]', async () => {
    const { client, namespace } = cluster;
    const name = unique('ss');
    await using watch = watching(client, Pod, { namespace, labelSelector: `name=${name}` });
    const names = (type: string) => watch.events.filter((event) => event.type === type).map(({ object }) => object.metadata?.name);
    await statefulSet(name, 1);
    await spoil(`${name}-0`, 'true');
    await seen(name, ({ status }) => (status?.readyReplicas ?? 0) === 0);
    await scale(name, 3);
    // Seen, and nothing made: the first is not ready.
    await seen(name, ({ status }) => status?.replicas === 1);
    expect(names('ADDED')).toEqual([`${name}-0`]);
    await spoil(`${name}-0`, 'false');
    await settledSet(name, 3);
    expect(names('ADDED')).toEqual([0, 1, 2].map((ordinal) => `${name}-${ordinal}`));

    const all = (is: string) => Promise.all([0, 1, 2].map((ordinal) => spoil(`${name}-${ordinal}`, is)));
    await all('true');
    await seen(name, ({ status }) => (status?.readyReplicas ?? 0) === 0);
    await scale(name, 0);
    await seen(name, ({ status }) => status?.replicas === 3);
    expect(names('DELETED')).toEqual([]);
    await all('false');
    await seen(name, ({ status }) => status?.replicas === 0);
    expect(names('DELETED')).toEqual([2, 1, 0].map((ordinal) => `${name}-${ordinal}`));
    await client.delete(StatefulSet, at(name));
  });

  it('StatefulSet Basic StatefulSet functionality [StatefulSetBasic] Burst scaling should run to completion even with unhealthy pods [Slow]', async () => {
    const name = unique('ss');
    await statefulSet(name, 1, { podManagementPolicy: 'Parallel' });
    await spoil(`${name}-0`, 'true');
    await seen(name, ({ status }) => (status?.readyReplicas ?? 0) === 0);
    await scale(name, 3);
    await seen(name, ({ status }) => status?.replicas === 3 && status.readyReplicas === 2);
    await spoil(`${name}-1`, 'true');
    await seen(name, ({ status }) => status?.readyReplicas === 1);
    await scale(name, 0);
    await seen(name, ({ status }) => status?.replicas === 0);
    await cluster.client.delete(StatefulSet, at(name));
  });
});

describe('[sig-apps] DaemonSets', () => {
  it('Daemon set [Serial] should list and delete a collection of DaemonSets', async () => {
    const { client, namespace } = cluster;
    const name = unique('daemons');
    await daemonSet(name);
    expect((await client.list(DaemonSet, { labelSelector: `name=${name}` })).items).toHaveLength(1);
    await client.deleteCollection(DaemonSet, { namespace, labelSelector: `name=${name}` });
    expect((await client.list(DaemonSet, { labelSelector: `name=${name}` })).items).toEqual([]);
  });

  it('Daemon set [Serial] should verify changes to a daemon set status', async () => {
    const name = unique('daemons');
    await daemonSet(name);
    await expectConditions(cluster, DaemonSet, at(name));
    await cluster.client.delete(DaemonSet, at(name));
  });

  it('Daemon set [Serial] should run and stop simple daemon', async () => {
    const { client } = cluster;
    const name = unique('daemons');
    await daemonSet(name);
    const [pod] = await podsOf(name);
    expect(pod?.spec?.nodeName).toBe(played.name);
    await client.delete(Pod, at(pod?.metadata?.name ?? ''));
    await eventually(async () => expect(await podsOf(name)).toEqual([expect.objectContaining({ metadata: expect.not.objectContaining({ uid: pod?.metadata?.uid }) as unknown, status: expect.objectContaining({ phase: 'Running' }) as unknown })]));
    await client.delete(DaemonSet, at(name));
    await eventually(async () => expect(await podsOf(name)).toEqual([]));
  });

  it('Daemon set [Serial] should run and stop complex daemon', async () => {
    const { client } = cluster;
    const name = unique('daemons');
    const paint = (colour: string | null) => client.patch(Node, { name: played.name }, 'application/merge-patch+json', { metadata: { labels: { [name]: colour } } });
    const onlyOn = (colour: string) => ({ nodeSelector: { ...played.place.nodeSelector, [name]: colour } });
    const { metadata, spec } = template(name);
    await client.create(DaemonSet, { metadata: at(name), spec: { selector: { matchLabels: { name } }, template: { metadata: metadata ?? {}, spec: { containers: [], ...spec, ...onlyOn('blue') } } } });
    await settledDaemons(name, 0);
    expect(await podsOf(name)).toEqual([]);
    await paint('blue');
    await settledDaemons(name, 1);
    await paint('green');
    await eventually(async () => expect(await podsOf(name)).toEqual([]));
    await settledDaemons(name, 0);
    await client.patch(DaemonSet, at(name), 'application/merge-patch+json', { spec: { template: { spec: onlyOn('green') }, updateStrategy: { type: 'RollingUpdate' } } });
    await settledDaemons(name, 1);
    expect((await podsOf(name)).map((pod) => pod.spec?.nodeName)).toEqual([played.name]);
    await client.delete(DaemonSet, at(name));
    await paint(null);
  });

  it('Daemon set [Serial] should retry creating failed daemon pods', async () => {
    const { client } = cluster;
    const name = unique('daemons');
    await daemonSet(name);
    const [pod] = await podsOf(name);
    const where = at(pod?.metadata?.name ?? '');
    await client.patch(Pod, where, 'application/merge-patch+json', { status: { phase: 'Failed', podIP: '10.99.9.9' } }, { subresource: 'status' });
    await eventually(() => expect(client.get(Pod, where)).rejects.toMatchObject({ code: 404 }));
    await settledDaemons(name, 1);
    await client.delete(DaemonSet, at(name));
  });

  it('Daemon set [Serial] should update pod when spec was updated and update strategy is RollingUpdate', async () => {
    const { client } = cluster;
    const name = unique('daemons');
    await daemonSet(name, { updateStrategy: { type: 'RollingUpdate' } });
    const [before] = await podsOf(name);
    const [revision] = (await revisionsOf(name)).map(({ metadata }) => metadata?.labels?.['controller-revision-hash']);
    expect(before?.metadata?.labels?.['controller-revision-hash']).toBe(revision);
    await client.patch(DaemonSet, at(name), 'application/strategic-merge-patch+json', images(agnhost));
    await settledDaemons(name, 1);
    await eventually(async () => expect((await podsOf(name)).map(({ spec }) => spec?.containers[0]?.image)).toEqual([agnhost]));
    const revisions = (await revisionsOf(name)).toSorted((a, b) => a.revision - b.revision);
    expect(revisions.map((each) => each.revision)).toEqual([1, 2]);
    expect((await podsOf(name))[0]?.metadata?.labels?.['controller-revision-hash']).toBe(revisions[1]?.metadata?.labels?.['controller-revision-hash']);
    await client.delete(DaemonSet, at(name));
  });

  it('Daemon set [Serial] should rollback without unnecessary restarts', async () => {
    const { client } = cluster;
    const name = unique('daemons');
    await daemonSet(name, { updateStrategy: { type: 'RollingUpdate' } });
    await client.patch(DaemonSet, at(name), 'application/strategic-merge-patch+json', images(broken));
    // One may be unavailable: there is one, and it is not.
    await eventually(async () => expect((await podsOf(name)).map(({ spec }) => spec?.containers[0]?.image)).toEqual([broken]));
    await client.patch(DaemonSet, at(name), 'application/strategic-merge-patch+json', images(httpd));
    await settledDaemons(name, 1);
    expect((await podsOf(name)).map(({ spec }) => spec?.containers[0]?.image)).toEqual([httpd]);
    // What was first is the newest now, under its own name.
    const revisions = (await revisionsOf(name)).toSorted((a, b) => a.revision - b.revision);
    expect(revisions.map((each) => each.revision)).toEqual([2, 3]);
    await client.delete(DaemonSet, at(name));
  });

  it('ControllerRevision [Serial] should manage the lifecycle of a ControllerRevision', async () => {
    const { client, namespace } = cluster;
    const name = unique('daemons');
    const set = await daemonSet(name);
    expect((await client.list(DaemonSet, { labelSelector: `name=${name}` })).items).toHaveLength(1);
    const [initial] = (await client.list(ControllerRevision, { labelSelector: `name=${name}` })).items;
    expect(initial?.metadata?.ownerReferences).toMatchObject([{ kind: 'DaemonSet', uid: set.metadata?.uid, controller: true }]);
    const first = initial?.metadata?.name ?? '';
    const patched = await client.patch(ControllerRevision, at(first), 'application/strategic-merge-patch+json', { metadata: { labels: { [first]: 'patched' } } });
    expect(patched.metadata?.labels).toMatchObject({ [first]: 'patched' });

    const second = `${name}-second`;
    await client.create(ControllerRevision, { metadata: { ...at(second), labels: { name, 'controller-revision-hash': 'second' }, ownerReferences: [ownerReference(set, DaemonSet)] }, data: initial?.data ?? {}, revision: 2 });
    expect(await revisionsOf(name)).toHaveLength(2);
    await client.delete(ControllerRevision, at(first));
    expect((await revisionsOf(name)).map(({ metadata }) => metadata?.name)).toEqual([second]);
    const updated = await eventually(async () => {
      const found = await client.get(ControllerRevision, at(second));
      return client.update(ControllerRevision, { ...found, metadata: { ...found.metadata, labels: { ...found.metadata?.labels, [second]: 'updated' } } });
    });
    expect(updated.metadata?.labels).toMatchObject({ [second]: 'updated' });

    await client.patch(DaemonSet, at(name), 'application/strategic-merge-patch+json', { spec: { template: { spec: { terminationGracePeriodSeconds: 1 } } } });
    await eventually(async () => expect(await revisionsOf(name)).toHaveLength(2));
    await client.deleteCollection(ControllerRevision, { namespace, labelSelector: `${second}=updated` });
    await eventually(async () => expect((await revisionsOf(name)).map(({ revision }) => revision)).toEqual([3]));
    await client.delete(DaemonSet, at(name));
  });
});

async function revisionsOf(name: string): Promise<readonly ControllerRevision[]> {
  return (await cluster.client.list(ControllerRevision, { namespace: cluster.namespace, labelSelector: `name=${name}` })).items;
}
