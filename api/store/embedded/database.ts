import { closeSync, fsyncSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { StoreRefusedError } from '../errors.ts';

/** The newest layout this program reads and writes. A change of the layout raises it and adds a step to `migrate`. */
const format = 1;

/** Pages of 4 KiB in the write-ahead log before they are copied back: 16 MiB, so that bursts are not interrupted. */
const checkpointPages = 4000;
const pageBytes = 4096;

const layout = `
  CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
  CREATE TABLE revisions (
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL,
    created INTEGER NOT NULL,
    lease INTEGER NOT NULL,
    value BLOB
  );
  CREATE INDEX revisions_by_key ON revisions (key, id);
  CREATE TABLE leases (id INTEGER PRIMARY KEY, deadline INTEGER NOT NULL);
  INSERT INTO meta VALUES ('format', ${format}), ('revision', 1), ('compacted', 0), ('swept', 0);
`;

/**
 * Takes the directory for this process until the returned connection is closed or the process dies. The lock is SQLite's own,
 * on a file beside the database, because an exclusively locked database would shut out our own reader.
 */
export function lockDirectory(path: string): DatabaseSync {
  mkdirSync(path, { recursive: true, mode: 0o700 });
  const lock = new DatabaseSync(join(path, 'lock'), { timeout: 0 });
  try {
    lock.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    lock.close();
    if (primaryCode(error) === 5) throw new StoreRefusedError(`the store at ${path} is in use by another process`);
    throw error;
  }
  return lock;
}

/** Opens for writing, brings the layout up to date. Throws `StoreRefusedError` for a newer one. */
export function openForWriting(path: string, maxBytes: number): DatabaseSync {
  const database = new DatabaseSync(join(path, 'store.db'), { timeout: 5000 });
  try {
    database.exec(`PRAGMA page_size = ${pageBytes}; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;`);
    database.exec(`PRAGMA wal_autocheckpoint = ${checkpointPages}; PRAGMA max_page_count = ${Math.ceil(maxBytes / pageBytes)};`);
    migrate(database, path);
    fsyncDirectory(path);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

export function openForReading(path: string): DatabaseSync {
  return new DatabaseSync(join(path, 'store.db'), { readOnly: true, timeout: 5000 });
}

function migrate(database: DatabaseSync, path: string): void {
  const isNew = database.prepare(`SELECT count(*) AS n FROM sqlite_schema WHERE name = 'meta'`).get()?.['n'] === 0;
  if (isNew) return inTransaction(database, () => database.exec(layout));
  const found = readMeta(database, 'format');
  if (found > format) {
    throw new StoreRefusedError(`the store at ${path} has format ${found}, written by a newer version; this one reads up to format ${format}`);
  }
}

/** New files survive a power cut only once their directory is synced. */
function fsyncDirectory(path: string): void {
  const directory = openSync(path, 'r');
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}

export type Meta = 'format' | 'revision' | 'compacted' | 'swept';

export function readMeta(database: DatabaseSync, name: Meta): number {
  return integer(database.prepare('SELECT value FROM meta WHERE name = ?').get(name)?.['value'], `meta.${name}`);
}

/** A column that must hold an integer; throws when the file is damaged. */
export function integer(value: unknown, what: string): number {
  if (typeof value !== 'number') throw new Error(`the store is damaged: ${what} is ${String(value)}`);
  return value;
}

/** All of `run` or nothing. */
export function inTransaction(database: DatabaseSync, run: () => void): void {
  database.exec('BEGIN IMMEDIATE');
  try {
    run();
    database.exec('COMMIT');
  } catch (error) {
    if (database.isTransaction) database.exec('ROLLBACK');
    throw error;
  }
}

/** SQLite's primary result code; undefined for other errors. */
function primaryCode(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('errcode' in error) || typeof error.errcode !== 'number') return undefined;
  return error.errcode & 0xff;
}

/** SQLITE_BUSY, NOMEM, READONLY, IOERR, FULL, CANTOPEN: the machine refuses for now, the database is intact. */
const refusals: readonly (number | undefined)[] = [5, 7, 8, 10, 13, 14];

export function isRefusal(error: unknown): boolean {
  return refusals.includes(primaryCode(error));
}
