/** What every store must do. Run against each back end: they must be interchangeable. */
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CompactedError, FutureRevisionError, type KeyValue, type Store, type StoreEvent, type Transaction, type WatchSink, type Write } from '../../api/store/store.ts';
import { checkHistory, transactionsOf, turns, type Issued } from './store-history.ts';

export interface StoreUnderTest {
  readonly store: Store;
  /** Resolves when leases of `seconds` granted before have expired and their keys are gone. */
  elapse(seconds: number): Promise<void>;
  /** Closes the store and removes what it left. */
  dispose(): Promise<void>;
}

export interface Recorded extends WatchSink {
  readonly seen: string[];
  readonly ends: Error[];
  readonly progressed: number[];
}

export function record(): Recorded {
  const seen: string[] = [];
  const ends: Error[] = [];
  const progressed: number[] = [];
  return {
    seen, ends, progressed,
    events: (revision, events) => void seen.push(`${revision}: ${events.map(eventText).join(', ')}`),
    progress: (revision) => void progressed.push(revision),
    end: (error) => void ends.push(error),
  };
}

function eventText(event: StoreEvent): string {
  return event.type === 'put' ? `${event.kv.key}=${event.kv.value.toString()}` : `${event.key} deleted`;
}

export function put(key: string, value = 'v', lease?: string): Write {
  return { type: 'put', key, value: Buffer.from(value), ...(lease === undefined ? {} : { lease }) };
}

export function write(...writes: Write[]): Transaction {
  return { compares: [], writes };
}

const all = { from: '/t/', to: '/t0' };

function texts(items: readonly (KeyValue | undefined)[]): (string | undefined)[] {
  return items.map((kv) => (kv === undefined ? undefined : `${kv.key}=${kv.value.toString()}@${kv.createRevision}/${kv.modRevision}`));
}

/** Waits for what a watch is given soon, or fails the test by its deadline. */
export async function eventually(holds: () => boolean, withinMs = 10_000): Promise<void> {
  const deadline = Date.now() + withinMs;
  while (!holds()) {
    if (Date.now() > deadline) throw new Error('it never came to hold');
    await new Promise((resolve) => void setImmediate(resolve));
  }
}

export function storeContract(name: string, open: () => Promise<StoreUnderTest>): void {
  describe(name, () => {
    let under: StoreUnderTest;
    let store: Store;

    beforeEach(async () => {
      under = await open();
      store = under.store;
    });
    afterEach(() => under.dispose());

    describe('a transaction', () => {
      it('raises the revision by one, for all its writes together', async () => {
        expect((await store.range(all)).revision).toBe(1);
        expect(await store.commit(write(put('/t/a'), put('/t/b')))).toEqual({ committed: true, revision: 2 });
        expect(await store.commit(write(put('/t/a', 'w')))).toEqual({ committed: true, revision: 3 });
        expect(texts((await store.range(all)).items)).toEqual(['/t/a=w@2/3', '/t/b=v@2/2']);
      });

      it('writes when its compares hold, and nothing when one does not', async () => {
        await store.commit({ compares: [{ key: '/t/a', revision: 0 }], writes: [put('/t/a')] });
        const result = await store.commit({ compares: [{ key: '/t/b', revision: 0 }, { key: '/t/a', revision: 0 }], writes: [put('/t/a', 'w'), put('/t/b')] });
        expect(result).toMatchObject({ committed: false, revision: 2 });
        expect(result.committed ? [] : texts(result.current)).toEqual([undefined, '/t/a=v@2/2']);
        expect((await store.commit({ compares: [{ key: '/t/a', revision: 2 }], writes: [put('/t/a', 'w')] })).committed).toBe(true);
        expect(texts((await store.range(all)).items)).toEqual(['/t/a=w@2/3']);
      });

      it('of many that create one key at once, lets exactly one win', async () => {
        const results = await Promise.all(Array.from({ length: 20 }, (_, i) => store.commit({ compares: [{ key: '/t/a', revision: 0 }], writes: [put('/t/a', `${i}`)] })));
        expect(results.filter((result) => result.committed)).toHaveLength(1);
        expect((await store.range(all)).revision).toBe(2);
      });

      it('that changes nothing leaves the revision', async () => {
        expect(await store.commit(write({ type: 'delete', key: '/t/a' }))).toEqual({ committed: true, revision: 1 });
        expect(await store.commit({ compares: [{ key: '/t/a', revision: 0 }], writes: [] })).toEqual({ committed: true, revision: 1 });
      });

      it('begins a new life for a key that was deleted', async () => {
        await store.commit(write(put('/t/a')));
        await store.commit(write({ type: 'delete', key: '/t/a' }));
        await store.commit({ compares: [{ key: '/t/a', revision: 0 }], writes: [put('/t/a')] });
        expect(texts((await store.range(all)).items)).toEqual(['/t/a=v@4/4']);
      });

      it('is refused beyond 128 operations and 1.5 MiB', async () => {
        const many = Array.from({ length: 129 }, (_, i) => put(`/t/${i}`));
        await expect(store.commit(write(...many))).rejects.toThrow('129 operations, at most 128 are allowed');
        await expect(store.commit(write(put('/t/a', 'x'.repeat(1_600_000))))).rejects.toThrow('at most 1572864 are allowed');
        expect((await store.commit(write(...many.slice(1)))).committed).toBe(true);
        expect((await store.range(all)).count).toBe(128);
      });
    });

    describe('a range', () => {
      it('is in key order, counts what its limit leaves out, and excludes its end', async () => {
        await store.commit(write(put('/t/b'), put('/t/a'), put('/t/c'), put('/t0')));
        const { items, count } = await store.range({ ...all, limit: 2 });
        expect([items.map((kv) => kv.key), count]).toEqual([['/t/a', '/t/b'], 3]);
        expect(await store.range({ ...all, countOnly: true })).toEqual({ revision: 2, items: [], count: 3 });
        expect((await store.range({ from: '/t/a\0', to: '/t/c' })).items.map((kv) => kv.key)).toEqual(['/t/b']);
      });

      it('at an old revision is as it was, and says the newest revision', async () => {
        await store.commit(write(put('/t/a'), put('/t/b')));
        await store.commit(write(put('/t/a', 'w'), { type: 'delete', key: '/t/b' }));
        await store.commit(write(put('/t/c')));
        const old = await store.range({ ...all, revision: 2 });
        expect([texts(old.items), old.revision, old.count]).toEqual([['/t/a=v@2/2', '/t/b=v@2/2'], 4, 2]);
        expect(texts((await store.range({ ...all, revision: 3 })).items)).toEqual(['/t/a=w@2/3']);
        expect(await store.range({ ...all, revision: 2, limit: 1 })).toMatchObject({ count: 2, items: [{ key: '/t/a' }] });
        expect(await store.range({ ...all, revision: 2, countOnly: true })).toMatchObject({ count: 2, items: [] });
      });

      it('of the future is refused', async () => {
        await expect(store.range({ ...all, revision: 2 })).rejects.toBeInstanceOf(FutureRevisionError);
      });
    });

    describe('a watch', () => {
      it('sees what happens under its prefix from its revision on, all of a revision at once', async () => {
        await store.commit(write(put('/t/a')));
        const sink = record();
        store.watch('/t/', 3, sink);
        await store.commit(write(put('/t/b'), put('/u/x'), { type: 'delete', key: '/t/a' }));
        await store.commit(write(put('/u/y')));
        await store.commit(write(put('/t/b', 'w')));
        await eventually(() => sink.progressed.at(-1) === 5 || sink.seen.length === 2);
        expect(sink.seen).toEqual(['3: /t/b=v, /t/a deleted', '5: /t/b=w']);
      });

      it('from the past is given the history, then what comes', async () => {
        for (let i = 0; i < 30; i++) await store.commit(write(put('/t/a', `${i}`)));
        const sink = record();
        store.watch('/t/', 20, sink);
        await store.commit(write(put('/t/a', 'new')));
        await eventually(() => sink.seen.length >= 13);
        expect(sink.seen).toEqual([...Array.from({ length: 12 }, (_, i) => `${i + 20}: /t/a=${i + 18}`), '32: /t/a=new']);
      });

      it('of this process is given a change before the commit resolves', async () => {
        const sink = record();
        store.watch('/t/', 2, sink);
        await store.commit(write(put('/t/a')));
        expect(sink.seen).toEqual(['2: /t/a=v']);
      });

      it('learns of progress outside its prefix', async () => {
        const sink = record();
        store.watch('/t/', 2, sink);
        await store.commit(write(put('/u/a')));
        await eventually(() => sink.progressed.includes(2));
        expect(sink.seen).toEqual([]);
      });

      it('is told nothing once closed', async () => {
        const sink = record();
        const watch = store.watch('/t/', 1, sink);
        watch.close();
        await store.commit(write(put('/t/a')));
        expect([sink.seen, sink.ends]).toEqual([[], []]);
      });
    });

    describe('a compaction', () => {
      it('ends the past below it, and keeps what is at it', async () => {
        await store.commit(write(put('/t/a', '1'), put('/t/b')));
        await store.commit(write(put('/t/a', '2')));
        await store.commit(write({ type: 'delete', key: '/t/b' }));
        await store.commit(write(put('/t/a', '3')));
        await store.compact(4);
        await expect(store.range({ ...all, revision: 3 })).rejects.toBeInstanceOf(CompactedError);
        expect(texts((await store.range({ ...all, revision: 4 })).items)).toEqual(['/t/a=2@2/3']);
        expect(texts((await store.range(all)).items)).toEqual(['/t/a=3@2/5']);
        const late = record();
        const timely = record();
        store.watch('/t/', 3, late);
        store.watch('/t/', 4, timely);
        await eventually(() => late.ends.length === 1 && timely.seen.length === 2);
        expect(late.ends[0]).toBeInstanceOf(CompactedError);
        expect(timely.seen).toEqual(['4: /t/b deleted', '5: /t/a=3']);
      });

      it('of the future is refused', async () => {
        await expect(store.compact(2)).rejects.toBeInstanceOf(FutureRevisionError);
      });
    });

    describe('a lease', () => {
      it('takes its keys with it by ordinary deletes, and not those that were put again without it', async () => {
        const lease = await store.grantLease(2);
        await store.commit(write(put('/t/a', 'v', lease), put('/t/b', 'v', lease)));
        await store.commit(write(put('/t/b', 'w')));
        const sink = record();
        store.watch('/t/', 4, sink);
        await under.elapse(2);
        await eventually(() => sink.seen.length === 1);
        expect(sink.seen).toEqual(['4: /t/a deleted']);
        expect(texts((await store.range(all)).items)).toEqual(['/t/b=w@2/3']);
        await expect(store.commit(write(put('/t/c', 'v', lease)))).rejects.toThrow('does not exist');
      });
    });

    it('closed, refuses everything and ends its watches', async () => {
      const sink = record();
      store.watch('/t/', 1, sink);
      const last = store.commit(write(put('/t/a')));
      await store.close();
      expect(await last).toMatchObject({ committed: true });
      expect(sink.ends).toHaveLength(1);
      await expect(store.commit(write(put('/t/b')))).rejects.toThrow('closed');
      await expect(store.range(all)).rejects.toThrow('closed');
    });

    it('keeps one history under concurrent writers: results, ranges and watches agree with it', async () => {
      let run = 0;
      await fc.assert(fc.asyncProperty(turns, async (plan) => {
        const prefix = `/t/${run++}/`;
        const base = (await store.range(all)).revision;
        const early = record();
        const watch = store.watch(prefix, base + 1, early);
        const issued: Issued[] = [];
        const revisions = new Map<string, number>();
        for (const [turn, operations] of plan.entries()) {
          const sent = operations.map((operation) => transactionsOf(prefix, operation, revisions));
          const results = await Promise.all(sent.map((transaction) => store.commit(transaction)));
          results.forEach((result, i) => issued.push({ turn, transaction: sent[i] ?? write(), result }));
          for (const { key, modRevision } of (await store.range({ from: prefix, to: `${prefix}~` })).items) revisions.set(key, modRevision);
        }
        const late = record();
        const lateWatch = store.watch(prefix, base + 1, late);
        const { revision } = await store.range(all);
        await eventually(() => revision === base || late.progressed.length > 0);
        await checkHistory({ store, prefix, base, issued, watched: [early.seen, late.seen] });
        watch.close();
        lateWatch.close();
      }), { numRuns: 60 });
      // etcd looks for what a new watch has missed ten times a second.
    }, 120_000);
  });
}
