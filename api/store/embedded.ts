/**
 * The store inside the process: SQLite in a worker thread, everything live in memory. The main thread decides transactions
 * and gives revisions; the writer makes batches durable; a reader serves what is older than the newest revision. Order per
 * batch: fsync, memory, watches, replies. Readers see durable state only, so a write that was seen can't be lost.
 */
import { keptCopy } from '../../machinery/kept-bytes.ts';
import { backgroundClock, type Clock } from '../../machinery/clock.ts';
import { endedWatch } from './ended-watch.ts';
import { asError, StoreEndedError, StoreRefusedError } from './errors.ts';
import { checkSize, maxOperations } from './limits.ts';
import type { RangeRequest, RangeResult, Revision, Store, Transaction, TransactionResult } from './store.ts';
import { createCommitQueue, type CommitQueue } from './embedded/commit-queue.ts';
import { createFeeds, type Feeds } from './embedded/feeds.ts';
import { createLeaseExpiry } from './embedded/lease-expiry.ts';
import { createPast, type Past, type Writer } from './embedded/past.ts';
import type { Opened, WriterOptions } from './embedded/protocol.ts';
import { movable, unpackRows } from './embedded/rows.ts';
import { createVersions, versionOfRow, type Decision, type Version, type Versions } from './embedded/versions.ts';
import { startWorker } from './embedded/worker-link.ts';

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

const leaseRetryMs = 1000;
const defaultCompactionMs = 5 * 60 * 1000;

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

/** Values are copied out of their pages: a page would otherwise stay in memory as long as one of its values. */
async function loadLive(writer: Writer): Promise<Version[]> {
  const live: Version[] = [];
  for (let page = writer.request({ type: 'load', after: '' }); ;) {
    const reply = await page;
    if (reply.type !== 'page') throw new Error(`unexpected reply of the writer: ${reply.type}`);
    const last = reply.rows.keys.at(-1);
    if (last === undefined) return live;
    page = writer.request({ type: 'load', after: last });
    for (const row of unpackRows(reply.rows)) live.push(versionOfRow({ ...row, value: keptCopy(row.value) }));
  }
}

function assemble(options: EmbeddedOptions, writer: Writer, opened: Opened, live: readonly Version[], onCrash: (crash: (error: Error) => void) => void): Store {
  const clock = options.clock ?? backgroundClock;
  let ended: StoreEndedError | undefined;
  const onProblem = (what: string, error: Error): void => void (ended ?? options.onProblem?.(what, error));

  const versions = createVersions(opened.revision, live);
  const past = createPast({ path: options.path, writer, compacted: opened.compacted, revision: () => versions.revision, onCrash: end });
  const feeds = createFeeds({ revision: () => versions.revision, compacted: () => past.compacted, history: past.history });
  const queue = createCommitQueue({
    async write(batch) {
      const reply = await writer.request({ type: 'commit', batch }, movable(batch.rows));
      if ('releasedReserve' in reply) onProblem(`the disk of ${options.path} is full: the room kept for that is given up, delete what fills it`, new Error('no space left on device'));
      return reply;
    },
    publish: (decisions) => publish(versions, feeds, decisions),
    undo: () => versions.forget(),
  });
  const leases = createLeaseExpiry({
    clock, leases: opened.leases, retryMs: leaseRetryMs, onProblem,
    record: (granted) => queue.addLease({ granted }),
    expire: (lease) => expire(lease, versions, queue, commit),
  });
  const cancelCompaction = compactPeriodically({
    clock, periodMs: options.compactionPeriodMs ?? defaultCompactionMs, onProblem, revision: () => versions.revision, compact: past.compact,
  });
  onCrash(end);

  /** The store ends by itself: a worker died. */
  function end(cause: Error): void {
    if (ended !== undefined) return;
    ended = new StoreEndedError(cause);
    stop(ended);
    void writer.terminate();
    void past.terminate();
    options.onEnd?.(ended);
  }

  function stop(error: StoreEndedError): void {
    leases.close();
    cancelCompaction();
    queue.end(error);
    feeds.end(error);
  }

  const refuseIfEnded = (): void => {
    if (ended !== undefined) throw ended;
  };

  async function commit(transaction: Transaction): Promise<TransactionResult> {
    refuseIfEnded();
    const bytes = checkSize(transaction);
    queue.admit();
    return queue.add(versions.decide(transaction, (lease) => leases.exists(lease)), bytes);
  }

  return {
    async range(request) {
      refuseIfEnded();
      return rangeOf(request, versions, past);
    },
    commit,
    watch: (prefix, from, sink) => (ended === undefined ? feeds.watch(prefix, from, sink) : endedWatch(sink, ended)),
    grantLease: async (ttlSeconds) => (refuseIfEnded(), leases.grant(ttlSeconds)),
    compact: async (revision) => (refuseIfEnded(), past.compact(revision)),
    async close() {
      if (ended !== undefined) return;
      ended = new StoreEndedError();
      await queue.drained();
      stop(ended);
      await closeWorkers(past, writer);
    },
  };
}

function rangeOf(request: RangeRequest, versions: Versions, past: Past): RangeResult | Promise<RangeResult> {
  const { revision } = request;
  return revision === undefined || revision === versions.revision ? versions.range(request) : past.range(request, revision);
}

async function closeWorkers(past: Past, writer: Writer): Promise<void> {
  await past.close();
  await writer.request({ type: 'close' });
  await writer.ended;
}

function publish(versions: Versions, feeds: Feeds, decisions: readonly Decision[]): void {
  let changed = false;
  for (const { result, steps } of decisions) {
    if (steps.length === 0) continue;
    changed = true;
    versions.settle(result.revision, steps);
    feeds.publish(result.revision, steps);
  }
  if (changed) feeds.progress();
}

/** Deletes a lease's keys by ordinary transactions, then the lease: a crash in between leaves it to expire again. */
async function expire(lease: number, versions: Versions, queue: CommitQueue, commit: Store['commit']): Promise<void> {
  for (let keys = versions.keysOf(lease); keys.length > 0; keys = versions.keysOf(lease)) {
    const writes = keys.slice(0, maxOperations).map((key) => ({ type: 'delete', key }) as const);
    await commit({ compares: [], writes });
  }
  await queue.addLease({ revoked: lease });
}

interface Compaction {
  readonly clock: Clock;
  /** 0: never. */
  readonly periodMs: number;
  readonly revision: () => Revision;
  readonly compact: (revision: Revision) => Promise<void>;
  readonly onProblem: (what: string, error: Error) => void;
}

/** Each period compacts to the revision of the period before. A failure (a full disk) is tried again a period later. */
function compactPeriodically({ clock, periodMs, revision, compact, onProblem }: Compaction): () => void {
  if (periodMs === 0) return () => undefined;
  let previous = revision();
  const tick = (): void => {
    compact(previous).catch((error: unknown) => onProblem('compaction', asError(error)));
    previous = revision();
    cancel = clock.setTimer(periodMs, tick);
  };
  let cancel = clock.setTimer(periodMs, tick);
  return () => cancel();
}
