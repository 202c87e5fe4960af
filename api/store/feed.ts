import type { Kind } from '../../machinery/kinds/kind.ts';
import { failure } from '../../machinery/status.ts';
import type { Resource } from '../resources/define.ts';
import type { ResourceView } from './cache.ts';
import type { Delivery } from './delivery.ts';
import { entryShape, prefixOf, type CacheEntry, type Encode, type EncodeProtobuf } from './entry.ts';
import { createResourceCache, type FedCache, type StoredItem } from './resource-cache.ts';
import type { RingLimits } from './ring.ts';
import { createSortedMap, type SortedMap } from './sorted-map.ts';
import type { Revision } from './store.ts';

/** What the store's watch says, spread over the caches of the resources that are served at the moment. */
export interface Feed {
  /** One key's newest version; `stored` undefined: deleted. */
  apply(key: string, stored: Buffer | undefined, revision: Revision): void;
  /** All that is there at `revision`: see `FedCache.replace`. */
  replace(items: readonly StoredItem[], revision: Revision): void;
  /** Serves these resources and no others. What stays keeps its cache and its watches; the watches of the rest end. */
  serve(resources: readonly Resource[]): void;
  /** Throws when the kind is not served: 404 for one that was defined at run time, and whose definition may go while requests are under way. */
  of(kind: Pick<Kind, 'group' | 'version' | 'plural'> & Pick<Partial<Resource>, 'custom'>): ResourceView;
  bookmark(): void;
  /** Ends every watch. */
  end(error: Error | undefined): void;
}

export interface FeedOptions {
  readonly delivery: Delivery;
  /** Freezes parsed objects. */
  readonly freeze: boolean;
  readonly encode: Encode;
  readonly encodeProtobuf: EncodeProtobuf;
  readonly ring: RingLimits;
  /** That of all caches. */
  readonly revision: () => Revision;
  /** Told of the first value of a resource that can't be read. */
  readonly onUnreadable: (problem: Error) => void;
}

export const registry = '/registry/';

export function createFeed({ delivery, freeze, encode, encodeProtobuf, ring, revision, onUnreadable }: FeedOptions): Feed {
  const caches = new Map<string, FedCache>();
  /** Keys of resources that are not served, by prefix: objects of a definition that this server is yet to read, or will never know. */
  const unserved = new Map<string, SortedMap<StoredItem>>();
  let views: ReadonlyMap<string, ResourceView> = new Map();
  let served: ReadonlySet<Resource> = new Set();
  const common = { freeze, encode, encodeProtobuf, onParsed: releaseWhenIdle(delivery) };

  function keep({ key, stored, revision: at }: StoredItem): void {
    const prefix = resourcePrefix(key);
    let items = unserved.get(prefix);
    if (items === undefined) unserved.set(prefix, items = createSortedMap());
    items.set(key, { key, stored, revision: at });
  }

  /** Ends the cache at `prefix`; what it held waits for whoever serves it next. */
  function drop(prefix: string, cache: FedCache): void {
    caches.delete(prefix);
    for (const item of cache.items()) keep(item);
    cache.end(undefined);
  }

  function start(prefix: string, resource: Resource): FedCache {
    const cache = createResourceCache({
      shape: entryShape(resource, common), shapeOf: (version) => entryShape(version, common), delivery, ring, start: revision(), revision, onUnreadable,
    });
    for (const { key, stored, revision: at } of unserved.get(prefix)?.values() ?? []) cache.load(key, stored, at);
    unserved.delete(prefix);
    caches.set(prefix, cache);
    return cache;
  }

  return {
    apply(key, stored, at) {
      const cache = caches.get(resourcePrefix(key));
      if (cache !== undefined) cache.apply(key, stored, at);
      else if (stored !== undefined) keep({ key, stored, revision: at });
      else unserved.get(resourcePrefix(key))?.delete(key);
    },
    replace(items, at) {
      const byPrefix = Map.groupBy(items, ({ key }) => resourcePrefix(key));
      for (const [prefix, cache] of caches) cache.replace(byPrefix.get(prefix) ?? [], at);
      unserved.clear();
      for (const [prefix, rest] of byPrefix) if (!caches.has(prefix)) for (const item of rest) keep(item);
    },
    serve(resources) {
      const wanted = new Map(resources.filter(({ stored }) => stored).map((resource) => [prefixOf(resource), resource.storedAs?.resource ?? resource]));
      for (const [prefix, cache] of caches) if (wanted.get(prefix) !== cache.resource) drop(prefix, cache);
      for (const version of served) if (!resources.includes(version)) caches.get(prefixOf(version))?.dropView(version);
      for (const [prefix, resource] of wanted) if (!caches.has(prefix)) start(prefix, resource);
      views = new Map(resources.flatMap((resource) => {
        const cache = caches.get(prefixOf(resource));
        return resource.stored && cache !== undefined ? [[addressOf(resource), cache.view(resource)]] : [];
      }));
      served = new Set(resources);
    },
    of(kind) {
      const found = views.get(addressOf(kind));
      if (found !== undefined) return found;
      if (kind.custom !== undefined) throw failure('NotFound', 'the server could not find the requested resource');
      throw new Error(`${kind.plural} of ${kind.group}/${kind.version} is not cached: it is not among the server's stored resources`);
    },
    bookmark() {
      for (const cache of caches.values()) cache.bookmark();
    },
    end(error) {
      for (const cache of caches.values()) cache.end(error);
    },
  };
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

function addressOf({ group, version, plural }: Pick<Kind, 'group' | 'version' | 'plural'>): string {
  return `${group}/${version}/${plural}`;
}

/** `/registry/<group>/<resource>/` of a key. */
function resourcePrefix(key: string): string {
  return key.slice(0, key.indexOf('/', key.indexOf('/', registry.length) + 1) + 1);
}
