/** One watch over all keys of the cluster, kept up across lost connections and servers. */
import type { Etcd3, IWatchResponse } from 'etcd3';
import type { Clock } from '../../../machinery/clock.ts';
import { asError, StoreEndedError } from '../errors.ts';
import { CompactedError, type Revision, type WatchSink } from '../store.ts';
import { createWaiters } from '../waiters.ts';
import type { Members } from './members.ts';
import type { Keyspace } from './requests.ts';
import { createResponses } from './responses.ts';

export interface WatchOptions {
  readonly members: Pick<Members, 'preferred' | 'skip'>;
  readonly keyspace: Keyspace;
  readonly clock: Clock;
  readonly prefix: string;
  readonly from: Revision;
  readonly sink: WatchSink;
  /** Told of each lost connection; the watch goes on by itself. */
  readonly onProblem: (what: string, error: Error) => void;
  readonly onClosed: () => void;
}

export interface EtcdWatch {
  readonly prefix: string;
  /** The newest revision it has given. */
  readonly seen: Revision;
  /** Resolves once `revision` was given to the sink; rejects when `signal` aborts or the watch ends. */
  waitFor(revision: Revision, signal: AbortSignal): Promise<void>;
  /** The server that it hangs on keeps back what has happened: goes on from another one. */
  restart(): void;
  /** Ends the sink with `error`. */
  end(error: Error): void;
  close(): void;
}

type Stream = Awaited<ReturnType<Etcd3['watchClient']['watch']>>;

/** Every key that the store knows: tick and compaction included, so that each revision of this cluster has an event here. */
const everything = { from: '/', to: '0' };
const createMs = 5000;
const firstPauseMs = 50;
const longestPauseMs = 1000;

/**
 * One before the first revision that is wanted. etcd before 3.4.36 and 3.5.19 takes a watch from the very revision that it was compacted to, of which
 * it has forgotten the deletions; of the one before it says that it is compacted. 0 would be "from now on".
 */
function startOf(next: Revision): Revision {
  return Math.max(next - 1, 1);
}

export function startWatch(options: WatchOptions): EtcdWatch {
  const { members, keyspace, clock, prefix, sink, onProblem } = options;
  const responses = createResponses(keyspace, options.from);
  const waiters = createWaiters();
  let isOpen = true;
  let stream: Stream | undefined;
  let cancelTimer: (() => void) | undefined;
  let pauseMs = firstPauseMs;

  function shut(): void {
    isOpen = false;
    cancelTimer?.();
    drop();
    waiters.end(new StoreEndedError());
    options.onClosed();
  }

  function end(error: Error): void {
    if (!isOpen) return;
    shut();
    sink.end(error);
  }

  /** Leaves the stream; what it still says is not heard. */
  function drop(): void {
    const left = stream;
    stream = undefined;
    if (left === undefined) return;
    left.cancel();
  }

  function again(problem: Error): void {
    if (!isOpen) return;
    drop();
    cancelTimer?.();
    onProblem('the watch of etcd lost its connection and goes on', problem);
    cancelTimer = clock.setTimer(pauseMs, connect);
    pauseMs = Math.min(pauseMs * 2, longestPauseMs);
  }

  /** A sink that throws loses its watch, and learns why. */
  function give(run: () => void): void {
    try {
      run();
    } catch (error) {
      end(asError(error));
    }
  }

  function onResponse(client: Etcd3, response: IWatchResponse): void {
    if (response.canceled) {
      const compacted = Number(response.compact_revision);
      if (compacted > 0) return end(new CompactedError(compacted));
      members.skip(client);
      return again(new Error(`etcd ended the watch: ${response.cancel_reason}`));
    }
    cancelTimer?.();
    pauseMs = firstPauseMs;
    for (const { revision, events } of responses.add(response)) {
      if (!isOpen) return;
      const own = events.filter((event) => (event.type === 'put' ? event.kv.key : event.key).startsWith(prefix));
      if (own.length > 0) give(() => sink.events(revision, own));
    }
    const seen = responses.next - 1;
    if (!isOpen || response.events.length === 0 || response.fragment) return;
    give(() => sink.progress(seen));
    waiters.reached(seen);
  }

  function connect(): void {
    const client = members.preferred;
    cancelTimer = clock.setTimer(createMs, () => {
      members.skip(client);
      again(new Error('etcd did not answer the request for a watch'));
    });
    client.watchClient.watch().then((opened) => {
      if (!isOpen || stream !== undefined) return void opened.cancel();
      stream = opened;
      const lost = (error: Error): void => {
        if (stream !== opened) return;
        members.skip(client);
        again(error);
      };
      opened.on('data', (response) => {
        if (stream === opened) onResponse(client, response);
      });
      opened.on('error', lost);
      opened.on('end', () => lost(new Error('etcd closed the watch')));
      opened.write({
        create_request: { key: keyspace.toEtcd(everything.from), range_end: keyspace.toEtcd(everything.to), start_revision: startOf(responses.next), fragment: true },
      });
    }, (error: unknown) => again(asError(error)));
  }

  connect();
  return {
    prefix,
    get seen() {
      return responses.next - 1;
    },
    async waitFor(revision, signal) {
      if (!isOpen || responses.next > revision) return;
      await waiters.wait(revision, signal);
    },
    restart() {
      members.skip(members.preferred);
      again(new Error('the server keeps back what has happened'));
    },
    end,
    close() {
      if (isOpen) shut();
    },
  };
}
