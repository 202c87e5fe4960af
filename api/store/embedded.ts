/**
 * The store inside the process: SQLite in a worker thread, everything live in memory. The main thread decides transactions
 * and gives revisions; the writer makes batches durable; a reader serves what is older than the newest revision. Order per
 * batch: fsync, memory, watches, replies. Readers see durable state only, so a write that was seen can't be lost.
 */
import { systemClock, type Clock } from './clock.ts';
import { StoreEndedError, StoreRefusedError, WriteFailedError } from './errors.ts';
import { CompactedError, FutureRevisionError, type RangeRequest, type RangeResult, type Revision, type Store, type Transaction, type TransactionResult } from './store.ts';
import { createCommitQueue } from './embedded/commit-queue.ts';
import { createFeeds } from './embedded/feeds.ts';
import { createLeaseExpiry } from './embedded/lease-expiry.ts';
import type { Opened, ReaderOptions, ReaderReply, ReaderRequest, WriterOptions, WriterReply, WriterRequest } from './embedded/protocol.ts';
import { movable, revisionOf, unpackRows, type Row } from './embedded/rows.ts';
import { checkSize, createVersions, maxOperations, type Decision, type Version } from './embedded/versions.ts';
import { startWorker, type WorkerLink } from './embedded/worker-link.ts';

export interface EmbeddedOptions {
  /** A directory of the store's own; made if missing. */
  readonly path: string;
  readonly clock?: Clock;
  /** The database may not grow beyond; writes then fail until a compaction. Default: 8 GiB, the most etcd advises. */
  readonly maxBytes?: number;
  /** Compacts every so often, keeping what is younger than one to two periods. Default: 5 minutes; 0: never. */
  readonly compactionPeriodMs?: number;
  /** Called when work in the background failed (compaction, the end of a lease); it is tried again later. */
  readonly onProblem?: (what: string, error: Error) => void;
  /** Called once if the store ends by itself, with the cause. */
  readonly onEnd?: (error: Error) => void;
}

type Writer = WorkerLink<WriterRequest, WriterReply>;
type Reader = WorkerLink<ReaderRequest | { readonly type: 'close' }, ReaderReply>;

const leaseRetryMs = 1000;

/** Opens or makes a store. Throws `StoreRefusedError`: in use by another process, of a newer format, damaged. */
export async function openEmbedded(options: EmbeddedOptions): Promise<Store> {
  let crash: ((error: Error) => void) | undefined;
  const data: WriterOptions = { path: options.path, maxBytes: options.maxBytes ?? 8 * 1024 ** 3 };
  const writer: Writer = startWorker(new URL('./embedded/writer-worker.ts', import.meta.url), data, (error) => crash?.(error));
  try {
    const opened = await writer.request({ type: 'open' });
    if (opened.type === 'refused') throw new StoreRefusedError(opened.message);
    if (opened.type !== 'opened') throw new Error(`unexpected reply of the writer: ${opened.type}`);
    const live = await loadLive(writer);
    return assemble(options, writer, opened, live, (onCrash) => void (crash = onCrash));
  } catch (error) {
    await writer.terminate();
    throw error;
  }
}

async function loadLive(writer: Writer): Promise<Version[]> {
  const live: Version[] = [];
  for (let after = ''; ;) {
    const page = await writer.request({ type: 'load', after });
    if (page.type !== 'page') throw new Error(`unexpected reply of the writer: ${page.type}`);
    for (const row of unpackRows(page.rows)) live.push(versionOf(row));
    const last = page.rows.keys.at(-1);
    if (last === undefined) return live;
    after = last;
  }
}

function versionOf(row: Row & { readonly value: Buffer }): Version {
  return { key: row.key, value: row.value, createRevision: row.created, modRevision: revisionOf(row.id), lease: row.lease };
}

function assemble(options: EmbeddedOptions, writer: Writer, opened: Opened, live: readonly Version[], onCrash: (crash: (error: Error) => void) => void): Store {
  const clock = options.clock ?? systemClock;
  const versions = createVersions(opened.revision, live);
  let compacted = opened.compacted;
  let ended: StoreEndedError | undefined;
  const onProblem = (what: string, error: Error): void => void (ended ?? options.onProblem?.(what, error));

  const reader = lazyReader(options.path, (error) => end(error));
  const feeds = createFeeds({
    revision: () => versions.revision,
    compacted: () => compacted,
    history: (request) => reader.request({ type: 'history', ...request }),
  });
  const queue = createCommitQueue({
    write: (batch) => writer.request({ type: 'commit', batch }, movable(batch.rows)),
    publish,
    undo: () => versions.forget(),
  });
  const leases = createLeaseExpiry({ clock, leases: opened.leases, expire, retryMs: leaseRetryMs, onProblem });
  const compaction = compactPeriodically(clock, options.compactionPeriodMs ?? 5 * 60 * 1000, () => versions.revision, (revision) => {
    compact(revision).catch((error: unknown) => onProblem('compaction', error instanceof Error ? error : new Error(String(error))));
  });
  onCrash(end);

  function publish(decisions: readonly Decision[]): void {
    let changed = false;
    for (const { result, steps } of decisions) {
      if (steps.length === 0) continue;
      changed = true;
      versions.settle(result.revision, steps);
      feeds.publish(result.revision, steps);
    }
    if (changed) feeds.progress();
  }

  /** The store ends by itself: a worker died. */
  function end(cause: Error): void {
    if (ended !== undefined) return;
    ended = new StoreEndedError(cause);
    stop(ended);
    void writer.terminate();
    void reader.terminate();
    options.onEnd?.(ended);
  }

  function stop(error: StoreEndedError): void {
    leases.close();
    compaction.cancel();
    queue.end(error);
    feeds.end(error);
  }

  function decide(transaction: Transaction, bytes: number): Promise<TransactionResult> {
    queue.admit();
    return queue.add(versions.decide(transaction, (lease) => leases.exists(lease)), bytes);
  }

  async function commit(transaction: Transaction): Promise<TransactionResult> {
    if (ended !== undefined) throw ended;
    return decide(transaction, checkSize(transaction));
  }

  async function expire(lease: number): Promise<void> {
    for (let keys = versions.keysOf(lease); keys.length > 0; keys = versions.keysOf(lease)) {
      const writes = keys.slice(0, maxOperations).map((key) => ({ type: 'delete', key }) as const);
      await commit({ compares: [], writes });
    }
    await queue.addLease({ revoked: lease });
  }

  async function range(request: RangeRequest): Promise<RangeResult> {
    if (ended !== undefined) throw ended;
    const { revision } = request;
    if (revision === undefined || revision === versions.revision) return versions.range(request);
    if (revision > versions.revision) throw new FutureRevisionError(versions.revision);
    if (revision < compacted) throw new CompactedError(compacted);
    const { from, to, limit = 0, countOnly = false } = request;
    const reply = await reader.request({ type: 'range', from, to, revision, limit, countOnly });
    if (reply.type === 'compacted') throw new CompactedError(reply.revision);
    if (reply.type !== 'range') throw new Error(`unexpected reply of the reader: ${reply.type}`);
    return { revision: versions.revision, items: [...unpackRows(reply.rows)].map(versionOf), count: reply.count };
  }

  async function compact(revision: Revision): Promise<void> {
    if (ended !== undefined) throw ended;
    if (revision > versions.revision) throw new FutureRevisionError(versions.revision);
    if (revision <= compacted) return;
    compacted = revision;
    expectWritten(await writer.request({ type: 'compact', revision }));
    for (;;) {
      const reply = await writer.request({ type: 'sweep' });
      expectWritten(reply);
      if (reply.type === 'swept' && reply.done) return;
    }
  }

  return {
    range,
    commit,
    watch(prefix, from, sink) {
      if (ended === undefined) return feeds.watch(prefix, from, sink);
      const error = ended;
      let isOpen = true;
      queueMicrotask(() => void (isOpen && sink.end(error)));
      return { close: () => void (isOpen = false) };
    },
    async grantLease(ttlSeconds) {
      if (ended !== undefined) throw ended;
      const lease = { id: leases.nextId(), deadline: clock.now() + ttlSeconds * 1000 };
      await queue.addLease({ granted: lease });
      leases.add(lease);
      return String(lease.id);
    },
    compact,
    async close() {
      if (ended !== undefined) return;
      ended = new StoreEndedError();
      leases.close();
      compaction.cancel();
      await queue.drained();
      stop(ended);
      await reader.close();
      await writer.request({ type: 'close' });
      await writer.ended;
    },
  };
}

function expectWritten(reply: WriterReply): void {
  if (reply.type === 'failed') throw new WriteFailedError(new Error(reply.message));
}

/** The reader, started when first asked: most processes never read the past. */
function lazyReader(path: string, onCrash: (error: Error) => void) {
  let reader: Reader | undefined;
  return {
    request(message: ReaderRequest): Promise<ReaderReply> {
      const data: ReaderOptions = { path };
      reader ??= startWorker(new URL('./embedded/reader-worker.ts', import.meta.url), data, onCrash);
      return reader.request(message);
    },
    async close(): Promise<void> {
      if (reader === undefined) return;
      const ended = reader.ended;
      reader.request({ type: 'close' }).catch(() => {});
      await ended;
    },
    async terminate(): Promise<void> {
      await reader?.terminate();
    },
  };
}

/** Each period compacts to the revision of the period before. A failure (a full disk) is tried again a period later. */
function compactPeriodically(clock: Clock, periodMs: number, revision: () => Revision, compact: (revision: Revision) => void): { cancel(): void } {
  if (periodMs === 0) return { cancel: () => {} };
  let previous = revision();
  const tick = (): void => {
    const target = previous;
    previous = revision();
    compact(target);
    timer = clock.after(periodMs, tick);
  };
  let timer = clock.after(periodMs, tick);
  return { cancel: () => timer.cancel() };
}
