/**
 * What keeps the cluster's state: etcd's semantics and nothing more, so that the embedded store and etcd are
 * interchangeable. One revision counts every change of the whole store; a transaction compares revisions of keys and
 * writes all or nothing; a watch from a revision misses, repeats and reorders nothing. Source: etcd v3 API guarantees.
 *
 * Keys: `/registry/<group>/<resource>/<namespace>/<name>`, without the namespace segment for cluster-scoped resources;
 * the core group's segment is `core`. Cluster secrets of the server itself: `/bootstrap/<name>`.
 */

/** A position in the store's history. 64-bit in etcd; exact in a double up to 2⁵³. The empty store is at 1. */
export type Revision = number;
export type LeaseId = string;

export interface KeyValue {
  readonly key: string;
  /** Final JSON without `resourceVersion`; nobody may change it. */
  readonly value: Buffer;
  readonly createRevision: Revision;
  readonly modRevision: Revision;
}

export interface RangeRequest {
  /** First key, inclusive. */
  readonly from: string;
  /** End, exclusive. */
  readonly to: string;
  /** 0 or absent: no limit. */
  readonly limit?: number;
  /** Absent: the newest. */
  readonly revision?: Revision;
  readonly countOnly?: boolean;
}

export interface RangeResult {
  /** The store's revision when the range was answered (not that of `RangeRequest.revision`). */
  readonly revision: Revision;
  readonly items: readonly KeyValue[];
  /** How many keys the range holds in all, the limit aside. */
  readonly count: number;
}

/** Holds when the key's modRevision is this; 0: the key must not exist. */
export interface Compare {
  readonly key: string;
  readonly revision: Revision;
}

export type Write =
  | { readonly type: 'put'; readonly key: string; readonly value: Buffer; readonly lease?: LeaseId }
  | { readonly type: 'delete'; readonly key: string };

/** At most 128 compares and writes together and 1.5 MiB. Keys of `writes` are distinct. */
export interface Transaction {
  readonly compares: readonly Compare[];
  readonly writes: readonly Write[];
}

export type TransactionResult =
  | { readonly committed: true; readonly revision: Revision }
  /** Nothing was written; `current` has the keys of `compares`, in order, as they are. */
  | { readonly committed: false; readonly revision: Revision; readonly current: readonly (KeyValue | undefined)[] };

export type StoreEvent =
  | { readonly type: 'put'; readonly kv: KeyValue }
  | { readonly type: 'delete'; readonly key: string; readonly modRevision: Revision };

/** Called synchronously, in revision order; every event of one revision is in one call. */
export interface WatchSink {
  events(revision: Revision, events: readonly StoreEvent[]): void;
  /** The watch has seen everything up to this revision. */
  progress(revision: Revision): void;
  /** The watch ended: `CompactedError` when its revision is gone, else why. Not called after `close()`. */
  end(error: Error): void;
}

export interface Store {
  /** Linearizable without `revision`. Throws `CompactedError`, `FutureRevisionError`. */
  range(request: RangeRequest): Promise<RangeResult>;
  /** Resolves once durable and once every watch on this store in this process has been given the change. */
  commit(transaction: Transaction): Promise<TransactionResult>;
  /** Events with modRevision ≥ `from` under `prefix`. */
  watch(prefix: string, from: Revision, sink: WatchSink): { close(): void };
  /** Keys put with it are deleted when it expires. */
  grantLease(ttlSeconds: number): Promise<LeaseId>;
  /** Revisions below this may no longer be read or watched from. */
  compact(revision: Revision): Promise<void>;
  /** Commits what was accepted, then frees everything. */
  close(): Promise<void>;
}

/** The asked-for revision was compacted away (HTTP 410). */
export class CompactedError extends Error {
  readonly compacted: Revision;

  constructor(compacted: Revision) {
    super(`revision was compacted: the oldest kept is ${compacted}`);
    this.name = 'CompactedError';
    this.compacted = compacted;
  }
}

/** The asked-for revision has not happened yet. */
export class FutureRevisionError extends Error {
  readonly current: Revision;

  constructor(current: Revision) {
    super(`revision is in the future: the newest is ${current}`);
    this.name = 'FutureRevisionError';
    this.current = current;
  }
}
