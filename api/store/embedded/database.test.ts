import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openForWriting } from './database.ts';

it('the writer waits for the disk: a write-ahead log that is synced at every commit', () => {
  const path = mkdtempSync(join(tmpdir(), 'database-'));
  const database = openForWriting(path, 1024 ** 3);
  expect(database.prepare('PRAGMA synchronous').get()).toEqual({ synchronous: 2 });
  expect(database.prepare('PRAGMA journal_mode').get()).toEqual({ journal_mode: 'wal' });
  database.close();
  rmSync(path, { recursive: true });
});
