import { describe, expect, it } from 'vitest';
import { ConfigMap } from '../../../machinery/kinds/core.ts';
import { useCluster } from '../cluster.ts';
import { watching, type Watching } from '../watching.ts';

const cluster = useCluster('watch');
const label = 'watch-this-configmap';

const map = (name: string, group: string): ConfigMap => ({ metadata: { name, namespace: cluster.namespace, labels: { [label]: group } } });

function mutate(name: string, mutation: number | string): Promise<ConfigMap> {
  return cluster.client.patch(ConfigMap, { namespace: cluster.namespace, name }, 'application/merge-patch+json', { data: { mutation: String(mutation) } });
}

const relabel = (name: string, group: string) => cluster.client.patch(ConfigMap, { namespace: cluster.namespace, name }, 'application/merge-patch+json', { metadata: { labels: { [label]: group } } });
const remove = (name: string) => cluster.client.delete(ConfigMap, { namespace: cluster.namespace, name });
const newest = async (): Promise<string> => (await cluster.client.list(ConfigMap, { namespace: cluster.namespace })).metadata.resourceVersion ?? '';
const watch = (resourceVersion: string, labelSelector: string) => watching(cluster.client, ConfigMap, { namespace: cluster.namespace, labelSelector, resourceVersion });

/** `ADDED a 1`: type, name and mutation. */
const seen = ({ events }: Watching<ConfigMap>) => events.map(({ type, object }) => `${type} ${object.metadata?.name ?? ''} ${object.data?.['mutation'] ?? '-'}`);
const versions = (watcher: Watching<ConfigMap>) => watcher.events.map(({ object }) => object.metadata?.resourceVersion);

describe('[sig-api-machinery]', () => {
  it('Watchers should observe add, update, and delete watch notifications on configmaps', async () => {
    const { client } = cluster;
    const from = await newest();
    await using watchA = watch(from, `${label}=multiple-a`);
    await using watchB = watch(from, `${label}=multiple-b`);
    await using both = watch(from, `${label} in (multiple-a,multiple-b)`);
    await client.create(ConfigMap, map('multiple-a', 'multiple-a'));
    await mutate('multiple-a', 1);
    await mutate('multiple-a', 2);
    await remove('multiple-a');
    await client.create(ConfigMap, map('multiple-b', 'multiple-b'));
    await remove('multiple-b');
    // One of neither group, and at last one that all see: nothing more is on its way then.
    await client.create(ConfigMap, map('multiple-c', 'multiple-c'));
    await client.create(ConfigMap, map('multiple-end', 'multiple-b'));
    await relabel('multiple-end', 'multiple-a');

    const a = ['ADDED multiple-a -', 'MODIFIED multiple-a 1', 'MODIFIED multiple-a 2', 'DELETED multiple-a 2'];
    const b = ['ADDED multiple-b -', 'DELETED multiple-b -'];
    await watchA.until('ADDED', ({ metadata }) => metadata?.name === 'multiple-end');
    await watchB.until('DELETED', ({ metadata }) => metadata?.name === 'multiple-end');
    await both.until('MODIFIED', ({ metadata }) => metadata?.name === 'multiple-end');
    expect(seen(watchA)).toEqual([...a, 'ADDED multiple-end -']);
    expect(seen(watchB)).toEqual([...b, 'ADDED multiple-end -', 'DELETED multiple-end -']);
    expect(seen(both)).toEqual([...a, ...b, 'ADDED multiple-end -', 'MODIFIED multiple-end -']);
  });

  it('Watchers should be able to start watching from a specific resource version', async () => {
    const name = 'from-resource-version';
    await cluster.client.create(ConfigMap, map(name, name));
    const { metadata } = await mutate(name, 1);
    await mutate(name, 2);
    await remove(name);
    await using watcher = watch(metadata?.resourceVersion ?? '', `${label}=${name}`);
    await watcher.until('DELETED');
    expect(seen(watcher)).toEqual([`MODIFIED ${name} 2`, `DELETED ${name} 2`]);
  });

  it('Watchers should be able to restart watching from the last resource version observed by the previous watch', async () => {
    const name = 'watch-closed';
    let last: string | undefined;
    {
      await using first = watch(await newest(), `${label}=${name}`);
      await cluster.client.create(ConfigMap, map(name, name));
      await first.until('ADDED');
      await mutate(name, 1);
      last = (await first.until('MODIFIED')).metadata?.resourceVersion;
    }
    await mutate(name, 2);
    await using second = watch(last ?? '', `${label}=${name}`);
    await second.until('MODIFIED');
    await remove(name);
    await second.until('DELETED');
    expect(seen(second)).toEqual([`MODIFIED ${name} 2`, `DELETED ${name} 2`]);
  });

  it('Watchers should observe an object deletion if it stops meeting the requirements of the selector', async () => {
    const name = 'label-changed';
    await using watcher = watch(await newest(), `${label}=${name}`);
    await cluster.client.create(ConfigMap, map(name, name));
    await mutate(name, 1);
    await relabel(name, 'wrong-value');
    await mutate(name, 2);
    await relabel(name, name);
    await mutate(name, 3);
    await remove(name);
    await watcher.until('DELETED');
    await watcher.until('DELETED');
    // What it was last seen with goes with the first deletion: the changes outside of the selector are nobody's to see.
    expect(seen(watcher)).toEqual([`ADDED ${name} -`, `MODIFIED ${name} 1`, `DELETED ${name} 1`, `ADDED ${name} 2`, `MODIFIED ${name} 3`, `DELETED ${name} 3`]);
  });

  it('Watchers should receive events on concurrent watches in same order', async () => {
    const { client } = cluster;
    const group = 'concurrent';
    const rounds = 50;
    await using first = watch(await newest(), `${label}=${group}`);
    const producer = (async () => {
      for (let round = 0; round < rounds; round++) {
        const name = `concurrent-${round % 7}`;
        if (round >= 14 && round % 3 === 0) {
          await remove(name);
          await client.create(ConfigMap, map(name, group));
        } else if (round < 7) await client.create(ConfigMap, map(name, group));
        else await mutate(name, round);
      }
      await client.create(ConfigMap, map('concurrent-end', group));
    })();
    // Watches that begin while events are still made, each at an event of the first.
    const others: Watching<ConfigMap>[] = [];
    await using cleanup = new AsyncDisposableStack();
    const begin = async () => {
      const object = await first.until('ADDED');
      others.push(cleanup.use(watch(object.metadata?.resourceVersion ?? '', `${label}=${group}`)));
    };
    for (let count = 0; count < 10; count++) await begin();
    await producer;
    await first.until('ADDED', ({ metadata }) => metadata?.name === 'concurrent-end');
    const all = versions(first);
    for (const other of others) {
      await other.until('ADDED', ({ metadata }) => metadata?.name === 'concurrent-end');
      const own = versions(other);
      expect(own).toEqual(all.slice(-own.length));
    }
    expect(new Set(all).size).toBe(all.length);
  });
});
