/** The watchers of one resource, found by what they select. */
import type { Change, ChangeSink, Entry, Selection, Watch } from './cache.ts';
import { asError } from './errors.ts';
import type { Delivery, Recipient } from './delivery.ts';
import type { Revision } from './store.ts';
import type { Transition } from './transition.ts';

export interface Watchers {
  /** `missed`: what happened after `from` until now. */
  add(from: Revision, selection: Selection, sink: ChangeSink, missed: readonly Transition[]): Watch;
  publish(transition: Transition): void;
  /** To all that want one. */
  bookmark(): void;
  end(error: Error | undefined): void;
}

type Pending = Transition | Extract<Change, { type: 'BOOKMARK' }>;

interface Watcher extends Recipient {
  readonly selection: Selection;
  push(pending: Pending): void;
  close(): void;
  bookmark(initialEventsEnd?: true): void;
  end(error: Error | undefined): void;
}

/** Fields by which watchers are indexed, the most selective first. Others are found by namespace, or asked about every change. */
const indexed = ['metadata.name', 'spec.nodeName'] as const;

type Buckets = ReadonlyMap<string, Map<string, Set<Watcher>>>;

export function createWatchers(delivery: Delivery, revision: () => Revision): Watchers {
  const everywhere = new Set<Watcher>();
  const byNamespace = new Map<string, Set<Watcher>>();
  const byField: Buckets = new Map(indexed.map((field) => [field, new Map<string, Set<Watcher>>()]));
  const all = new Set<Watcher>();

  function bucketOf({ equals, namespace }: Selection): { in: Map<string, Set<Watcher>>; value: string } | undefined {
    for (const [field, values] of byField) {
      const value = equals?.[field];
      if (value !== undefined) return { in: values, value };
    }
    return namespace === undefined ? undefined : { in: byNamespace, value: namespace };
  }

  function insert(watcher: Watcher): void {
    all.add(watcher);
    const bucket = bucketOf(watcher.selection);
    if (bucket === undefined) return void everywhere.add(watcher);
    const found = bucket.in.get(bucket.value);
    if (found === undefined) bucket.in.set(bucket.value, new Set([watcher]));
    else found.add(watcher);
  }

  function remove(watcher: Watcher): void {
    all.delete(watcher);
    everywhere.delete(watcher);
    const bucket = bucketOf(watcher.selection);
    const found = bucket?.in.get(bucket.value);
    if (found?.delete(watcher) === true && found.size === 0) bucket?.in.delete(bucket.value);
  }

  return {
    add(from, selection, sink, missed) {
      const watcher = createWatcher(from, selection, sink, { delivery, revision, remove });
      insert(watcher);
      for (const transition of missed) watcher.push(transition);
      return { close: () => watcher.close(), bookmark: (initialEventsEnd) => watcher.bookmark(initialEventsEnd) };
    },
    publish(transition) {
      const { before, after } = transition;
      for (const watcher of everywhere) watcher.push(transition);
      tell(byNamespace.get((after ?? before)?.namespace ?? ''), transition);
      for (const [field, values] of byField) {
        if (values.size === 0) continue;
        const was = before?.field(field);
        const is = after?.field(field);
        if (was !== undefined) tell(values.get(was), transition);
        if (is !== undefined && is !== was) tell(values.get(is), transition);
      }
    },
    bookmark() {
      for (const watcher of all) if (watcher.selection.bookmarks === true) watcher.bookmark();
    },
    end(error) {
      for (const watcher of all) watcher.end(error);
    },
  };
}

function tell(watchers: ReadonlySet<Watcher> | undefined, transition: Transition): void {
  if (watchers !== undefined) for (const watcher of watchers) watcher.push(transition);
}

interface Around {
  readonly delivery: Delivery;
  readonly revision: () => Revision;
  readonly remove: (watcher: Watcher) => void;
}

function createWatcher(from: Revision, selection: Selection, sink: ChangeSink, { delivery, revision, remove }: Around): Watcher {
  const selects = predicate(selection);
  let pending: Pending[] = [];
  let isOpen = true;
  /** What is being made ready, in order. */
  let turn: Promise<void> = Promise.resolve();

  function close(): void {
    isOpen = false;
    pending = [];
    remove(watcher);
  }

  function end(error: Error | undefined): void {
    if (!isOpen) return;
    close();
    sink.end(error);
  }

  function push(next: Pending): void {
    if (!isOpen || next.revision < from || (next.revision === from && !('type' in next))) return;
    // Who has something already is marked.
    if (pending.push(next) === 1) delivery.mark(watcher);
  }

  function hand(due: readonly Pending[]): void {
    if (!isOpen) return;
    try {
      const batch: Change[] = [];
      for (const each of due) {
        const change = changeOf(each, selects);
        if (change !== undefined) batch.push(change);
      }
      if (batch.length > 0) sink.changes(batch);
    } catch (error) {
      end(asError(error));
    }
  }

  const watcher: Watcher = {
    selection, push, end, close,
    get hasMore() {
      return pending.length > 0;
    },
    bookmark(initialEventsEnd?: true) {
      push({ type: 'BOOKMARK', revision: Math.max(from, revision()), ...(initialEventsEnd === undefined ? {} : { initialEventsEnd }) });
    },
    deliver(budget: number): number {
      const due = pending.length <= budget ? pending : pending.slice(0, budget);
      pending = pending.length <= budget ? [] : pending.slice(budget);
      if (selection.ready === undefined) hand(due);
      else turn = turn.then(() => selection.ready?.(due.flatMap(entriesOf))).then(() => { hand(due); }, (error: unknown) => { end(asError(error)); });
      return due.length;
    },
  };
  return watcher;
}

function entriesOf(pending: Pending): Entry[] {
  return 'type' in pending ? [] : [pending.before, pending.after].filter((entry) => entry !== undefined);
}

function changeOf(pending: Pending, selects: (entry: Entry | undefined) => boolean): Change | undefined {
  return 'type' in pending ? pending : pending.change(selects(pending.before), selects(pending.after));
}

function predicate({ namespace, equals, matches }: Selection): (entry: Entry | undefined) => boolean {
  const required = matches === undefined && equals !== undefined ? Object.entries(equals) : [];
  if (namespace === undefined && matches === undefined && required.length === 0) return (entry) => entry !== undefined;
  return (entry) => entry !== undefined
    && (namespace === undefined || entry.namespace === namespace)
    && (matches === undefined || matches(entry))
    && required.every(([field, value]) => entry.field(field) === value);
}
