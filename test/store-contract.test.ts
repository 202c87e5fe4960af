import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openEmbedded, type EmbeddedOptions } from '../api/store/embedded.ts';
import { StoreEndedError, WriteFailedError } from '../api/store/errors.ts';
import { CompactedError, type Store } from '../api/store/store.ts';
import { manualClock, type ManualClock } from '../machinery/clock.ts';
import { eventually, put, record, storeContract, write } from './suites/store-contract.ts';

storeContract('the embedded store', async () => {
  const path = await mkdtemp(join(tmpdir(), 'store-'));
  const clock = manualClock();
  const store = await openEmbedded({ path, clock });
  return {
    store,
    async elapse(seconds) {
      clock.advance(seconds * 1000);
    },
    async dispose() {
      await store.close();
      await rm(path, { recursive: true });
    },
  };
});

describe('the embedded store', () => {
  const all = { from: '/', to: '0' };
  let path: string;
  let clock: ManualClock;
  let stores: Store[];

  beforeEach(async () => {
    path = await mkdtemp(join(tmpdir(), 'store-'));
    clock = manualClock();
    stores = [];
  });
  afterEach(async () => {
    for (const store of stores) await store.close();
    await rm(path, { recursive: true });
  });

  async function open(options: Partial<EmbeddedOptions> = {}): Promise<Store> {
    const store = await openEmbedded({ path, clock, ...options });
    stores.push(store);
    return store;
  }

  it('opened again has everything, and goes on where it was', async () => {
    const first = await open();
    await first.commit(write(put('/a', '1'), put('/b')));
    await first.commit(write(put('/a', '2'), { type: 'delete', key: '/b' }));
    await first.close();
    const second = await open();
    expect((await second.range(all)).items.map((kv) => [kv.key, kv.value.toString(), kv.createRevision, kv.modRevision])).toEqual([['/a', '2', 2, 3]]);
    expect((await second.range({ ...all, revision: 2 })).count).toBe(2);
    expect(await second.commit(write(put('/c')))).toEqual({ committed: true, revision: 4 });
  });

  it('never gives a revision twice, though the last one was compacted away', async () => {
    const first = await open();
    await first.commit(write(put('/a')));
    await first.commit(write({ type: 'delete', key: '/a' }));
    await first.compact(3);
    await first.commit(write(put('/b')));
    await first.commit(write({ type: 'delete', key: '/b' }));
    await first.compact(5);
    await first.close();
    const second = await open();
    expect((await second.range(all)).revision).toBe(5);
    await expect(second.range({ ...all, revision: 4 })).rejects.toBeInstanceOf(CompactedError);
  });

  it('goes on from a whole revision when the last one before a compaction was of several keys', async () => {
    const first = await open();
    await first.commit(write(put('/a'), put('/b'), put('/c')));
    await first.compact(2);
    await first.close();
    const second = await open();
    expect((await second.range(all)).revision).toBe(2);
    expect(await second.commit(write(put('/d')))).toMatchObject({ committed: true, revision: 3 });
  });

  it('mends a revision that was written as a fraction', async () => {
    const first = await open();
    await first.commit(write(put('/a'), put('/b')));
    await first.close();
    const hurt = new DatabaseSync(join(path, 'store.db'));
    hurt.exec(`UPDATE meta SET value = 2.0078125 WHERE name = 'revision'`);
    hurt.close();
    expect((await (await open()).range(all)).revision).toBe(2);
  });

  it('loads more than a page at the start', async () => {
    const first = await open();
    const value = 'x'.repeat(1000);
    for (let i = 0; i < 5; i++) await first.commit(write(...Array.from({ length: 100 }, (_, j) => put(`/k/${i}-${j}`, value))));
    await first.close();
    const { items } = await (await open()).range(all);
    expect(items).toHaveLength(500);
    expect(items.every((kv) => kv.value.toString() === value)).toBe(true);
  });

  it('lets leases expire that ran out while it was closed', async () => {
    const first = await open();
    const lease = await first.grantLease(60);
    await first.commit(write(put('/a', 'v', lease), put('/b')));
    await first.close();
    clock.advance(61_000);
    const second = await open();
    clock.advance(0);
    const sink = record();
    second.watch('/', 1, sink);
    await eventually(() => sink.seen.length === 2);
    expect(sink.seen).toEqual(['2: /a=v, /b=v', '3: /a deleted']);
  });

  it('compacts every period, keeping one to two of them', async () => {
    const store = await open({ compactionPeriodMs: 300_000 });
    await store.commit(write(put('/a', '1')));
    await store.commit(write(put('/a', '2')));
    clock.advance(300_000);
    expect((await store.range({ ...all, revision: 2 })).count).toBe(1);
    await store.commit(write(put('/a', '3')));
    clock.advance(300_000);
    await expect(store.range({ ...all, revision: 2 })).rejects.toBeInstanceOf(CompactedError);
    expect((await store.range({ ...all, revision: 3 })).items[0]?.value.toString()).toBe('2');
  });

  it('gives back the rows that a compaction made unreachable, slice by slice', async () => {
    const store = await open();
    for (let i = 0; i < 20; i++) await store.commit(write(...Array.from({ length: 100 }, (_, j) => put(`/k/${j}`, `${i}`))));
    await store.commit(write(put('/other')));
    await store.compact(22);
    await store.close();
    const database = new DatabaseSync(join(path, 'store.db'), { readOnly: true });
    expect(database.prepare('SELECT count(*) AS n FROM revisions').get()).toEqual({ n: 101 });
    database.close();
  });

  it('closes in the middle of a compaction, and the next one goes on', async () => {
    const store = await open();
    for (let i = 0; i < 20; i++) await store.commit(write(...Array.from({ length: 100 }, (_, j) => put(`/k/${j}`, `${i}`))));
    const compacting = store.compact(21);
    await store.close();
    await compacting;
    const again = await open();
    expect((await again.range(all)).count).toBe(100);
    await again.commit(write(put('/other')));
    await again.compact(22);
    await again.close();
    const database = new DatabaseSync(join(path, 'store.db'), { readOnly: true });
    expect(database.prepare('SELECT count(*) AS n FROM revisions').get()).toEqual({ n: 101 });
    database.close();
  });

  it('is refused to a second opener with one line', async () => {
    await open();
    await expect(open()).rejects.toThrow(`the store at ${path} is in use by another process`);
  });

  it('of a newer format is refused with one line', async () => {
    await (await open()).close();
    const database = new DatabaseSync(join(path, 'store.db'));
    database.exec(`UPDATE meta SET value = 2 WHERE name = 'format'`);
    database.close();
    await expect(open()).rejects.toThrow(`the store at ${path} has format 2, written by a newer version; this one reads up to format 1`);
  });

  it('that is no database is refused with one line', async () => {
    await writeFile(join(path, 'store.db'), 'this is not a database, but it is long enough to be looked at by one');
    await expect(open()).rejects.toThrow(`the store at ${path} can't be opened`);
  });

  it('that is full rejects commits with the cause, keeps what it has, and takes writes again after a compaction', async () => {
    const store = await open({ maxBytes: 1024 * 1024 });
    const sink = record();
    store.watch('/', 2, sink);
    const value = 'x'.repeat(100_000);
    const outcomes: unknown[] = [];
    for (let i = 0; i < 20 && !(outcomes.at(-1) instanceof Error); i++) {
      outcomes.push(await store.commit(write(put('/a', value + i))).catch((error: unknown) => error));
    }
    const acknowledged = outcomes.length - 1;
    expect(outcomes.at(-1)).toBeInstanceOf(WriteFailedError);
    expect(outcomes.at(-1)).toMatchObject({ message: 'the store could not write: database or disk is full' });
    const { revision, items } = await store.range(all);
    expect([revision, items[0]?.modRevision, sink.seen.length]).toEqual([acknowledged + 1, acknowledged + 1, acknowledged]);
    await store.compact(revision);
    expect(await store.commit(write(put('/a', value)))).toEqual({ committed: true, revision: revision + 1 });
    await store.close();
    expect((await (await open()).range(all)).items[0]?.value.toString()).toBe(value);
  });

  it('that fills up under concurrent writers forgets what it rejected, also what was decided on top of it', async () => {
    const store = await open({ maxBytes: 2 * 1024 * 1024 });
    const value = 'x'.repeat(200_000);
    const outcomes = await Promise.all(Array.from({ length: 60 }, async (_, i) => {
      const transaction = { compares: [{ key: `/${i % 30}`, revision: 0 }], writes: [put(`/${i % 30}`, value), put(`/pair/${i % 30}`)] };
      return store.commit(transaction).catch((error: unknown) => error);
    }));
    const failures = outcomes.filter((outcome) => outcome instanceof Error);
    expect(failures.length).toBeGreaterThan(0);
    expect(failures.every((failure) => failure instanceof WriteFailedError)).toBe(true);
    const { items, revision } = await store.range(all);
    expect(await store.commit(write(put('/small')))).toEqual({ committed: true, revision: revision + 1 });
    const written = outcomes.flatMap((outcome) => (typeof outcome === 'object' && outcome !== null && 'committed' in outcome && outcome.committed === true ? 1 : []));
    expect([items.length, revision]).toEqual([written.length * 2, written.length + 1]);
  });

  it('whose worker dies ends: commits are rejected, watches end, the owner is told', async () => {
    let told: Error | undefined;
    const store = await open({ onEnd: (error) => void (told = error) });
    await store.commit(write(put('/a')));
    const sink = record();
    store.watch('/', 3, sink);
    const vandal = new DatabaseSync(join(path, 'store.db'));
    vandal.exec('DROP TABLE revisions');
    vandal.close();
    const results = await Promise.allSettled([store.commit(write(put('/b'))), store.commit(write(put('/c'))), store.grantLease(5)]);
    expect(results.map((result) => result.status)).toEqual(['rejected', 'rejected', 'rejected']);
    await eventually(() => told !== undefined);
    expect(told).toBeInstanceOf(StoreEndedError);
    expect(sink.ends).toEqual([told]);
    await expect(store.commit(write(put('/d')))).rejects.toThrow('no such table: revisions');
    await expect(store.range(all)).rejects.toThrow('the store ended');
  });

  it('killed under load has everything it acknowledged, whole, and goes on', async () => {
    const acknowledged = new Map<number, number>();
    for (let round = 0; round < 3; round++) {
      await writeUntilKilled(path, round * 1_000_000, 1500 + round * 700, acknowledged);
      const store = await openEmbedded({ path });
      try {
        const { items, revision } = await store.range(all);
        const found = new Map(items.map((kv) => [kv.key, kv]));
        for (const [number, at] of acknowledged) expect([number, found.get(`/a/${number}`)?.modRevision]).toEqual([number, at]);
        for (const kv of items) {
          const other = found.get(kv.key.startsWith('/a/') ? kv.key.replace('/a/', '/b/') : kv.key.replace('/b/', '/a/'));
          expect([kv.key, other?.modRevision, other?.value.equals(kv.value)]).toEqual([kv.key, kv.modRevision, true]);
        }
        const next = await store.commit(write(put(`/a/r${round}`), put(`/b/r${round}`)));
        expect(next).toEqual({ committed: true, revision: revision + 1 });
        expect(revision).toBeGreaterThanOrEqual(Math.max(...acknowledged.values()));
      } finally {
        await store.close();
      }
    }
  });
});

/** Adds what the child had acknowledged when it was killed. */
async function writeUntilKilled(path: string, start: number, count: number, acknowledged: Map<number, number>): Promise<void> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'suites', 'store-crash-writer.ts'), path, String(start)], { stdio: ['ignore', 'pipe', 'inherit'] });
  const { promise: gone, resolve } = Promise.withResolvers<NodeJS.Signals | null>();
  child.on('exit', (_code, signal) => resolve(signal));
  let seen = 0;
  for await (const line of createInterface({ input: child.stdout })) {
    const [number, revision] = line.split(' ').map(Number);
    if (number === undefined || revision === undefined) continue;
    acknowledged.set(number, revision);
    if (++seen === count) child.kill('SIGKILL');
  }
  expect(await gone).toBe('SIGKILL');
}
