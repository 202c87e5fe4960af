/**
 * The objects of one stored resource as another of its versions has them. Positions, keys and order are those of the stored
 * ones; each entry is converted when somebody first looks inside, and then kept as long as the stored one is.
 */
import type { Change, ChangeSink, Entry, ResourceCache, ResourceView, Selection, Watch } from './cache.ts';
import { createConverter } from './converter.ts';
import { asError } from './errors.ts';
import { createEntry, type CacheEntry, type EntryShape } from './entry.ts';

export interface VersionView extends ResourceView {
  /** Ends its watches: the version is no longer served. */
  end(): void;
}

/** The sink's calls, each after what makes its batch ready. When that fails the watch ends with the failure. */
function inTurn(sink: ChangeSink, ready: (batch: readonly Change[]) => Promise<void>, close: () => void): Pick<ChangeSink, 'changes' | 'end'> {
  let turn: Promise<void> = Promise.resolve();
  let isOver = false;
  const end = (error: Error | undefined): void => {
    if (isOver) return;
    isOver = true;
    sink.end(error);
  };
  return {
    changes(batch) {
      turn = turn.then(async () => {
        await ready(batch);
        if (!isOver) sink.changes(batch);
      }).catch((error: unknown) => {
        close();
        end(asError(error));
      });
    },
    end: (error) => { turn = turn.then(() => { end(error); }); },
  };
}

export function createVersionView(stored: ResourceView, shape: EntryShape): VersionView {
  const known = new WeakMap<Entry, CacheEntry>();
  const changes = new WeakMap<Change, Change>();
  const open = new Set<{ end(): void }>();
  const remote = shape.resource.storedAs?.remote === undefined ? undefined : createConverter(shape.resource, shape.resource.storedAs.remote);

  function seen(entry: Entry): CacheEntry {
    let view = known.get(entry);
    if (view === undefined) {
      view = createEntry(shape, entry.key, entry.stored, entry.revision);
      known.set(entry, view);
      // Seen again it is itself.
      known.set(view, view);
    }
    return view;
  }

  /** One object per change, as for the stored version: what many are told is framed once. */
  function seenChange(change: Change): Change {
    if (change.type === 'BOOKMARK') return change;
    const view = changes.get(change);
    if (view !== undefined) return view;
    const made = { type: change.type, entry: seen(change.entry) };
    changes.set(change, made);
    return made;
  }

  function selected({ equals, matches, ...rest }: Selection): Selection {
    const name = equals?.['metadata.name'];
    const required = Object.entries(equals ?? {});
    const chosen = matches ?? (required.length === 0 ? undefined : (entry: Entry) => required.every(([field, value]) => entry.field(field) === value));
    return {
      ...rest, ...(name === undefined ? {} : { equals: { 'metadata.name': name } }), ...(chosen === undefined ? {} : { matches: (entry) => chosen(seen(entry)) }),
      ...(remote === undefined || rest.looksInside === undefined ? {} : { ready: (entries) => remote.ready(entries.map(seen)) }),
    };
  }

  function watch(from: number, selection: Selection, sink: ChangeSink): Watch {
    const out = remote === undefined ? sink : inTurn(sink, (batch) => remote.ready(batch.flatMap((change) => (change.type === 'BOOKMARK' ? [] : [seen(change.entry)]))), () => { close(); });
    const inner = stored.cache.watch(from, selected(selection), {
      changes: (batch) => { out.changes(batch.map(seenChange)); },
      end(error) {
        open.delete(watcher);
        out.end(error);
      },
    });
    const close = (): void => {
      open.delete(watcher);
      inner.close();
    };
    const watcher = {
      end() {
        close();
        sink.end(undefined);
      },
    };
    open.add(watcher);
    return { close, bookmark: (initialEventsEnd) => { inner.bookmark(initialEventsEnd); } };
  }

  return {
    cache: {
      resource: shape.resource,
      keyOf: (namespace, name) => stored.cache.keyOf(namespace, name),
      get size() {
        return stored.cache.size;
      },
      get(namespace, name) {
        const entry = stored.cache.get(namespace, name);
        return entry === undefined ? undefined : seen(entry);
      },
      unreadable: (key) => stored.cache.unreadable(key),
      list: (namespace) => Iterator.from(stored.cache.list(namespace)).map(seen),
      watch,
    } satisfies ResourceCache,
    entry: (key, bytes, at) => seen(stored.entry(key, bytes, at)),
    ...(remote === undefined ? {} : { ready: (entries) => remote.ready(entries.map((entry) => seen(entry))) }),
    end() {
      for (const watcher of open) watcher.end();
    },
  };
}
