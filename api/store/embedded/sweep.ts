import type { DatabaseSync } from 'node:sqlite';
import { inTransaction, integer, readMeta } from './database.ts';
import { firstRowOf } from './rows.ts';

/** Rows looked at in one slice: the writer is away from commits for about a millisecond. */
const sliceRows = 500;

/**
 * Deletes, of the history below the compacted revision, one slice of what no reader may ask for any more: versions that a
 * later one below that revision replaced, and deletions. What happened at the compacted revision itself stays, for a watch
 * may start there; what it replaced goes with the next sweep. Returns whether all is swept. A crash between slices loses nothing: the next sweep goes on.
 */
export function sweep(database: DatabaseSync): boolean {
  const start = readMeta(database, 'swept');
  const compacted = readMeta(database, 'compacted');
  const end = firstRowOf(compacted);
  if (start >= end) return true;
  const cut = database.prepare('SELECT id FROM revisions WHERE id >= ? AND id < ? ORDER BY id LIMIT 1 OFFSET ?').get(start, end, sliceRows);
  const next = cut === undefined ? end : integer(cut['id'], 'revisions.id');
  inTransaction(database, () => {
    database.prepare(`
      DELETE FROM revisions WHERE id IN (
        SELECT older.id
        FROM (SELECT key, max(id) AS newest FROM revisions WHERE id >= ? AND id < ? GROUP BY key) AS slice
        CROSS JOIN revisions AS older ON older.key = slice.key AND older.id < slice.newest
      )`).run(start, next);
    database.prepare('DELETE FROM revisions WHERE id >= ? AND id < ? AND created = 0').run(start, next);
    database.prepare(`UPDATE meta SET value = ? WHERE name = 'swept'`).run(next);
  });
  return next >= end;
}
