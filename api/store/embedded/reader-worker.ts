/** The embedded store's reading thread: ranges and watches below the newest revision. Started when first needed. */
import type { DatabaseSync } from 'node:sqlite';
import { parentPort, workerData } from 'node:worker_threads';
import { integer, openForReading, readMeta } from './database.ts';
import type { ReaderOptions, ReaderReply, ReaderRequest } from './protocol.ts';
import { readRow } from './row-reader.ts';
import { firstRowOf, movable, packRows, revisionOf, type Row } from './rows.ts';

const options = workerData as ReaderOptions;
const port = parentPort;
if (port === null) throw new Error('the reader runs in a worker thread');

/** Where a page of history ends, at the next whole revision. */
const pageRows = 1000;
const pageBytes = 4 * 1024 * 1024;

const database = openForReading(options.path);

port.on('message', (request: ReaderRequest | { readonly type: 'close' }) => {
  if (request.type === 'close') {
    database.close();
    port.close();
    return;
  }
  const reply = answer(request);
  port.postMessage(reply, reply.type === 'compacted' ? [] : movable(reply.rows));
});

/** In one read transaction, so that a compaction can't take away rows between the check and the read. */
function answer(request: ReaderRequest): ReaderReply {
  database.exec('BEGIN');
  try {
    const compacted = readMeta(database, 'compacted');
    const asked = request.type === 'range' ? request.revision : revisionOf(request.first);
    if (asked < compacted) return { type: 'compacted', revision: compacted };
    return request.type === 'range' ? range(database, request) : history(database, request);
  } finally {
    database.exec('COMMIT');
  }
}

/** SQLite gives the bare columns of the row that has the maximum. */
function range(from: DatabaseSync, request: Extract<ReaderRequest, { type: 'range' }>): ReaderReply {
  const end = firstRowOf(request.revision + 1);
  const live = 'FROM revisions WHERE key >= ? AND key < ? AND id < ? GROUP BY key HAVING created > 0';
  const rows = request.countOnly ? [] : from
    .prepare(`SELECT key, max(id) AS id, created, lease, value ${live} ORDER BY key LIMIT ?`)
    .all(request.from, request.to, end, request.limit === 0 ? -1 : request.limit)
    .map(readRow);
  const isWhole = !request.countOnly && (request.limit === 0 || rows.length < request.limit);
  return { type: 'range', rows: packRows(rows), count: isWhole ? rows.length : count(from, live, [request.from, request.to, end]) };
}

function count(from: DatabaseSync, live: string, bounds: readonly (string | number)[]): number {
  return integer(from.prepare(`SELECT count(*) AS n FROM (SELECT max(id), created ${live})`).get(...bounds)?.['n'], 'count');
}

function history(from: DatabaseSync, request: Extract<ReaderRequest, { type: 'history' }>): ReaderReply {
  const rows: Row[] = [];
  let bytes = 0;
  let last = 0;
  const found = from.prepare('SELECT id, key, created, lease, value FROM revisions WHERE id >= ? AND id < ? AND key >= ? AND key < ? ORDER BY id');
  for (const each of found.iterate(request.first, request.end, request.from, request.to)) {
    const row = readRow(each);
    const revision = revisionOf(row.id);
    if (revision !== last && (rows.length >= pageRows || bytes >= pageBytes)) return { type: 'history', rows: packRows(rows), next: firstRowOf(revision) };
    last = revision;
    rows.push(row);
    bytes += row.value.length;
  }
  return { type: 'history', rows: packRows(rows), next: request.end };
}
