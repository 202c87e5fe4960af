/**
 * The store on an etcd cluster, 3.4.23 or later: several API servers share it. Reads of the newest revision are linearizable;
 * a write is sent once, and when its answer is lost the caller is told so rather than given a guess.
 */
import { backgroundClock, type Clock } from '../../machinery/clock.ts';
import { endedWatch } from './ended-watch.ts';
import { OutcomeUnknownError, StoreEndedError } from './errors.ts';
import { checkSize } from './limits.ts';
import { CompactedError, FutureRevisionError, type RangeRequest, type RangeResult, type Revision, type Store, type Transaction, type TransactionResult } from './store.ts';
import { compactTogether } from './etcd/compaction.ts';
import { createMembers, RevisionRefused, type Call, type Credentials, type Members } from './etcd/members.ts';
import { createKeyspace, rangeRequest, rangeResult, transactionRequest, transactionResult, type Keyspace } from './etcd/requests.ts';
import { createTicks } from './etcd/ticks.ts';
import { startWatch, type EtcdWatch } from './etcd/watch.ts';

export interface EtcdOptions {
  /** `http://10.0.0.1:2379`, `https://…`; not empty. */
  readonly endpoints: readonly string[];
  /** What every key of this cluster begins with: '' or `/production`. Default: ''. */
  readonly root?: string;
  readonly credentials?: Credentials;
  readonly auth?: { readonly username: string; readonly password: string };
  /** When compactions are due; calls over the network have the machine's. */
  readonly clock?: Clock;
  /** How long a call may take. Default: 10 seconds; etcd itself gives up after 5 to 7. */
  readonly callMs?: number;
  /** How long a watch may be silent before it is asked for by a tick. Default: 50 ms. */
  readonly silenceMs?: number;
  /** Default: 5 minutes; 0: never. */
  readonly compactionPeriodMs?: number;
  /** Told of what went wrong in the background and is tried again. */
  readonly onProblem?: (what: string, error: Error) => void;
}

const defaultCallMs = 10_000;
const defaultSilenceMs = 50;
const defaultCompactionMs = 5 * 60 * 1000;
const stallMs = 5000;
const tickKey = '/coracle/tick';
const nothing: RangeRequest = { from: '/', to: '/', countOnly: true };

/** Connects to the cluster. Throws `StoreUnavailableError` when no server answers. */
export async function openEtcd(options: EtcdOptions): Promise<Store> {
  const members = createMembers({
    endpoints: options.endpoints, clock: backgroundClock, callMs: options.callMs ?? defaultCallMs,
    ...(options.credentials === undefined ? {} : { credentials: options.credentials }), ...(options.auth === undefined ? {} : { auth: options.auth }),
  });
  try {
    const store = assemble(options, members, createKeyspace(options.root ?? ''));
    await store.range(nothing);
    return store;
  } catch (error) {
    members.close();
    throw error;
  }
}

function assemble(options: EtcdOptions, members: Members, keyspace: Keyspace): Store {
  const clock = backgroundClock;
  const watches = new Set<EtcdWatch>();
  /** Writes whose answers are awaited. */
  const running = new Set<Promise<unknown>>();
  let ended: StoreEndedError | undefined;
  /** The oldest revision that this process compacted to. */
  let floor: Revision = 0;
  const onProblem = (what: string, error: Error): void => void (ended ?? options.onProblem?.(what, error));
  const visibleMs = options.callMs ?? defaultCallMs;

  const ticks = createTicks({
    clock, watches, onProblem, stallMs, silenceMs: options.silenceMs ?? defaultSilenceMs,
    tick: () => send({ compares: [], writes: [{ type: 'put', key: tickKey, value: Buffer.alloc(0) }] }),
  });

  function refuseIfEnded(): void {
    if (ended !== undefined) throw ended;
  }

  /** Waited for by `close`. */
  async function tracked<T>(work: Promise<T>): Promise<T> {
    running.add(work);
    try {
      return await work;
    } finally {
      running.delete(work);
    }
  }

  async function send(transaction: Transaction): Promise<TransactionResult> {
    const request = transactionRequest(keyspace, transaction);
    const lease = transaction.writes.flatMap((write) => (write.type === 'put' && write.lease !== undefined ? [write.lease] : []))[0];
    const result = transactionResult(keyspace, await members.write((client, callOptions) => client.kv.txn(request, callOptions), lease));
    ticks.reached(result.revision);
    return result;
  }

  /** The change is durable; within the bound it is also visible through this process. A watch that is late beyond it is started again by the ticks. */
  async function seenByWatches({ writes }: Transaction, revision: Revision): Promise<void> {
    const concerned = [...watches].filter(({ prefix, seen }) => seen < revision && writes.some(({ key }) => key.startsWith(prefix)));
    if (concerned.length === 0) return;
    const signal = AbortSignal.timeout(visibleMs);
    await Promise.allSettled(concerned.map((watch) => watch.waitFor(revision, signal)));
  }

  async function commit(transaction: Transaction): Promise<TransactionResult> {
    const result = await send(transaction);
    if (result.committed) await seenByWatches(transaction, result.revision);
    return result;
  }

  async function range(request: RangeRequest): Promise<RangeResult> {
    if (request.revision !== undefined && request.revision < floor) throw new CompactedError(floor);
    const call: Call<RangeResult> = async (client, callOptions) => rangeResult(keyspace, await client.kv.range(rangeRequest(keyspace, request), callOptions));
    try {
      const result = await members.read(call);
      ticks.reached(result.revision);
      return result;
    } catch (error) {
      throw await revisionError(error);
    }
  }

  /** The answer to a question about nothing says where the store is. */
  async function newest(): Promise<Revision> {
    return (await range(nothing)).revision;
  }

  /** Fills in the revision that etcd doesn't say. */
  async function revisionError(error: unknown): Promise<unknown> {
    if (!(error instanceof RevisionRefused)) return error;
    if (error.why === 'compacted') return new CompactedError(await oldestKept());
    return new FutureRevisionError(await newest());
  }

  /** A watch from the beginning is told where the history begins. */
  function oldestKept(): Promise<Revision> {
    const { promise, resolve } = Promise.withResolvers<Revision>();
    const cancel = clock.setTimer(visibleMs, () => resolve(0));
    const watch = startWatch({
      members, keyspace, clock, prefix: tickKey, from: 1, onProblem: () => undefined, onClosed: () => undefined,
      sink: { events: () => resolve(0), progress: () => resolve(0), end: (error) => resolve(error instanceof CompactedError ? error.compacted : 0) },
    });
    return promise.finally(() => {
      cancel();
      watch.close();
    });
  }

  /**
   * etcd before 3.4.36 and 3.5.19 forgets deletions at the very revision that it compacts to, and a watch from there would miss
   * them: it is told to keep one revision more, and this process refuses that one itself.
   */
  async function compact(revision: Revision): Promise<void> {
    const current = await newest();
    if (revision > current) throw new FutureRevisionError(current);
    if (revision <= Math.max(floor, 1)) return;
    try {
      await members.read((client, callOptions) => client.kv.compact({ revision: revision - 1 }, callOptions));
    } catch (error) {
      if (!(error instanceof RevisionRefused && error.why === 'compacted')) throw await revisionError(error);
    }
    floor = Math.max(floor, revision);
  }

  const store: Store = {
    range: async (request) => (refuseIfEnded(), range(request)),
    async commit(transaction) {
      refuseIfEnded();
      checkSize(transaction);
      return tracked(commit(transaction));
    },
    watch(prefix, from, sink) {
      if (ended !== undefined) return endedWatch(sink, ended);
      if (from < floor) return endedWatch(sink, new CompactedError(floor));
      const watch = startWatch({ members, keyspace, clock, prefix, from, sink, onProblem, onClosed: () => void watches.delete(watch) });
      watches.add(watch);
      return watch;
    },
    async grantLease(ttlSeconds) {
      refuseIfEnded();
      const { ID } = await members.write((client, callOptions) => client.leaseClient.leaseGrant({ TTL: ttlSeconds }, callOptions));
      return ID;
    },
    compact: async (revision) => (refuseIfEnded(), compact(revision)),
    async close() {
      if (ended !== undefined) return;
      ended = new StoreEndedError();
      compaction.close();
      await Promise.allSettled(running);
      ticks.close();
      for (const watch of watches) watch.end(ended);
      members.close();
    },
  };
  const compaction = compactTogether({ store, clock: options.clock ?? backgroundClock, periodMs: options.compactionPeriodMs ?? defaultCompactionMs, onProblem: (what, error) => {
    // Another server's compaction of the next period mends it.
    if (!(error instanceof OutcomeUnknownError)) onProblem(what, error);
  } });
  return store;
}
