/** What the embedded store's main thread and its two workers say to each other. Each request has one reply, in order. */
import type { Revision } from '../store.ts';
import type { PackedRows } from './rows.ts';

export interface StoredLease {
  readonly id: number;
  /** Milliseconds since the epoch. */
  readonly deadline: number;
}

/** What one fsync makes durable. */
export interface Batch {
  readonly rows: PackedRows;
  readonly granted: readonly StoredLease[];
  readonly revoked: readonly number[];
}

export interface WriterOptions {
  /** The store's directory. */
  readonly path: string;
  readonly maxBytes: number;
}

export type WriterRequest =
  | { readonly type: 'open' }
  /** The live keys after `after`, in key order. */
  | { readonly type: 'load'; readonly after: string }
  | { readonly type: 'commit'; readonly batch: Batch }
  | { readonly type: 'compact'; readonly revision: Revision }
  /** Deletes some of what the last compaction made unreachable. */
  | { readonly type: 'sweep' }
  | { readonly type: 'close' };

export interface Opened {
  readonly type: 'opened';
  readonly revision: Revision;
  readonly compacted: Revision;
  readonly leases: readonly StoredLease[];
}

export type WriterReply =
  | Opened
  | { readonly type: 'refused'; readonly message: string }
  | { readonly type: 'page'; readonly rows: PackedRows }
  /** `releasedReserve`: the disk is full, and this write had the last room that was kept. */
  | { readonly type: 'durable'; readonly releasedReserve?: true }
  /** Nothing was written, and the database is as before. */
  | { readonly type: 'failed'; readonly message: string; readonly releasedReserve?: true }
  | { readonly type: 'swept'; readonly done: boolean };

export interface ReaderOptions {
  readonly path: string;
}

export type ReaderRequest =
  | {
    readonly type: 'range'; readonly from: string; readonly to: string; readonly revision: Revision;
    /** 0: none. */
    readonly limit: number;
    readonly countOnly: boolean;
  }
  /** Every version with `first` ≤ id < `end` of the keys in [`from`, `to`): whole revisions, as many as a page holds. */
  | { readonly type: 'history'; readonly from: string; readonly to: string; readonly first: number; readonly end: number };

export type ReaderReply =
  | { readonly type: 'range'; readonly rows: PackedRows; readonly count: number }
  /** `next`: where the following page starts. */
  | { readonly type: 'history'; readonly rows: PackedRows; readonly next: number }
  | { readonly type: 'compacted'; readonly revision: Revision };
