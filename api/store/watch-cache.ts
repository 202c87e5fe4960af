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
import { asError, StoreEndedError } from './errors.ts';
import { createFeed, registry, type Feed } from './feed.ts';
import { isSealed } from './encryption/providers.ts';
import { createNewestRevision } from './newest-revision.ts';
import type { RingLimits } from './ring.ts';
import { prefixEnd } from './sorted-map.ts';
import { CompactedError, type KeyValue, type Revision, type Store, type StoreEvent } from './store.ts';
import { problemOf, unreadable } from './unreadable.ts';
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
  /** Called when a value of a resource can't be read, the first while others could: the rest of the cluster goes on. */
  readonly onUnreadable?: (problem: Error) => void;
  /** Called when the store could not be read again; it is tried again. */
  readonly onProblem?: (error: Error) => void;
  /** Called once when the store's watch ended by itself: the caches are of no use any more. */
  readonly onEnd?: (error: Error) => void;
}

const pageKeys = 10_000;
const defaultRing: RingLimits = { bytes: 16 * 1024 * 1024, count: 32_768 };
const defaultBookmarkMs = 60_000;
const firstRetryMs = 1000;
const longestRetryMs = 30_000;

/** Reads the whole registry and follows it. `resources` that are not stored are passed over. */
export async function createCaches(store: Store, resources: readonly Resource[], options: CachesOptions = {}): Promise<Caches> {
  const { items, revision } = await readRegistry(store);
  requireOpened(items);
  const delivery = createDelivery(options.pace);
  let current = revision;
  const fed = createFeed({
    delivery, ring: options.ring ?? defaultRing, freeze: options.freeze ?? false, encode: options.encode ?? asItIs,
    encodeProtobuf: options.encodeProtobuf ?? noProtobuf, revision: () => current,
    onUnreadable: (problem) => options.onUnreadable?.(problem),
  });
  for (const { key, value, modRevision } of items) fed.apply(key, value, modRevision);
  fed.serve(resources);

  const clock = options.clock ?? backgroundClock;
  const newest = createNewestRevision(store);
  const waiters = createWaiters();
  const ended = new AbortController();
  let cancelRetry: (() => void) | undefined;

  function advance(to: Revision): void {
    if (to <= current) return;
    current = to;
    waiters.reached(to);
  }

  function end(error: Error | undefined): void {
    if (ended.signal.aborted) return;
    const reason = error === undefined || error instanceof StoreEndedError ? (error ?? new StoreEndedError()) : new StoreEndedError(error);
    ended.abort(reason);
    watch.close();
    cancelRetry?.();
    cancelBookmark();
    waiters.end(reason);
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
      void readAgain(firstRetryMs);
    },
  });
  let watch = watchFrom(revision + 1);

  /** The store was out of reach for so long that it forgot what this server has not seen: whoever watches lists again. */
  async function readAgain(retryMs: number): Promise<void> {
    try {
      const { items: present, revision: at } = await readRegistry(store);
      if (ended.signal.aborted) return;
      fed.replace(present.map(({ key, value, modRevision }) => ({ key, stored: value, revision: modRevision })), at);
      advance(at);
      fed.end(new CompactedError(at));
      watch = watchFrom(at + 1);
    } catch (error) {
      if (ended.signal.aborted) return;
      // A store that was closed stays so; whatever else it refuses, it may grant later.
      if (error instanceof StoreEndedError) return end(error);
      options.onProblem?.(asError(error));
      cancelRetry = clock.setTimer(retryMs, () => void readAgain(Math.min(retryMs * 2, longestRetryMs)));
    }
  }

  async function waitFor(to: Revision, signal: AbortSignal): Promise<void> {
    ended.signal.throwIfAborted();
    if (to > current) await waiters.wait(to, signal);
  }

  return {
    get revision() {
      return current;
    },
    ended: ended.signal,
    of: <T extends KubernetesObject>(resource: Resource<T>) => fed.of(resource).cache as ResourceCache<T>,
    waitFor,
    async waitForNewest(signal) {
      await waitFor(await newest(), signal);
    },
    entry<T extends KubernetesObject>(resource: Resource<T>, key: string, stored: Buffer, at: Revision) {
      const problem = problemOf(key, stored);
      if (problem !== undefined) throw unreadable(problem);
      return fed.of(resource).entry(key, stored, at) as Entry<T>;
    },
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
  return { items, revision: first.revision };
}

/** Whoever opens sealed values stands before the store: a server that starts with what it can't open was given the wrong keys, and should hear so. */
function requireOpened(items: readonly KeyValue[]): void {
  const sealed = items.find(({ value }) => isSealed(value));
  const problem = sealed === undefined ? undefined : problemOf(sealed.key, sealed.value);
  if (problem !== undefined) throw problem;
}

function apply(fed: Feed, revision: Revision, event: StoreEvent): void {
  if (event.type === 'put') fed.apply(event.kv.key, event.kv.value, revision);
  else fed.apply(event.key, undefined, revision);
}
