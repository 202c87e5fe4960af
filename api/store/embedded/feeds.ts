/** The embedded store's watches: first what the history has, then what is committed. */
import { asError } from '../errors.ts';
import { CompactedError, type Revision, type StoreEvent, type WatchSink } from '../store.ts';
import { prefixEnd } from '../sorted-map.ts';
import type { ReaderReply } from './protocol.ts';
import { firstRowOf, revisionOf, unpackRows, type PackedRows } from './rows.ts';
import type { Step } from './versions.ts';

export interface FeedsOptions {
  readonly revision: () => Revision;
  readonly compacted: () => Revision;
  /** A page of the rows with `first` ≤ id < `end` of the keys in [`from`, `to`). */
  readonly history: (request: { from: string; to: string; first: number; end: number }) => Promise<ReaderReply>;
}

export interface Feeds {
  watch(prefix: string, from: Revision, sink: WatchSink): { close(): void };
  publish(revision: Revision, steps: readonly Step[]): void;
  /** All of a batch has been published. */
  progress(): void;
  end(error: Error): void;
}

interface Feed {
  readonly prefix: string;
  readonly sink: WatchSink;
  /** The first revision it has not been given. */
  next: Revision;
  isLive: boolean;
  isOpen: boolean;
}

export function createFeeds(options: FeedsOptions): Feeds {
  const feeds = new Set<Feed>();

  function stop(feed: Feed, error: Error): void {
    if (!feed.isOpen) return;
    feed.isOpen = false;
    feeds.delete(feed);
    feed.sink.end(error);
  }

  /** A sink that throws loses its watch, and learns why; the others go on. */
  function give(feed: Feed, run: (sink: WatchSink) => void): void {
    if (!feed.isOpen) return;
    try {
      run(feed.sink);
    } catch (error) {
      stop(feed, asError(error));
    }
  }

  /** Reads on until nothing newer was committed meanwhile; each round is shorter than the one before, for reading is faster. */
  async function catchUp(feed: Feed): Promise<void> {
    while (feed.isOpen && feed.next <= options.revision()) {
      if (feed.next < options.compacted()) throw new CompactedError(options.compacted());
      const end = firstRowOf(options.revision() + 1);
      const reply = await options.history({ from: feed.prefix, to: prefixEnd(feed.prefix), first: firstRowOf(feed.next), end });
      if (reply.type === 'compacted') throw new CompactedError(reply.revision);
      if (reply.type !== 'history') throw new Error(`unexpected reply of the reader: ${reply.type}`);
      for (const [revision, events] of eventsOf(reply.rows)) give(feed, (sink) => sink.events(revision, events));
      feed.next = revisionOf(reply.next);
    }
    feed.isLive = true;
    give(feed, (sink) => sink.progress(options.revision()));
  }

  return {
    watch(prefix, from, sink) {
      const feed: Feed = { prefix, sink, next: from, isLive: from > options.revision(), isOpen: true };
      feeds.add(feed);
      if (!feed.isLive) catchUp(feed).catch((error: unknown) => stop(feed, asError(error)));
      return {
        close() {
          feed.isOpen = false;
          feeds.delete(feed);
        },
      };
    },
    publish(revision, steps) {
      for (const feed of feeds) {
        if (!feed.isLive || revision < feed.next) continue;
        // Each kind has a feed: most transactions are for one of them, and must cost the others next to nothing.
        let events: StoreEvent[] | undefined;
        for (const step of steps) if (step.key.startsWith(feed.prefix)) (events ??= []).push(eventOf(step, revision));
        const seen = events;
        if (seen !== undefined) give(feed, (sink) => sink.events(revision, seen));
      }
    },
    progress() {
      for (const feed of feeds) if (feed.isLive) give(feed, (sink) => sink.progress(options.revision()));
    },
    end(error) {
      for (const feed of feeds) stop(feed, error);
    },
  };
}

function eventOf({ key, after }: Step, revision: Revision): StoreEvent {
  return after === undefined ? { type: 'delete', key, modRevision: revision } : { type: 'put', kv: after };
}

/** A page's events, revision by revision. */
function eventsOf(rows: PackedRows): Map<Revision, StoreEvent[]> {
  const events = new Map<Revision, StoreEvent[]>();
  for (const { id, key, created, value } of unpackRows(rows)) {
    const revision = revisionOf(id);
    const event: StoreEvent = created === 0
      ? { type: 'delete', key, modRevision: revision }
      : { type: 'put', kv: { key, value, createRevision: created, modRevision: revision } };
    const same = events.get(revision);
    if (same === undefined) events.set(revision, [event]);
    else same.push(event);
  }
  return events;
}
