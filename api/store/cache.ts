/**
 * What the rest of the server sees of the watch cache: entries that hold bytes, ordered reads, waiting for a revision, and
 * watches. `watch-cache.ts` implements it.
 */
import type { Kind, KubernetesObject } from '../../machinery/kinds/kind.ts';
import type { Resource } from '../resources/define.ts';
import type { Revision } from './store.ts';

/**
 * In what shape an object is answered. `metadata` is PartialObjectMetadata; protobuf is the message without its envelope. Table
 * rows are built by the table renderer.
 */
export type Form = 'json' | 'metadata' | 'protobuf' | 'protobuf-metadata';

/** One version of one stored object. Immutable; shared by everybody. */
export interface Entry<T extends KubernetesObject = KubernetesObject> {
  readonly key: string;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly revision: Revision;
  readonly labels: Readonly<Record<string, string>>;
  /** A selectable field's value: `metadata.name`, `metadata.namespace` and those of the resource; undefined if the resource has no such field. */
  field(name: string): string | undefined;
  /** Canonical JSON without `resourceVersion`, as stored: in the version that is stored. */
  readonly stored: Buffer;
  /** The final bytes, `resourceVersion` inside. Cached. Throws when the kind has no protobuf form and is asked for it. */
  encoded(form: Form): Buffer;
  /** Parsed once, shared, with `resourceVersion`; nobody may change it. */
  readonly object: T;
  /** As `object`, with whole numbers beyond 2⁵³ as bigints in place of the nearest doubles: what a write starts from. */
  readonly exact: T;
}

export type Change<T extends KubernetesObject = KubernetesObject> =
  | { readonly type: 'ADDED' | 'MODIFIED'; readonly entry: Entry<T> }
  /** `entry` is the last version, carrying the revision of the deletion (or of the change that left the selector). */
  | { readonly type: 'DELETED'; readonly entry: Entry<T> }
  | { readonly type: 'BOOKMARK'; readonly revision: Revision; readonly initialEventsEnd?: true };

export interface Selection {
  /** Undefined: all namespaces. */
  readonly namespace?: string;
  /** Both selectors together; absent: everything. */
  readonly matches?: (entry: Entry) => boolean;
  /** Does `matches` look into objects, beyond their metadata? `Caches.ready` must have resolved for what it is asked about. */
  readonly looksInside?: true;
  /** What a watch awaits before it asks `matches`. */
  readonly ready?: (entries: readonly Entry[]) => Promise<void>;
  /** How many conditions `matches` looks at: what it costs. */
  readonly requirements?: number;
  /** Requirements `field=value` of the selectors, for the cache's watcher index (`metadata.name`, `spec.nodeName`). */
  readonly equals?: Readonly<Record<string, string>>;
  /** Wants a BOOKMARK from time to time, so that it can resume from a fresh revision. */
  readonly bookmarks?: true;
}

export interface Watch {
  /** Nothing reaches the sink from here on. */
  close(): void;
  /** Queues a BOOKMARK behind what the sink has not been given yet; `initialEventsEnd` marks the end of the initial state. */
  bookmark(initialEventsEnd?: true): void;
}

export interface ChangeSink<T extends KubernetesObject = KubernetesObject> {
  /** What arrived together, in order. */
  changes(batch: readonly Change<T>[]): void;
  /** Ended by the cache: revision too old (`CompactedError`), too slow, or the server stops. Not called after `close()`. */
  end(error: Error | undefined): void;
}

/** The cache of one stored resource. Reads are synchronous and see one consistent revision. */
export interface ResourceCache<T extends KubernetesObject = KubernetesObject> {
  readonly resource: Resource<T>;
  /** `/registry/<group>/<resource>/<namespace>/<name>`. */
  keyOf(namespace: string | undefined, name: string): string;
  get(namespace: string | undefined, name: string): Entry<T> | undefined;
  /** How many objects there are, in all namespaces. */
  readonly size: number;
  /** In key order. */
  list(namespace?: string): Iterable<Entry<T>>;
  /** Why the value at `key`, or any value of the resource, can't be read; undefined: all can be. The cache goes on with what it last read there. */
  unreadable(key?: string): Error | undefined;
  /** Changes after revision `from`, on a later turn of the event loop, at most 1000 a call, each once, in order; throws `CompactedError` when the ring no longer has them. */
  watch(from: Revision, selection: Selection, sink: ChangeSink<T>): Watch;
}

/** One version of the objects of a stored resource. */
export interface ResourceView {
  readonly cache: ResourceCache;
  /** See `Caches.ready`. */
  ready?(entries: readonly Entry[]): Promise<void>;
  /** Cached if this version is, else made. */
  entry(key: string, stored: Buffer, revision: Revision): Entry;
}

/** All caches of a server: they share the store's one watch, hence one revision. */
export interface Caches {
  /** Everything up to here is visible. */
  readonly revision: Revision;
  /** Aborts, with the reason, when nothing is followed any more: what they hold is then the past, and nobody may be answered from it. */
  readonly ended: AbortSignal;
  /** By group, version and plural: whoever only reads needs no more than the kind. Throws when no such resource is served. */
  of<T extends KubernetesObject>(kind: Kind<T>): ResourceCache<T>;
  /** Resolves when `revision` is visible; rejects when `signal` aborts. */
  waitFor(revision: Revision, signal: AbortSignal): Promise<void>;
  /** Resolves when what was committed before this call is visible: what `resourceVersion=""` needs. */
  waitForNewest(signal: AbortSignal): Promise<void>;
  /** An entry made of bytes that were just committed, equal to what the cache holds or will hold. */
  entry<T extends KubernetesObject>(resource: Resource<T>, key: string, stored: Buffer, revision: Revision): Entry<T>;
  /**
   * Must have resolved before anybody looks into these entries of the resource: a conversion may have to be asked for. Undefined: it is not so.
   * Rejects with an `ApiError`.
   */
  ready(resource: Resource, entries: readonly Entry[]): Promise<void> | undefined;
  /** Follows these resources from now on, and no others: see `Feed.serve`. */
  serve(resources: readonly Resource[]): void;
  close(): void;
}
