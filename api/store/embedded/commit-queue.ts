/** Group commit: what arrives while the disk is busy goes to it together. One batch is on its way at a time. */
import { asError, WriteFailedError, type StoreEndedError } from '../errors.ts';
import type { TransactionResult } from '../store.ts';
import { createBacklog, type Accepted } from './backlog.ts';
import type { Batch, StoredLease, WriterReply } from './protocol.ts';
import { firstRowOf, packRows, type Row } from './rows.ts';
import type { Decision, Step } from './versions.ts';

export type LeaseChange = { readonly granted: StoredLease } | { readonly revoked: number };

export interface CommitQueue {
  /** Throws `OverloadedError` before anything is decided. */
  admit(): void;
  /** Takes a decided transaction; resolves with its result when everything up to it is durable and published. */
  add(decision: Decision, bytes: number): Promise<TransactionResult>;
  addLease(change: LeaseChange): Promise<unknown>;
  /** Resolves when all that was added is settled, one way or the other. */
  drained(): Promise<void>;
  /** Rejects everything not yet settled. */
  end(error: StoreEndedError): void;
}

export interface CommitQueueOptions {
  readonly write: (batch: Batch) => Promise<WriterReply>;
  /** Called in order, after the fsync and before the replies: readers and watches are given the batch. */
  readonly publish: (decisions: readonly Decision[]) => void;
  /** The batch and what was decided after it never happened. */
  readonly undo: () => void;
}

const unchanged: Decision = { result: { committed: true, revision: 0 }, steps: [] };

export function createCommitQueue(options: CommitQueueOptions): CommitQueue {
  const backlog = createBacklog();
  let inFlight: readonly Accepted[] = [];
  let ended: StoreEndedError | undefined;
  const idle = createIdle();
  const schedule = oncePerTurn(() => {
    if (inFlight.length === 0) proceed(begin());
  });

  function enqueue(decision: Decision, bytes: number, lease?: LeaseChange): Promise<TransactionResult> {
    if (ended !== undefined) return Promise.reject(ended);
    const { promise, resolve, reject } = Promise.withResolvers<TransactionResult>();
    backlog.push({ ...decision, bytes, ...lease, resolve, reject });
    if (inFlight.length === 0) schedule();
    return promise;
  }

  /** Sends the next batch off. Returns what has nothing to write: to be settled by the caller, after all that came before. */
  function begin(): readonly Accepted[] {
    const accepted = backlog.take();
    const batch = batchOf(accepted);
    if (batch === undefined) return accepted;
    inFlight = accepted;
    options.write(batch).then(
      (reply) => (reply.type === 'failed' ? fail(accepted, new WriteFailedError(new Error(reply.message))) : durable(accepted)),
      (error: unknown) => fail(accepted, asError(error)),
    );
    return [];
  }

  /** The disk gets its next batch before the main thread publishes this one. */
  function durable(accepted: readonly Accepted[]): void {
    inFlight = [];
    const following = begin();
    settle(accepted);
    proceed(following);
  }

  function proceed(following: readonly Accepted[]): void {
    settle(following);
    if (inFlight.length > 0) return;
    if (backlog.isEmpty) idle.reached();
    else schedule();
  }

  const settle = (accepted: readonly Accepted[]): void => {
    options.publish(accepted);
    for (const { resolve, result } of accepted) resolve(result);
  };

  function fail(accepted: readonly Accepted[], error: Error): void {
    const lost = [...accepted, ...backlog.takeAll()];
    inFlight = [];
    options.undo();
    for (const { reject } of lost) reject(error);
    idle.reached();
  }

  return {
    admit: () => backlog.admit(),
    add: (decision, bytes) => enqueue(decision, bytes),
    addLease: (change) => enqueue(unchanged, 0, change),
    drained: () => (backlog.isEmpty && inFlight.length === 0 ? Promise.resolve() : idle.wait()),
    end(error) {
      ended ??= error;
      fail(inFlight, ended);
    },
  };
}

/** Runs at the end of a turn of the event loop, so that the requests read in it share one fsync. */
function oncePerTurn(run: () => void): () => void {
  let isScheduled = false;
  return () => {
    if (isScheduled) return;
    isScheduled = true;
    setImmediate(() => {
      isScheduled = false;
      run();
    });
  };
}

function createIdle(): { wait(): Promise<void>; reached(): void } {
  let waiting: (() => void)[] = [];
  return {
    wait: () => new Promise((resolve) => void waiting.push(resolve)),
    reached() {
      const due = waiting;
      waiting = [];
      for (const resolve of due) resolve();
    },
  };
}

/** Undefined: nothing to write. */
function batchOf(accepted: readonly Accepted[]): Batch | undefined {
  const rows = accepted.flatMap((each) => each.steps.map((step, index) => rowOf(step, each.result.revision, index)));
  const granted = accepted.flatMap((each) => each.granted ?? []);
  const revoked = accepted.flatMap((each) => each.revoked ?? []);
  if (rows.length + granted.length + revoked.length === 0) return undefined;
  return { rows: packRows(rows), granted, revoked };
}

const nothing = new Uint8Array(0);

function rowOf({ key, after }: Step, revision: number, index: number): Row {
  const id = firstRowOf(revision) + index;
  return { id, key, created: after?.createRevision ?? 0, lease: after?.lease ?? 0, value: after?.value ?? nothing };
}
