import type { KubernetesObject } from '../../machinery/kinds/kind.ts';
import type { Resource } from '../resources/define.ts';
import type { ChangeSink, ResourceCache, ResourceView, Selection } from './cache.ts';
import type { Delivery } from './delivery.ts';
import { createEntry, type CacheEntry, type EntryShape } from './entry.ts';
import { createRing, type RingLimits } from './ring.ts';
import { createSortedMap, prefixEnd } from './sorted-map.ts';
import type { Revision } from './store.ts';
import { createTransition } from './transition.ts';
import { problemOf, unreadable } from './unreadable.ts';
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
  /** Told of the first value that can't be read. */
  readonly onUnreadable: (problem: Error) => void;
}

/** A value that can't be read, and why. */
interface Unread extends StoredItem {
  readonly problem: Error;
}

export function createResourceCache({ shape, shapeOf, delivery, ring: limits, start, revision, onUnreadable }: FedCacheOptions): FedCache {
  let entries = createSortedMap<CacheEntry>();
  let ring = createRing(start, limits);
  const watchers = createWatchers(delivery, revision);
  const { prefix, resource } = shape;
  /** By key. `entries` goes on with what was last read there, as the informers of Kubernetes do: whoever decides by it has nothing better. */
  const unread = new Map<string, Unread>();
  const views = new Map<Resource, VersionView>();

  const keyOf = (namespace: string | undefined, name: string): string =>
    (resource.scope === 'Namespaced' ? `${prefix}${namespace ?? ''}/${name}` : prefix + name);

  /** Sets aside what can't be read. */
  function setAside(item: StoredItem): Error | undefined {
    const problem = problemOf(item.key, item.stored);
    if (problem === undefined) return undefined;
    if (unread.size === 0) onUnreadable(problem);
    unread.set(item.key, { ...item, problem });
    return problem;
  }

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
    unreadable: (key) => (key === undefined ? unread.values().next().value : unread.get(key))?.problem,
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
      for (const { key, stored: bytes, revision: at } of entries.values()) if (!unread.has(key)) yield { key, stored: bytes, revision: at };
      yield* unread.values();
    },
    load(key, bytes, at) {
      if (setAside({ key, stored: bytes, revision: at }) === undefined) entries.set(key, createEntry(shape, key, bytes, at));
    },
    replace(items, at) {
      const replaced = createSortedMap<CacheEntry>();
      unread.clear();
      for (const item of items) {
        const { key, stored: bytes, revision: modified } = item;
        const cached = entries.get(key);
        if (setAside(item) !== undefined) {
          if (cached !== undefined) replaced.set(key, cached);
        } else {
          replaced.set(key, cached?.revision === modified ? cached : createEntry(shape, key, bytes, modified));
        }
      }
      entries = replaced;
      ring = createRing(at, limits);
    },
    apply(key, bytes, at) {
      const problem = bytes === undefined ? undefined : setAside({ key, stored: bytes, revision: at });
      if (problem !== undefined) return watchers.end(unreadable(problem));
      unread.delete(key);
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
