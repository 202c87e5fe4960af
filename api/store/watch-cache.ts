/**
 * Everything live, as bytes, kept current by one watch of the store. Why this server is fast: reads never leave the process,
 * and what goes to many is encoded once.
 */
import type { KubernetesObject } from '../../machinery/kinds/kind.ts';
import { backgroundClock, type Clock } from '../../machinery/clock.ts';
import type { Resource } from '../resources/define.ts';
import type { Caches, Entry, ResourceCache } from './cache.ts';
import { createDelivery, type Pace } from './delivery.ts';
import type { Encode, EncodeProtobuf } from './entry.ts';
import { asError, StoreEndedError, StoreUnavailableError } from './errors.ts';
import { createFeed, registry, type Feed } from './feed.ts';
import { SealedValueError } from './encryption.ts';
import { isSealed } from './encryption/providers.ts';
import { createNewestRevision } from './newest-revision.ts';
import type { RingLimits } from './ring.ts';
import { prefixEnd } from './sorted-map.ts';
import { CompactedError, type KeyValue, type Revision, type Store, type StoreEvent } from './store.ts';
import { createWaiters } from './waiters.ts';

export interface CachesOptions {
  readonly clock?: Clock;
  /** Freezes parsed objects. For tests: it costs time. */
  readonly freeze?: boolean;
  /** What each resource remembers of the past. Default: 16 MiB and 32768 changes. */
  readonly ring?: RingLimits;
  /** How often watches that want bookmarks get one. Default: a minute. */
  readonly bookmarkMs?: number;
  /** How objects are written that are served in another form than they are stored in. Default: as they are. */
  readonly encode?: Encode;
  /** How objects are written in protobuf. Absent: nobody asks for that. */
  readonly encodeProtobuf?: EncodeProtobuf;
  /** How time passes for those who hand out changes. */
  readonly pace?: Pace;
  /** Called when the store compacted what these caches had not seen: they read everything again, and every watch of theirs ends. */
  readonly onGap?: (error: CompactedError) => void;
  /** Called once when the store's watch ended by itself: the caches are of no use any more. */
  readonly onEnd?: (error: Error) => void;
}

const pageKeys = 10_000;
const defaultRing: RingLimits = { bytes: 16 * 1024 * 1024, count: 32_768 };
const defaultBookmarkMs = 60_000;
const retryMs = 1000;

/** Reads the whole registry and follows it. `resources` that are not stored are passed over. */
export async function createCaches(store: Store, resources: readonly Resource[], options: CachesOptions = {}): Promise<Caches> {
  const { items, revision } = await readRegistry(store);
  const delivery = createDelivery(options.pace);
  let current = revision;
  const fed = createFeed({
    delivery, ring: options.ring ?? defaultRing, freeze: options.freeze ?? false, encode: options.encode ?? asItIs,
    encodeProtobuf: options.encodeProtobuf ?? noProtobuf, revision: () => current,
  });
  for (const { key, value, modRevision } of items) fed.apply(key, value, modRevision);
  fed.serve(resources);

  const clock = options.clock ?? backgroundClock;
  const newest = createNewestRevision(store);
  const waiters = createWaiters();
  let ended: Error | undefined;
  let cancelRetry: (() => void) | undefined;

  function advance(to: Revision): void {
    if (to <= current) return;
    current = to;
    waiters.reached(to);
  }

  function end(error: Error | undefined): void {
    if (ended !== undefined) return;
    ended = error ?? new StoreEndedError();
    watch.close();
    cancelRetry?.();
    cancelBookmark();
    waiters.end(ended);
    fed.end(error);
    if (error !== undefined) options.onEnd?.(error);
  }

  const bookmarkMs = options.bookmarkMs ?? defaultBookmarkMs;
  const bookmark = (): void => {
    fed.bookmark();
    cancelBookmark = clock.setTimer(bookmarkMs, bookmark);
  };
  let cancelBookmark = clock.setTimer(bookmarkMs, bookmark);

  const watchFrom = (from: Revision): { close(): void } => store.watch(registry, from, {
    events(at, events) {
      for (const event of events) apply(fed, at, event);
      advance(at);
    },
    progress: advance,
    end(error) {
      if (!(error instanceof CompactedError)) return end(error);
      options.onGap?.(error);
      void readAgain();
    },
  });
  let watch = watchFrom(revision + 1);

  /** The store was out of reach for so long that it forgot what this server has not seen: whoever watches lists again. */
  async function readAgain(): Promise<void> {
    try {
      const { items: present, revision: at } = await readRegistry(store);
      if (ended !== undefined) return;
      fed.replace(present.map(({ key, value, modRevision }) => ({ key, stored: value, revision: modRevision })), at);
      advance(at);
      fed.end(new CompactedError(at));
      watch = watchFrom(at + 1);
    } catch (error) {
      if (ended !== undefined) return;
      if (!(error instanceof StoreUnavailableError || error instanceof CompactedError)) return end(asError(error));
      cancelRetry = clock.setTimer(retryMs, () => void readAgain());
    }
  }

  async function waitFor(to: Revision, signal: AbortSignal): Promise<void> {
    if (ended !== undefined) throw ended;
    if (to > current) await waiters.wait(to, signal);
  }

  return {
    get revision() {
      return current;
    },
    of: <T extends KubernetesObject>(resource: Resource<T>) => fed.of(resource).cache as ResourceCache<T>,
    waitFor,
    async waitForNewest(signal) {
      await waitFor(await newest(), signal);
    },
    entry: <T extends KubernetesObject>(resource: Resource<T>, key: string, stored: Buffer, at: Revision) =>
      fed.of(resource).entry(key, stored, at) as Entry<T>,
    ready: (resource, entries) => fed.of(resource).ready?.(entries),
    serve: (served) => { fed.serve(served); },
    close: () => end(undefined),
  };
}

function noProtobuf(apiVersion: string, kind: string): never {
  throw new Error(`nobody said how ${apiVersion} ${kind} is written in protobuf`);
}

const asItIs: Encode = (_resource, object) => Buffer.from(JSON.stringify(object));

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
  // Whoever opens sealed values stands before this store; here they would be taken for objects.
  const sealed = items.find(({ value }) => isSealed(value));
  if (sealed !== undefined) throw new SealedValueError(sealed.key, 'no encryption configuration was given');
  return { items, revision: first.revision };
}

function apply(fed: Feed, revision: Revision, event: StoreEvent): void {
  if (event.type === 'put') fed.apply(event.kv.key, event.kv.value, revision);
  else fed.apply(event.key, undefined, revision);
}
