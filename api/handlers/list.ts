import { setImmediate } from 'node:timers/promises';
import type { Call, ListResult } from '../request.ts';
import type { Entry, ResourceCache, Selection } from '../store/cache.ts';
import { CompactedError, FutureRevisionError, type Revision } from '../store/store.ts';
import { requireReadable } from '../store/unreadable.ts';
import { formatContinue, parseContinue } from './continue-token.ts';
import { listOptionsOf, type ListOptions } from './list-options.ts';
import { expired, freshEnough, type Reader } from './reader.ts';
import { selectionOf } from './selection.ts';

/**
 * GET on a collection. The newest state comes from the cache; an older one (`resourceVersionMatch=Exact`, the later pages of
 * a list) from the store, so that all pages show one snapshot. Source: "Retrieving large results sets in chunks".
 */
export async function list(reader: Reader, call: Call): Promise<ListResult> {
  const options = listOptionsOf(call.query, false);
  const selection = selectionOf(call);
  const { after, revision } = await position(reader, call, options);
  requireReadable(reader.caches.of(call.resource));
  const from = revision === undefined || revision === reader.caches.revision
    ? await fromCache(reader, call, selection, after)
    : await fromStore(reader, call, selection, options, after, revision);
  const result = page(call, options, selection, from);
  await reader.caches.ready(call.resource, result.entries);
  return result;
}

interface Position {
  /** Keys up to here were given out already. */
  readonly after: string;
  /** Undefined: what the cache shows. */
  readonly revision: Revision | undefined;
}

async function position(reader: Reader, call: Call, options: ListOptions): Promise<Position> {
  if (options.continue !== undefined) {
    const token = parseContinue(options.continue, prefixOf(reader.caches.of(call.resource), call));
    await freshEnough(reader, token.revision, call.signal);
    return token;
  }
  await freshEnough(reader, options.revision, call.signal);
  const legacyExact = options.match === undefined && options.limit > 0 && (options.revision ?? 0) > 0;
  return { after: '', revision: options.match === 'Exact' || legacyExact ? options.revision : undefined };
}

/** What the keys of a call's collection begin with. */
function prefixOf(cache: ResourceCache, call: Call): string {
  const { namespace } = call.info;
  return namespace === '' ? cache.keyOf(undefined, '').replace(/\/+$/, '/') : cache.keyOf(namespace, '');
}

interface Found {
  /** Chosen entries, one more than the limit if there are. */
  readonly entries: readonly Entry[];
  readonly revision: Revision;
  /** How many objects come after `entries`; undefined: unknown. */
  readonly rest: number | undefined;
}

/** Conditions looked at in one turn of the event loop, and what an entry costs beside its own. */
const conditionsATurn = 2_000_000;
const conditionsAnEntry = 100;

async function fromCache(reader: Reader, call: Call, { namespace, matches, looksInside, requirements = 0 }: Selection, after: string): Promise<Found> {
  const { revision } = reader.caches;
  const all: Entry[] = [];
  for (const entry of reader.caches.of(call.resource).list(namespace)) if (entry.key > after) all.push(entry);
  if (matches === undefined) return { entries: all, revision, rest: 0 };
  if (looksInside === true) await reader.caches.ready(call.resource, all);
  const entries: Entry[] = [];
  const slice = Math.max(1, Math.floor(conditionsATurn / (conditionsAnEntry + requirements)));
  for (let start = 0; start < all.length; start += slice) {
    // A selector may have ten thousand conditions, a cluster a hundred thousand objects: others get their turns.
    if (start > 0) {
      await setImmediate();
      call.signal.throwIfAborted();
    }
    for (const entry of all.slice(start, start + slice)) if (matches(entry)) entries.push(entry);
  }
  return { entries, revision, rest: 0 };
}

async function fromStore(
  reader: Reader, call: Call, selection: Selection, options: ListOptions, after: string, revision: Revision,
): Promise<Found> {
  const prefix = prefixOf(reader.caches.of(call.resource), call);
  const wanted = options.limit === 0 ? Infinity : options.limit + 1;
  const entries: Entry[] = [];
  let from = after === '' ? prefix : `${after}\0`;
  for (;;) {
    const { items, count } = await rangeOrExpired(reader, options, after, {
      from, to: `${prefix.slice(0, -1)}0`, revision, ...(wanted === Infinity ? {} : { limit: Math.max(wanted, 500) }),
    });
    const found = items.map(({ key, value, modRevision }) => reader.caches.entry(call.resource, key, value, modRevision));
    if (selection.looksInside === true) await reader.caches.ready(call.resource, found);
    for (const entry of found) if (selection.matches?.(entry) !== false) entries.push(entry);
    const last = items.at(-1);
    if (last === undefined || items.length >= count || entries.length >= wanted) return { entries, revision, rest: count - items.length };
    from = `${last.key}\0`;
  }
}

async function rangeOrExpired(reader: Reader, options: ListOptions, after: string, request: Parameters<Reader['store']['range']>[0]) {
  try {
    return await reader.store.range(request);
  } catch (error) {
    if (error instanceof CompactedError && options.continue !== undefined) throw continueExpired(after, error);
    if (error instanceof CompactedError || error instanceof FutureRevisionError) {
      throw expired(`The resourceVersion for the provided list is too old.`);
    }
    throw error;
  }
}

/** 410 whose `metadata.continue` goes on without the snapshot, as Kubernetes offers. */
function continueExpired(after: string, cause: Error) {
  const error = expired('The provided continue parameter is too old to display a consistent list result. You can start a new list without '
    + 'the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the '
    + 'provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk '
    + 'was returned and now may show up in the list.');
  Object.assign(error.status.metadata, { continue: formatContinue({ revision: undefined, after }) });
  error.cause = cause;
  return error;
}

function page(call: Call, options: ListOptions, selection: Selection, { entries, revision, rest }: Found): ListResult {
  const { resource } = call;
  const last = options.limit > 0 && entries.length > options.limit ? entries[options.limit - 1] : undefined;
  if (last === undefined) return { type: 'list', resource, entries, revision };
  const remaining = rest === undefined || selection.matches !== undefined ? {} : { remainingItemCount: entries.length - options.limit + rest };
  return { type: 'list', resource, entries: entries.slice(0, options.limit), revision, continue: formatContinue({ revision, after: last.key }), ...remaining };
}
