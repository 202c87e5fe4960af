/** The embedded store's writing thread: the only one that waits for the disk. It decides nothing. */
import type { DatabaseSync } from 'node:sqlite';
import { parentPort, workerData } from 'node:worker_threads';
import { StoreRefusedError } from '../errors.ts';
import { inTransaction, integer, isRefusal, lockDirectory, openForWriting, readMeta } from './database.ts';
import type { Batch, Opened, StoredLease, WriterOptions, WriterReply, WriterRequest } from './protocol.ts';
import { movable, packRows, revisionOf, unpackRows } from './rows.ts';
import { createReserve, type Reserve } from './reserve.ts';
import { readRow } from './row-reader.ts';
import { sweep } from './sweep.ts';
import type { Row } from './rows.ts';
import { messageOf } from '../../../machinery/thrown.ts';

const options = workerData as WriterOptions;
const port = parentPort;
if (port === null) throw new Error('the writer runs in a worker thread');

/** How much of the initial state goes in one message. */
const pageBytes = 1024 * 1024;

const firstRefillMs = 1000;
const refillMs = 60_000;

type Outcome = Extract<WriterReply, { readonly type: 'durable' | 'failed' }>;

interface Writer {
  readonly database: DatabaseSync;
  readonly lock: DatabaseSync;
  readonly insert: (batch: Batch) => void;
  readonly reserve: Reserve;
}

let writer: Writer | undefined;

port.on('message', (request: WriterRequest) => {
  const reply = answer(request);
  port.postMessage(reply, reply.type === 'page' ? movable(reply.rows) : []);
  if (request.type === 'close') port.close();
});

function answer(request: WriterRequest): WriterReply {
  if (request.type === 'open') return open();
  if (writer === undefined) throw new Error('the writer is not open');
  const { database, lock, insert, reserve } = writer;
  switch (request.type) {
    case 'load': return { type: 'page', rows: packRows(livePage(database, request.after)) };
    case 'commit': return commit(() => insert(request.batch), reserve);
    case 'compact': return attempt(() => compact(database, request.revision));
    case 'sweep': return sweepOnce(database);
    case 'close':
      database.close();
      lock.close();
      return { type: 'durable' };
  }
}

function open(): WriterReply {
  let lock: DatabaseSync | undefined;
  try {
    lock = lockDirectory(options.path);
    const database = openForWriting(options.path, options.maxBytes);
    writer = { database, lock, insert: prepareInsert(database), reserve: createReserve(options.path) };
    refillLater(writer.reserve, firstRefillMs);
    return describe(database);
  } catch (error) {
    lock?.close();
    if (error instanceof StoreRefusedError) return { type: 'refused', message: error.message };
    return { type: 'refused', message: `the store at ${options.path} can't be opened: ${messageOf(error)}` };
  }
}

/** After the first requests, and from time to time: the disk may have room again. */
function refillLater(reserve: Reserve, ms: number): void {
  setTimeout(() => {
    reserve.refill();
    refillLater(reserve, refillMs);
  }, ms).unref();
}

/** What finds the disk full has the reserve's room, once. */
function commit(write: () => void, reserve: Reserve): Outcome {
  const reply = attempt(write);
  return reply.type === 'failed' && reserve.release() ? { ...attempt(write), releasedReserve: true } : reply;
}

function newestRow(database: DatabaseSync): number {
  return integer(database.prepare('SELECT coalesce(max(id), 0) AS id FROM revisions').get()?.['id'], 'revisions.id');
}

function describe(database: DatabaseSync): Opened {
  const leases: StoredLease[] = database.prepare('SELECT id, deadline FROM leases').all()
    .map((row) => ({ id: integer(row['id'], 'leases.id'), deadline: integer(row['deadline'], 'leases.deadline') }));
  // A compaction once wrote a fraction, when the newest revision was of several rows.
  const revision = Math.max(Math.floor(readMeta(database, 'revision')), revisionOf(newestRow(database)));
  return { type: 'opened', revision, compacted: readMeta(database, 'compacted'), leases };
}

function prepareInsert(database: DatabaseSync): (batch: Batch) => void {
  const row = database.prepare('INSERT INTO revisions (id, key, created, lease, value) VALUES (?, ?, ?, ?, ?)');
  const grant = database.prepare('INSERT INTO leases (id, deadline) VALUES (?, ?)');
  const revoke = database.prepare('DELETE FROM leases WHERE id = ?');
  return (batch) => inTransaction(database, () => {
    for (const { id, key, created, lease, value } of unpackRows(batch.rows)) row.run(id, key, created, lease, created === 0 ? null : value);
    for (const lease of batch.granted) grant.run(lease.id, lease.deadline);
    for (const lease of batch.revoked) revoke.run(lease);
  });
}

/** SQLite gives the bare columns of the row that has the maximum. */
function livePage(database: DatabaseSync, after: string): Row[] {
  const statement = database.prepare(
    'SELECT key, max(id) AS id, created, lease, value FROM revisions WHERE key > ? GROUP BY key HAVING created > 0 ORDER BY key',
  );
  const rows: Row[] = [];
  let bytes = 0;
  for (const found of statement.iterate(after)) {
    const row = readRow(found);
    rows.push(row);
    bytes += row.value.length + row.key.length;
    if (bytes >= pageBytes) break;
  }
  return rows;
}

/** Readers refuse what is older from here on; the rows go in slices. The revision is kept apart, for its row may go. */
function compact(database: DatabaseSync, revision: number): void {
  inTransaction(database, () => {
    database.prepare(`UPDATE meta SET value = ? WHERE name = 'compacted'`).run(revision);
    database.prepare(`UPDATE meta SET value = max(value, ?) WHERE name = 'revision'`).run(revisionOf(newestRow(database)));
  });
}

function sweepOnce(database: DatabaseSync): WriterReply {
  let done = false;
  const outcome = attempt(() => { done = sweep(database); });
  return outcome.type === 'failed' ? outcome : { type: 'swept', done };
}

/** A refusal of the disk is an answer; anything else ends the thread, and with it the store. */
function attempt(run: () => void): Outcome {
  try {
    run();
    return { type: 'durable' };
  } catch (error) {
    if (isRefusal(error)) return { type: 'failed', message: messageOf(error) };
    throw error;
  }
}
