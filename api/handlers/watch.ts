import type { Call, WatchResult, WatchSink } from '../request.ts';
import type { Change, Entry, Selection, Watch } from '../store/cache.ts';
import { CompactedError, type Revision } from '../store/store.ts';
import { requireReadable } from '../store/unreadable.ts';
import { listOptionsOf, type ListOptions } from './list-options.ts';
import { expired, freshEnough, type Reader } from './reader.ts';
import { selectionOf } from './selection.ts';

/** Source: "Efficient detection of changes", "Watch bookmarks", "Streaming lists", API concepts. */

/** How many objects of the initial state go out between two looks at whether there is room. */
const initialBatch = 500;
/** What may wait behind the initial state: whoever is slower lists again. */
const maxWaitingBytes = 16 * 1024 * 1024;
/** Without `timeoutSeconds` a watch ends after this, and up to twice as long. */
const shortestMs = 30 * 60_000;

/** GET on a collection with `watch`. Refusals (400, 422) come before the flow starts; a revision that is gone ends the flow with 410. */
export async function watch(reader: Reader, call: Call): Promise<WatchResult> {
  const options = listOptionsOf(call.query, true);
  const selection = selectionOf(call);
  if (wantsState(options)) await freshEnough(reader, options.revision, call.signal);
  requireReadable(reader.caches.of(call.resource));
  return { type: 'watch', resource: call.resource, open: (sink) => open(reader, call, options, selection, sink) };
}

/** Does the flow begin with the objects that are there, as ADDED? */
function wantsState(options: ListOptions): boolean {
  return options.sendInitialEvents ?? (options.revision === undefined || options.revision === 0);
}

function open(reader: Reader, call: Call, options: ListOptions, chosen: Selection, sink: WatchSink): { close(): void } {
  const cache = reader.caches.of(call.resource);
  const selection: Selection = options.allowWatchBookmarks ? { ...chosen, bookmarks: true } : chosen;
  const ready = (entries: readonly Entry[]) => reader.caches.ready(call.resource, entries);
  /** Only somebody else can say what is in them: they are chosen when that is known. */
  const isLate = selection.looksInside === true && call.resource.storedAs?.remote !== undefined;
  const state = wantsState(options) ? [...matching(cache.list(selection.namespace), isLate ? {} : selection)] : [];
  const from: Revision = wantsState(options) || (options.revision ?? 0) === 0 ? reader.caches.revision : options.revision ?? 0;
  /** Live changes that wait behind the initial state. */
  let waiting: Change[] | undefined = [];
  let waitingBytes = 0;
  let closed = false;
  /** The time is up: the watch ends behind its last bookmark, which comes after all that is on its way. */
  let isLast = false;
  const end = (error: Error | undefined) => {
    if (closed) return;
    close();
    sink.end(error instanceof CompactedError ? tooOld(from, error) : error);
  };
  const changes = (batch: readonly Change[]) => {
    if (waiting === undefined) {
      sink.changes(batch);
      if (isLast && batch.at(-1)?.type === 'BOOKMARK') end(undefined);
      return;
    }
    for (const change of batch) {
      waiting.push(change);
      if (change.type !== 'BOOKMARK') waitingBytes += change.entry.stored.length;
    }
    if (waitingBytes > maxWaitingBytes) end(expired('the watcher is too slow to take the initial state'));
  };
  const source = begin(() => cache.watch(from, selection, { changes, end }));
  const cancelEnd = reader.setTimer(lifetimeMs(reader, options), () => {
    isLast = options.allowWatchBookmarks && waiting === undefined && 'bookmark' in source;
    if (isLast && 'bookmark' in source) source.bookmark();
    else end(undefined);
  });
  function close(): void {
    closed = true;
    if ('close' in source) source.close();
    cancelEnd();
  }
  function goLive(): void {
    const behind = waiting ?? [];
    waiting = undefined;
    if (options.sendInitialEvents === true && options.allowWatchBookmarks) behind.unshift({ type: 'BOOKMARK', revision: from, initialEventsEnd: true });
    if (behind.length > 0) sink.changes(behind);
  }
  if ('error' in source) queueMicrotask(() => { end(source.error); });
  else sendState(state, { sink, ready, selection: isLate ? selection : {}, closed: () => closed }).then(() => { if (!closed) goLive(); }, end);
  return { close };
}

function* matching(entries: Iterable<Entry>, selection: Selection): Generator<Entry> {
  for (const entry of entries) if (selection.matches?.(entry) !== false) yield entry;
}

function begin(start: () => Watch): Watch | { readonly error: Error } {
  try {
    return start();
  } catch (error) {
    return { error: error instanceof Error ? error : new Error(String(error)) };
  }
}

interface Sending {
  readonly sink: WatchSink;
  readonly ready: (entries: readonly Entry[]) => Promise<void> | undefined;
  /** What is still to be chosen by. */
  readonly selection: Selection;
  readonly closed: () => boolean;
}

async function sendState(state: readonly Entry[], { sink, ready, selection, closed }: Sending): Promise<void> {
  for (let start = 0; start < state.length && !closed(); start += initialBatch) {
    const entries = state.slice(start, start + initialBatch);
    await ready(entries);
    if (closed()) return;
    const chosen = [...matching(entries, selection)];
    if (chosen.length > 0) sink.changes(chosen.map((entry) => ({ type: 'ADDED', entry })));
    await sink.room?.();
  }
}

function tooOld(from: Revision, cause: CompactedError): Error {
  const error = expired(`too old resource version: ${from} (${cause.compacted})`);
  error.cause = cause;
  return error;
}

function lifetimeMs(reader: Reader, options: ListOptions): number {
  const { timeoutSeconds = 0 } = options;
  return timeoutSeconds > 0 ? Math.min(timeoutSeconds * 1000, 2 ** 31 - 1) : shortestMs * (1 + reader.random());
}
