/**
 * Everything live, as bytes, kept current by one watch of the store. Why this server is fast: reads never leave the process,
 * and what goes to many is encoded once.
 */
import type { KubernetesObject } from '../../machinery/kinds/kind.ts';
import type { Resource } from '../resources/define.ts';
import type { Caches, Entry, ResourceCache } from './cache.ts';
import { systemClock, type Clock } from './clock.ts';
import { createDelivery, type Delivery } from './delivery.ts';
import { entryShape, prefixOf, type CacheEntry } from './entry.ts';
import { StoreEndedError } from './errors.ts';
import { createNewestRevision } from './newest-revision.ts';
import { createResourceCache, type FedCache } from './resource-cache.ts';
import type { RingLimits } from './ring.ts';
import { prefixEnd } from './sorted-map.ts';
import type { KeyValue, Revision, Store, StoreEvent } from './store.ts';
import { createWaiters } from './waiters.ts';

export interface CachesOptions {
  readonly clock?: Clock;
  /** Freezes parsed objects. For tests: it costs time. */
  readonly freeze?: boolean;
  /** What each resource remembers of the past. Default: 16 MiB and 32768 changes. */
  readonly ring?: RingLimits;
  /** How often watches that want bookmarks get one. Default: a minute. */
  readonly bookmarkMs?: number;
  /** Called once when the store's watch ended by itself: the caches are of no use any more. */
  readonly onEnd?: (error: Error) => void;
}

const registry = '/registry/';
const pageKeys = 10_000;
const defaultRing: RingLimits = { bytes: 16 * 1024 * 1024, count: 32_768 };
const defaultBookmarkMs = 60_000;

/** Reads the whole registry and follows it. `resources` that are not stored are passed over. */
export async function createCaches(store: Store, resources: readonly Resource[], options: CachesOptions = {}): Promise<Caches> {
  const { items, revision } = await readRegistry(store);
  const delivery = createDelivery();
  let current = revision;
  const fed = feedAll(resources, { delivery, options, start: revision, revision: () => current });
  for (const { key, value, modRevision } of items) fed.get(resourcePrefix(key))?.load(key, value, modRevision);

  const clock = options.clock ?? systemClock;
  const newest = createNewestRevision(store);
  const waiters = createWaiters();
  let ended: Error | undefined;

  function advance(to: Revision): void {
    if (to <= current) return;
    current = to;
    waiters.reached(to);
  }

  function end(error: Error | undefined): void {
    if (ended !== undefined) return;
    ended = error ?? new StoreEndedError();
    watch.close();
    timer.cancel();
    waiters.end(ended);
    for (const cache of fed.values()) cache.end(error);
    if (error !== undefined) options.onEnd?.(error);
  }

  const watch = store.watch(registry, revision + 1, {
    events(at, events) {
      for (const event of events) apply(fed, at, event);
      advance(at);
    },
    progress: advance,
    end,
  });
  const bookmarkMs = options.bookmarkMs ?? defaultBookmarkMs;
  const bookmark = (): void => {
    for (const cache of fed.values()) cache.bookmark();
    timer = clock.after(bookmarkMs, bookmark);
  };
  let timer = clock.after(bookmarkMs, bookmark);

  async function waitFor(to: Revision, signal: AbortSignal): Promise<void> {
    if (ended !== undefined) throw ended;
    if (to > current) await waiters.wait(to, signal);
  }

  return {
    get revision() {
      return current;
    },
    of: <T extends KubernetesObject>(resource: Resource<T>) => cacheOf(fed, resource).cache as ResourceCache<T>,
    waitFor,
    async waitForNewest(signal) {
      await waitFor(await newest(), signal);
    },
    entry: <T extends KubernetesObject>(resource: Resource<T>, key: string, stored: Buffer, at: Revision) =>
      cacheOf(fed, resource).entry(key, stored, at) as Entry<T>,
    close: () => end(undefined),
  };
}

async function readRegistry(store: Store): Promise<{ items: readonly KeyValue[]; revision: Revision }> {
  const to = prefixEnd(registry);
  const first = await store.range({ from: registry, to, limit: pageKeys });
  const items = [...first.items];
  while (items.length < first.count) {
    const last = items.at(-1);
    if (last === undefined) break;
    const page = await store.range({ from: `${last.key}\0`, to, limit: pageKeys, revision: first.revision });
    if (page.items.length === 0) break;
    for (const item of page.items) items.push(item);
  }
  return { items, revision: first.revision };
}

interface Feeding {
  readonly delivery: Delivery;
  readonly options: CachesOptions;
  readonly start: Revision;
  readonly revision: () => Revision;
}

function feedAll(resources: readonly Resource[], { delivery, options, start, revision }: Feeding): Map<string, FedCache> {
  const onParsed = releaseWhenIdle(delivery);
  const fed = new Map<string, FedCache>();
  for (const resource of resources) {
    if (!resource.stored || fed.has(prefixOf(resource))) continue;
    const shape = entryShape(resource, options.freeze ?? false, onParsed);
    fed.set(shape.prefix, createResourceCache({ shape, delivery, ring: options.ring ?? defaultRing, start, revision }));
  }
  return fed;
}

/** Objects parsed for their fields live until the watchers have been served: those often want the object itself. */
function releaseWhenIdle(delivery: Delivery): (entry: CacheEntry) => void {
  let parsed: CacheEntry[] = [];
  const release = (): void => {
    const released = parsed;
    parsed = [];
    for (const entry of released) entry.release();
  };
  return (entry) => {
    if (parsed.length === 0) delivery.whenIdle(release);
    parsed.push(entry);
  };
}

function cacheOf(fed: ReadonlyMap<string, FedCache>, resource: Pick<Resource, 'group' | 'plural'>): FedCache {
  const found = fed.get(prefixOf(resource));
  if (found === undefined) throw new Error(`${resource.plural} of group "${resource.group}" is not cached: it is not among the server's stored resources`);
  return found;
}

/** Keys of resources that this server does not know are passed over: a newer server may have written them. */
function apply(fed: ReadonlyMap<string, FedCache>, revision: Revision, event: StoreEvent): void {
  const key = event.type === 'put' ? event.kv.key : event.key;
  fed.get(resourcePrefix(key))?.apply(key, event.type === 'put' ? event.kv.value : undefined, revision);
}

/** `/registry/<group>/<resource>/` of a key. */
function resourcePrefix(key: string): string {
  return key.slice(0, key.indexOf('/', key.indexOf('/', registry.length) + 1) + 1);
}
