import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { Namespace, Pod, ServiceAccount } from '../../../machinery/kinds/core.ts';
import { PodDisruptionBudget } from '../../../machinery/kinds/policy.ts';
import { eventually } from '../../e2e/eventually.ts';
import { useCluster } from '../cluster.ts';
import { unique } from '../definitions.ts';
import { useNode } from '../kubelet.ts';
import { watching } from '../watching.ts';

const played = useNode();
const cluster = useCluster('disruption');

beforeAll(async () => {
  await eventually(() => cluster.client.get(ServiceAccount, { namespace: cluster.namespace, name: 'default' }));
});

interface Covered {
  readonly at: { readonly namespace: string; readonly name: string };
  readonly pods: readonly string[];
}

/** A budget, with pods under it that run. Resolves when the controller knows them all. */
async function cover(minAvailable: number | string, count: number): Promise<Covered> {
  const { client, namespace } = cluster;
  const at = { namespace, name: unique('foo') };
  await client.create(PodDisruptionBudget, { metadata: at, spec: { minAvailable, selector: { matchLabels: { foo: at.name } } } });
  const pods = Array.from({ length: count }, (_, i) => `${at.name}-${i}`);
  for (const name of pods) await client.create(Pod, { metadata: { namespace, name, labels: { foo: at.name } }, spec: { ...played.place, containers: [{ name: 'c', image: 'registry.example/echo' }] } });
  await using watch = watching(client, PodDisruptionBudget, { namespace });
  await watch.until('CHANGED', ({ metadata, status }) => metadata?.name === at.name && status?.observedGeneration === metadata.generation && status?.currentHealthy === count);
  return { at, pods };
}

/** What the controller says of it, once it has seen its newest form. */
async function seen(at: Covered['at'], wanted: object): Promise<void> {
  await eventually(async () => {
    const { metadata, status } = await cluster.client.get(PodDisruptionBudget, at);
    expect(status?.observedGeneration).toBe(metadata?.generation);
    expect(status).toMatchObject(wanted);
  });
}

const evict = (name: string) => cluster.client.createSubresource(Pod, { namespace: cluster.namespace, name }, 'eviction', { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name, namespace: cluster.namespace } });

describe('[sig-apps]', () => {
  it('DisruptionController should create a PodDisruptionBudget', async () => {
    const { client } = cluster;
    const { at } = await cover('1%', 0);
    const updated = await eventually(async () => {
      const found = await client.get(PodDisruptionBudget, at);
      return client.update(PodDisruptionBudget, { ...found, spec: { ...found.spec, minAvailable: '2%' } });
    });
    expect(updated.spec?.minAvailable).toBe('2%');
    await seen(at, {});
    const patched = await client.patch(PodDisruptionBudget, at, 'application/merge-patch+json', { spec: { minAvailable: '3%' } });
    expect(patched.spec?.minAvailable).toBe('3%');
    await seen(at, {});
    await client.delete(PodDisruptionBudget, at);
    await expect(client.get(PodDisruptionBudget, at)).rejects.toMatchObject({ code: 404, reason: 'NotFound' });
  });

  it('DisruptionController should observe PodDisruptionBudget status updated', async () => {
    const { at } = await cover(1, 3);
    await seen(at, { disruptionsAllowed: 2, currentHealthy: 3, desiredHealthy: 1, expectedPods: 3 });
  });

  it('DisruptionController should update/patch PodDisruptionBudget status', async () => {
    const { client } = cluster;
    const { at, pods: [pod = ''] } = await cover(1, 1);
    const updated = await eventually(async () => {
      const found = await client.get(PodDisruptionBudget, at);
      return client.updateStatus(PodDisruptionBudget, { ...found, status: { currentHealthy: 0, desiredHealthy: 0, disruptionsAllowed: 0, expectedPods: 0, ...found.status, disruptedPods: { [pod]: new Date().toISOString() } } });
    });
    expect(Object.keys(updated.status?.disruptedPods ?? {})).toEqual([pod]);
    const patched = await client.patch(PodDisruptionBudget, at, 'application/merge-patch+json', { status: { disruptedPods: { [pod]: null } } }, { subresource: 'status' });
    expect(patched.status?.disruptedPods ?? {}).toEqual({});
    expect((await client.getSubresource<PodDisruptionBudget>(PodDisruptionBudget, at, 'status')).status?.disruptedPods ?? {}).toEqual({});
  });

  it('DisruptionController should block an eviction until the PDB is updated to allow it', async () => {
    const { client, namespace } = cluster;
    const { at, pods: [first = '', second = ''] } = await cover(3, 3);
    const refusal = { code: 429, reason: 'TooManyRequests', details: { causes: [{ reason: 'DisruptionBudget' }] } };
    await expect(evict(first)).rejects.toMatchObject({ status: refusal });
    await eventually(async () => {
      const found = await client.get(PodDisruptionBudget, at);
      return client.update(PodDisruptionBudget, { ...found, spec: { ...found.spec, minAvailable: 2 } });
    });
    await seen(at, { disruptionsAllowed: 1 });
    await evict(first);
    await eventually(() => expect(client.get(Pod, { namespace, name: first })).rejects.toMatchObject({ code: 404 }));

    await client.patch(PodDisruptionBudget, at, 'application/merge-patch+json', { spec: { minAvailable: 3 } });
    await seen(at, { disruptionsAllowed: 0, currentHealthy: 2 });
    await expect(evict(second)).rejects.toMatchObject({ status: refusal });
    await client.delete(PodDisruptionBudget, at);
    await eventually(() => evict(second));
    await eventually(() => expect(client.get(Pod, { namespace, name: second })).rejects.toMatchObject({ code: 404 }));
  });

  it('DisruptionController Listing PodDisruptionBudgets for all namespaces should list and delete a collection of PodDisruptionBudgets', async () => {
    const { client, namespace } = cluster;
    const other = unique('disruption-2');
    await client.create(Namespace, { metadata: { name: other } });
    onTestFinished(async () => {
      await client.delete(Namespace, { name: other });
    });
    const label = unique('key');
    const budget = (name: string, value: string): PodDisruptionBudget => ({ metadata: { name, labels: { [label]: value } }, spec: { minAvailable: '1%', selector: { matchLabels: { foo: 'bar' } } } });
    const make = (place: string, name: string, value: string) => client.create(PodDisruptionBudget, { ...budget(name, value), metadata: { ...budget(name, value).metadata, namespace: place } });
    await make(namespace, `${label}-1`, 'ours');
    await make(namespace, `${label}-2`, 'ours');
    await make(other, `${label}-3`, 'ours');
    expect((await client.list(PodDisruptionBudget, { labelSelector: label })).items).toHaveLength(3);
    expect((await client.list(PodDisruptionBudget, { namespace, labelSelector: label })).items).toHaveLength(2);
    await client.deleteCollection(PodDisruptionBudget, { namespace, labelSelector: `${label}=ours` });
    expect((await client.list(PodDisruptionBudget, { labelSelector: label })).items.map(({ metadata }) => metadata?.namespace)).toEqual([other]);
  });
});
