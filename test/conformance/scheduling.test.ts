import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { PriorityClass } from '../../machinery/kinds/cluster.ts';
import { LimitRange, Namespace, Pod, ServiceAccount } from '../../machinery/kinds/core.ts';
import type { ObjectMeta } from '../../machinery/kinds/kind.ts';
import { eventually } from '../e2e/eventually.ts';
import { useCluster } from './cluster.ts';
import { unique } from './definitions.ts';
import { expectOperations } from './operations.ts';
import { watching } from './watching.ts';

const cluster = useCluster('scheduling');
type Amounts = Readonly<Record<string, string>>;
const amounts = (cpu: string, memory: string, storage: string): Amounts => ({ cpu, memory, 'ephemeral-storage': storage });
const limits = {
  type: 'Container', min: amounts('50m', '100Mi', '100Gi'), max: amounts('500m', '500Mi', '500Gi'),
  default: amounts('500m', '500Mi', '500Gi'), defaultRequest: amounts('100m', '200Mi', '200Gi'),
};

beforeAll(async () => {
  await eventually(() => cluster.client.get(ServiceAccount, { namespace: cluster.namespace, name: 'default' }));
});

/** The resources that the one container of a new pod has in the end. */
async function resourcesOf(requests: Amounts, given: Amounts): Promise<unknown> {
  const { client, namespace } = cluster;
  const { spec } = await client.create(Pod, { metadata: { namespace, generateName: 'pfpod-' }, spec: { containers: [{ name: 'c', image: 'registry.example/pause', resources: { requests, limits: given } }] } });
  return spec?.containers[0]?.resources;
}

describe('[sig-scheduling]', () => {
  it('LimitRange should create a LimitRange with defaults and ensure pod has those defaults applied.', async () => {
    const { client, namespace } = cluster;
    const at = { namespace, name: 'limit-range' };
    await using watch = watching(client, LimitRange, { namespace });
    await client.create(LimitRange, { metadata: at, spec: { limits: [limits] } });
    await watch.until('ADDED', ({ metadata }) => metadata?.name === at.name);
    const found = await client.get(LimitRange, at);
    expect(found.spec?.limits[0]).toMatchObject(limits);

    // Admission sees a new range by its watch.
    await eventually(async () => expect(await resourcesOf({}, {})).toEqual({ requests: limits.defaultRequest, limits: limits.default }));
    expect(await resourcesOf({ memory: '150Mi', 'ephemeral-storage': '150Gi' }, { cpu: '300m' })).toEqual({ requests: amounts('300m', '150Mi', '150Gi'), limits: amounts('300m', '500Mi', '500Gi') });
    const tooSmall = amounts('10m', '50Mi', '50Gi');
    const tooLarge = amounts('600m', '600Mi', '600Gi');
    await expect(resourcesOf(tooSmall, {})).rejects.toMatchObject({ code: 403, reason: 'Forbidden' });
    await expect(resourcesOf(tooLarge, {})).rejects.toMatchObject({ code: 422 });
    await expect(resourcesOf(tooLarge, tooLarge)).rejects.toMatchObject({ code: 403, reason: 'Forbidden' });

    const min = amounts('9m', '49Mi', '49Gi');
    expect((await client.update(LimitRange, { ...found, spec: { limits: [{ ...limits, min }] } })).spec?.limits[0]?.min).toEqual(min);
    await eventually(() => resourcesOf(tooSmall, {}));
    await expect(resourcesOf(tooLarge, tooLarge)).rejects.toMatchObject({ code: 403, reason: 'Forbidden' });

    await client.delete(LimitRange, at);
    expect((await client.list(LimitRange, { namespace })).items).toEqual([]);
    expect(await eventually(() => resourcesOf(tooLarge, {}))).toEqual({ requests: tooLarge });
  });

  it('LimitRange should list, patch and delete a LimitRange by collection', async () => {
    const { client, namespace } = cluster;
    const name = unique('limitrange');
    const range = (metadata: ObjectMeta): LimitRange => ({ metadata: { ...metadata, name, labels: { 'e2e-test': name, [name]: 'created' } }, spec: { limits: [limits] } });
    const other = unique('limitrange');
    await client.create(Namespace, { metadata: { name: other } });
    onTestFinished(async () => {
      await client.delete(Namespace, { name: other });
    });
    await client.create(LimitRange, range({ namespace }));
    await client.create(LimitRange, range({ namespace: other }));
    expect((await client.list(LimitRange, { labelSelector: `e2e-test=${name}` })).items).toHaveLength(2);

    const min = amounts('9m', '49Mi', '49Gi');
    const patched = await client.patch(LimitRange, { namespace, name }, 'application/strategic-merge-patch+json', { metadata: { labels: { [name]: 'patched' } }, spec: { limits: [{ ...limits, min }] } });
    expect(patched).toMatchObject({ metadata: { labels: { [name]: 'patched' } }, spec: { limits: [{ min }] } });
    await client.deleteCollection(LimitRange, { namespace, labelSelector: `${name}=patched` });
    expect((await client.list(LimitRange, { labelSelector: `${name}=patched` })).items).toEqual([]);
    expect((await client.list(LimitRange, { labelSelector: `e2e-test=${name}` })).items.map(({ metadata }) => metadata?.namespace)).toEqual([other]);
  });

  it('SchedulerPreemption [Serial] PriorityClass endpoints verify PriorityClass endpoints can be operated with different HTTP methods', async () => {
    const { client } = cluster;
    const priority = (metadata: ObjectMeta): PriorityClass => ({ metadata, value: 100 });
    await expectOperations(cluster, PriorityClass, priority);

    const created = await client.create(PriorityClass, priority({ generateName: 'p-' }));
    const at = { name: created.metadata?.name ?? '' };
    const patch = (body: object) => client.patch(PriorityClass, at, 'application/strategic-merge-patch+json', body);
    await expect(patch({ value: 1000 })).rejects.toMatchObject({ code: 422, reason: 'Invalid' });
    await expect(client.update(PriorityClass, { ...created, value: 1000 })).rejects.toMatchObject({ code: 422, reason: 'Invalid' });
    await expect(patch({ preemptionPolicy: 'Never' })).rejects.toMatchObject({ code: 422, reason: 'Invalid' });
    expect(await patch({ description: 'patched description' })).toMatchObject({ description: 'patched description', value: 100 });
    const found = await client.get(PriorityClass, at);
    expect(await client.update(PriorityClass, { ...found, description: 'updated description' })).toMatchObject({ description: 'updated description', value: 100 });
    expect(await client.get(PriorityClass, at)).toMatchObject({ description: 'updated description', value: 100 });
    await client.delete(PriorityClass, at);
  });
});
