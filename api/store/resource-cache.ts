import type { KubernetesObject } from '../../machinery/kinds/kind.ts';
import type { ChangeSink, Entry, ResourceCache, Selection } from './cache.ts';
import type { Delivery } from './delivery.ts';
import { createEntry, type CacheEntry, type EntryShape } from './entry.ts';
import { createRing, type RingLimits } from './ring.ts';
import { createSortedMap, prefixEnd } from './sorted-map.ts';
import type { Revision } from './store.ts';
import { createTransition } from './transition.ts';
import { createWatchers } from './watchers.ts';

/** A resource's cache, and the side that the store's watch feeds. */
export interface FedCache {
  readonly cache: ResourceCache;
  /** The state at the start, key by key. */
  load(key: string, stored: Buffer, revision: Revision): void;
  /** One key's change; `stored` undefined: deleted. */
  apply(key: string, stored: Buffer | undefined, revision: Revision): void;
  /** Cached if this version is, else made. */
  entry(key: string, stored: Buffer, revision: Revision): Entry;
  bookmark(): void;
  end(error: Error | undefined): void;
}

export interface FedCacheOptions {
  readonly shape: EntryShape;
  readonly delivery: Delivery;
  readonly ring: RingLimits;
  /** The revision of the state that `load` gives. */
  readonly start: Revision;
  /** The revision of all caches. */
  readonly revision: () => Revision;
}

export function createResourceCache({ shape, delivery, ring: limits, start, revision }: FedCacheOptions): FedCache {
  const entries = createSortedMap<CacheEntry>();
  const ring = createRing(start, limits);
  const watchers = createWatchers(delivery, revision);
  const { prefix, resource } = shape;

  const keyOf = (namespace: string | undefined, name: string): string =>
    (resource.scope === 'Namespaced' ? `${prefix}${namespace ?? ''}/${name}` : prefix + name);

  const cache: ResourceCache = {
    resource,
    keyOf,
    get: (namespace, name) => entries.get(keyOf(namespace, name)),
    list(namespace) {
      if (namespace === undefined || resource.scope !== 'Namespaced') return entries.values();
      const within = `${prefix}${namespace}/`;
      return entries.between(within, prefixEnd(within));
    },
    watch: (from: Revision, selection: Selection, sink: ChangeSink<KubernetesObject>) => watchers.add(from, selection, sink, ring.after(from)),
  };

  return {
    cache,
    load: (key, stored, at) => entries.set(key, createEntry(shape, key, stored, at)),
    apply(key, stored, at) {
      const before = entries.get(key);
      const after = stored === undefined ? undefined : createEntry(shape, key, stored, at);
      if (after === undefined) entries.delete(key);
      else entries.set(key, after);
      if (before === undefined && after === undefined) return;
      const transition = createTransition(shape, at, before, after);
      ring.push(transition);
      watchers.publish(transition);
    },
    entry(key, stored, at) {
      const cached = entries.get(key);
      // A dry run asks with bytes that were never stored.
      return cached?.revision === at && cached.stored.equals(stored) ? cached : createEntry(shape, key, stored, at);
    },
    bookmark: () => watchers.bookmark(),
    end: (error) => watchers.end(error),
  };
}
