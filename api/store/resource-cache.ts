import type { KubernetesObject } from '../../machinery/kinds/kind.ts';
import type { Resource } from '../resources/define.ts';
import type { ChangeSink, ResourceCache, ResourceView, Selection } from './cache.ts';
import type { Delivery } from './delivery.ts';
import { createEntry, type CacheEntry, type EntryShape } from './entry.ts';
import { createRing, type RingLimits } from './ring.ts';
import { createSortedMap, prefixEnd } from './sorted-map.ts';
import type { Revision } from './store.ts';
import { createTransition } from './transition.ts';
import { createVersionView, type VersionView } from './version-view.ts';
import { createWatchers } from './watchers.ts';

/** A stored resource's cache, and the side that the store's watch feeds. */
export interface FedCache {
  readonly resource: Resource;
  /** The objects as one of the resource's versions has them. */
  readonly view: (resource: Resource) => ResourceView;
  /** Stops serving the version; its watchers are told that it ended. */
  readonly dropView: (resource: Resource) => void;
  /** All that is cached, in key order. */
  items(): Iterable<StoredItem>;
  /** The state at the start, key by key. */
  load(key: string, stored: Buffer, revision: Revision): void;
  /** All that is there at `revision`, in place of what was cached and remembered: what came between is not known. Whoever watches is to be told by `end`. */
  replace(items: Iterable<StoredItem>, revision: Revision): void;
  /** One key's change; `stored` undefined: deleted. */
  apply(key: string, stored: Buffer | undefined, revision: Revision): void;
  bookmark(): void;
  /** Ends every watch. */
  end(error: Error | undefined): void;
}

export interface StoredItem {
  readonly key: string;
  readonly stored: Buffer;
  readonly revision: Revision;
}

export interface FedCacheOptions {
  /** Of the version that is stored. */
  readonly shape: EntryShape;
  /** Of any other version. */
  readonly shapeOf: (resource: Resource) => EntryShape;
  readonly delivery: Delivery;
  readonly ring: RingLimits;
  /** The revision of the state that `load` gives. */
  readonly start: Revision;
  /** The revision of all caches. */
  readonly revision: () => Revision;
}

export function createResourceCache({ shape, shapeOf, delivery, ring: limits, start, revision }: FedCacheOptions): FedCache {
  let entries = createSortedMap<CacheEntry>();
  let ring = createRing(start, limits);
  const watchers = createWatchers(delivery, revision);
  const { prefix, resource } = shape;
  const views = new Map<Resource, VersionView>();

  const keyOf = (namespace: string | undefined, name: string): string =>
    (resource.scope === 'Namespaced' ? `${prefix}${namespace ?? ''}/${name}` : prefix + name);

  const cache: ResourceCache = {
    resource,
    keyOf,
    get size() {
      return entries.size;
    },
    get: (namespace, name) => entries.get(keyOf(namespace, name)),
    list(namespace) {
      if (namespace === undefined || resource.scope !== 'Namespaced') return entries.values();
      const within = `${prefix}${namespace}/`;
      return entries.between(within, prefixEnd(within));
    },
    watch: (from: Revision, selection: Selection, sink: ChangeSink<KubernetesObject>) => watchers.add(from, selection, sink, ring.after(from)),
  };

  const stored: ResourceView = {
    cache,
    entry(key, bytes, at) {
      const cached = entries.get(key);
      // A dry run asks with bytes that were never stored.
      return cached?.revision === at && cached.stored.equals(bytes) ? cached : createEntry(shape, key, bytes, at);
    },
  };

  return {
    resource,
    view(version) {
      if (version === resource) return stored;
      let view = views.get(version);
      if (view === undefined) {
        view = createVersionView(stored, shapeOf(version));
        views.set(version, view);
      }
      return view;
    },
    dropView(version) {
      views.get(version)?.end();
      views.delete(version);
    },
    * items() {
      for (const { key, stored: bytes, revision: at } of entries.values()) yield { key, stored: bytes, revision: at };
    },
    load: (key, bytes, at) => entries.set(key, createEntry(shape, key, bytes, at)),
    replace(items, at) {
      const replaced = createSortedMap<CacheEntry>();
      for (const { key, stored: bytes, revision: modified } of items) {
        const cached = entries.get(key);
        replaced.set(key, cached?.revision === modified ? cached : createEntry(shape, key, bytes, modified));
      }
      entries = replaced;
      ring = createRing(at, limits);
    },
    apply(key, bytes, at) {
      const before = entries.get(key);
      const after = bytes === undefined ? undefined : createEntry(shape, key, bytes, at);
      if (after === undefined) entries.delete(key);
      else entries.set(key, after);
      if (before === undefined && after === undefined) return;
      const transition = createTransition(shape, at, before, after);
      ring.push(transition);
      watchers.publish(transition);
    },
    bookmark: () => watchers.bookmark(),
    end: (error) => watchers.end(error),
  };
}
