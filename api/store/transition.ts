import type { Change } from './cache.ts';
import { createEntry, type CacheEntry, type EntryShape } from './entry.ts';
import type { Revision } from './store.ts';

/** One object's step: what it was and what it is. Watchers turn it into a change of theirs, and share the changes. */
export interface Transition {
  readonly revision: Revision;
  readonly before: CacheEntry | undefined;
  readonly after: CacheEntry | undefined;
  /** What the ring counts for it. */
  readonly bytes: number;
  /** The change of a watcher that selected `before`, `after` or both; undefined for neither. One object per kind of change. */
  change(selectedBefore: boolean, selectsAfter: boolean): Change | undefined;
}

export function createTransition(shape: EntryShape, revision: Revision, before: CacheEntry | undefined, after: CacheEntry | undefined): Transition {
  let added: Change | undefined;
  let modified: Change | undefined;
  let deleted: Change | undefined;
  return {
    revision, before, after,
    bytes: after?.stored.length ?? before?.stored.length ?? 0,
    change(selectedBefore, selectsAfter) {
      if (after !== undefined && selectsAfter) {
        return selectedBefore ? (modified ??= { type: 'MODIFIED', entry: after }) : (added ??= { type: 'ADDED', entry: after });
      }
      if (before === undefined || !selectedBefore) return undefined;
      return (deleted ??= { type: 'DELETED', entry: createEntry(shape, before.key, before.stored, revision) });
    },
  };
}
