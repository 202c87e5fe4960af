import { Etcd3 } from 'etcd3';
import { afterEach, describe, expect, it } from 'vitest';
import { openEtcd, type EtcdOptions } from '../api/store/etcd.ts';
import { asError, OutcomeUnknownError, StoreUnavailableError } from '../api/store/errors.ts';
import { createSharedLeases, withSharedLeases } from '../api/store/shared-leases.ts';
import { CompactedError, type Store } from '../api/store/store.ts';
import { manualClock, systemClock } from '../machinery/clock.ts';
import { startEtcd, type EtcdCluster, type EtcdMember } from './suites/etcd.ts';
import { startLink } from './suites/link.ts';
import { eventually, put, record, storeContract, write } from './suites/store-contract.ts';

storeContract('the store on etcd', async () => {
  const etcd = await startEtcd();
  // The contract counts revisions: no tick of a slow machine may come between.
  const store = await openEtcd({ endpoints: etcd.endpoints, compactionPeriodMs: 0, silenceMs: 60_000 });
  return {
    store,
    async elapse(seconds) {
      await new Promise((resolve) => void setTimeout(resolve, seconds * 1000));
    },
    async dispose() {
      await store.close();
      await etcd.dispose();
    },
  };
});

describe('the store on etcd', () => {
  let etcd: EtcdCluster;
  let store: Store;

  async function open(size: number, options: Partial<EtcdOptions> = {}): Promise<void> {
    etcd = await startEtcd(size);
    store = await openEtcd({ endpoints: etcd.endpoints, compactionPeriodMs: 0, ...options });
  }

  afterEach(async () => {
    await store.close();
    await etcd.dispose();
  });

  it('learns by a tick of revisions that its own keys have no part in', async () => {
    await open(1);
    const sink = record();
    store.watch('/t/', 2, sink);
    const other = await openEtcd({ endpoints: etcd.endpoints, root: 'other', compactionPeriodMs: 0, silenceMs: 60_000 });
    await other.commit(write(put('/t/a')));
    await other.close();
    const { revision } = await store.range({ from: '/t/', to: '/t0' });
    expect(revision).toBe(2);
    await eventually(() => (sink.progressed.at(-1) ?? 0) >= revision);
    expect(sink.seen).toEqual([]);
  });

  it('under a root of its own meets no other cluster', async () => {
    await open(1, { root: '/one' });
    const other = await openEtcd({ endpoints: etcd.endpoints, root: '/two', compactionPeriodMs: 0 });
    try {
      await Promise.all([store.commit(write(put('/t/a', 'one'))), other.commit(write(put('/t/a', 'two')))]);
      expect((await store.range({ from: '/t/', to: '/t0' })).items.map(({ key, value }) => [key, value.toString()])).toEqual([['/t/a', 'one']]);
      expect((await other.range({ from: '/t/', to: '/t0' })).items.map(({ key, value }) => [key, value.toString()])).toEqual([['/t/a', 'two']]);
    } finally {
      await other.close();
    }
  });

  it('reads a range of more than 20 MB in one', async () => {
    await open(1);
    const value = 'x'.repeat(1_000_000);
    for (let i = 10; i < 32; i++) await store.commit(write(put(`/t/${i}`, value)));
    const { items } = await store.range({ from: '/t/', to: '/t0' });
    expect(items.map(({ value: { length } }) => length)).toEqual(Array.from({ length: 22 }, () => 1_000_000));
  });

  it('gives a revision of many large values to a watch whole', async () => {
    await open(1);
    const sink = record();
    store.watch('/t/', 2, sink);
    await store.commit(write(...Array.from({ length: 14 }, (_, i) => put(`/t/${i}`, 'x'.repeat(100_000)))));
    for (let i = 0; i < 40; i++) await store.commit(write(put('/t/a', 'y'.repeat(100_000))));
    const late: number[] = [];
    store.watch('/t/', 2, { events: (_, events) => void late.push(events.length), progress: () => undefined, end: () => undefined });
    await eventually(() => late.length === 41);
    expect(late).toEqual([14, ...Array.from({ length: 40 }, () => 1)]);
    expect(sink.seen).toHaveLength(41);
  });

  it('ends a watch whose revision was compacted while etcd could not be reached, and says where history begins', async () => {
    etcd = await startEtcd();
    await using link = await startLink(etcd.endpoints[0] ?? '');
    // No tick may come between: the revisions are counted.
    store = await openEtcd({ endpoints: [link.endpoint], compactionPeriodMs: 0, silenceMs: 60_000 });
    const other = await openEtcd({ endpoints: etcd.endpoints, compactionPeriodMs: 0, silenceMs: 60_000 });
    await store.commit(write(put('/t/a')));
    const sink = record();
    store.watch('/t/', 2, sink);
    await eventually(() => sink.seen.length === 1);
    link.cut();
    for (let i = 0; i < 10; i++) await other.commit(write(put('/t/a', `${i}`)));
    await other.compact(11);
    await other.close();
    link.mend();
    await eventually(() => sink.ends.length === 1);
    expect(sink.ends[0]).toBeInstanceOf(CompactedError);
    expect(sink.ends[0]).toMatchObject({ compacted: 10 });
    expect(sink.seen).toEqual(['2: /t/a=v']);
    const late = record();
    store.watch('/t/', 3, late);
    await eventually(() => late.ends.length === 1);
    expect(late.ends[0]).toMatchObject({ compacted: 10 });
    await expect(store.range({ from: '/t/', to: '/t0', revision: 5 })).rejects.toMatchObject({ compacted: 10 });
    const timely = record();
    store.watch('/t/', 11, timely);
    await store.commit(write(put('/t/a', 'last')));
    await eventually(() => timely.seen.length === 3);
    expect(timely.seen).toEqual(['11: /t/a=8', '12: /t/a=9', '13: /t/a=last']);
  });

  it('ends a watch that somebody compacted to the one deletion it had not seen', async () => {
    etcd = await startEtcd();
    await using link = await startLink(etcd.endpoints[0] ?? '');
    store = await openEtcd({ endpoints: [link.endpoint], compactionPeriodMs: 0, silenceMs: 60_000 });
    const somebody = new Etcd3({ hosts: [...etcd.endpoints] });
    try {
      await store.commit(write(put('/t/a')));
      const sink = record();
      store.watch('/t/', 2, sink);
      await eventually(() => sink.seen.length === 1);
      link.cut();
      await somebody.delete().key('/t/a');
      // etcd forgets the deletion itself, and yet takes its revision for one that it has.
      await somebody.kv.compact({ revision: 3, physical: true });
      link.mend();
      await somebody.put('/t/b').value('v');
      await eventually(() => sink.ends.length === 1);
      expect(sink.ends[0]).toMatchObject({ compacted: 3 });
      expect(sink.seen).toEqual(['2: /t/a=v']);
      const later = record();
      store.watch('/t/', 4, later);
      await eventually(() => later.seen.length === 1);
      expect([later.seen, later.ends]).toEqual([['4: /t/b=v'], []]);
    } finally {
      somebody.close();
    }
  });

  it('goes on with a watch that lost its connection where it was', async () => {
    etcd = await startEtcd();
    await using link = await startLink(etcd.endpoints[0] ?? '');
    store = await openEtcd({ endpoints: [link.endpoint], compactionPeriodMs: 0, silenceMs: 60_000 });
    const other = await openEtcd({ endpoints: etcd.endpoints, compactionPeriodMs: 0, silenceMs: 60_000 });
    const sink = record();
    store.watch('/t/', 2, sink);
    for (let cut = 0; cut < 3; cut++) {
      await other.commit(write(put('/t/a', `${cut}`)));
      link.cut();
      await other.commit(write(put('/t/b', `${cut}`), { type: 'delete', key: '/t/a' }));
      link.mend();
    }
    await other.close();
    await eventually(() => sink.seen.length === 6);
    expect(sink.seen).toEqual([0, 1, 2].flatMap((cut) => [`${2 * cut + 2}: /t/a=${cut}`, `${2 * cut + 3}: /t/b=${cut}, /t/a deleted`]));
  });

  it('says of a write whose answer was lost that it may have happened, and sends it once', async () => {
    etcd = await startEtcd();
    await using link = await startLink(etcd.endpoints[0] ?? '');
    store = await openEtcd({ endpoints: [link.endpoint], compactionPeriodMs: 0, silenceMs: 60_000, callMs: 2000 });
    link.mute();
    await expect(store.commit(write(put('/t/a')))).rejects.toBeInstanceOf(OutcomeUnknownError);
    link.mend();
    const { items, revision } = await store.range({ from: '/t/', to: '/t0' });
    expect([items.map(({ key }) => key), revision]).toEqual([['/t/a'], 2]);
  });

  it('says that a lease is gone', async () => {
    await open(1);
    await expect(store.commit(write(put('/t/a', 'v', '12345')))).rejects.toThrow('lease 12345 does not exist');
  });

  it('goes on under a new lease when a shared one is revoked by somebody else', async () => {
    await open(1);
    const leases = createSharedLeases(store, systemClock);
    const shared = withSharedLeases(store, leases);
    const sink = record();
    store.watch('/t/', 2, sink);
    const lease = await leases.leaseFor(60);
    await shared.commit(write(put('/t/a', 'v', lease)));
    const somebody = new Etcd3({ hosts: [...etcd.endpoints] });
    await somebody.leaseClient.leaseRevoke({ ID: lease });
    somebody.close();
    await eventually(() => sink.seen.length === 2);
    expect(await shared.commit(write(put('/t/b', 'v', lease)))).toMatchObject({ committed: true });
    expect(sink.seen.map((line) => line.replace(/^\d+: /, ''))).toEqual(['/t/a=v', '/t/a deleted', '/t/b=v']);
    expect(await leases.leaseFor(60)).not.toBe(lease);
  });

  it('compacts once a period, whoever of the servers comes first, keeping one to two periods', async () => {
    const clock = manualClock();
    etcd = await startEtcd();
    const options = { endpoints: etcd.endpoints, compactionPeriodMs: 300_000, silenceMs: 60_000 };
    store = await openEtcd({ ...options, clock });
    const other = await openEtcd({ ...options, clock });
    try {
      await store.commit(write(put('/t/a', '1')));
      await store.commit(write(put('/t/a', '2')));
      const keyAt = async (): Promise<number> => (await store.range({ from: '/coracle/', to: '/coracle0' })).items[0]?.modRevision ?? 0;
      const periods: number[] = [];
      for (let period = 0; period < 4; period++) {
        const before = await keyAt();
        clock.advance(300_000);
        while ((await keyAt()) === before) await new Promise((resolve) => void setImmediate(resolve));
        periods.push(await keyAt());
        await store.commit(write(put('/t/a', `p${period}`)));
      }
      await expect(store.range({ from: '/t/', to: '/t0', revision: 2 })).rejects.toBeInstanceOf(CompactedError);
      expect((await store.range({ from: '/t/', to: '/t0', revision: periods.at(-1) ?? 0 })).items).toHaveLength(1);
    } finally {
      await other.close();
    }
  });

  it('loses nothing acknowledged, answers every store alike and shows every watch one history while members are killed and stand still', async () => {
    await open(3);
    const other = await openEtcd({ endpoints: etcd.endpoints, compactionPeriodMs: 0 });
    const stores = [[store, other], [other, store]] as const;
    try {
      const acknowledged = new Map<string, number>();
      const unknown = new Set<string>();
      const chaos = await disturb(etcd.members, () => acknowledged.size);
      const watched = [store, other].map((each) => {
        const sink = record();
        each.watch('/t/', 2, sink);
        return sink;
      });
      await Promise.all(Array.from({ length: 6 }, async (_, writer) => {
        const [through, beside] = stores[writer % 2] ?? stores[0];
        for (let i = 0; !chaos.isOver; i++) {
          const key = `/t/${writer}-${i}`;
          const result = await through.commit({ compares: [{ key, revision: 0 }], writes: [put(key, `${i}`)] }).catch(asError);
          if (result instanceof Error) {
            unknown.add(key);
            continue;
          }
          // A second sending of the same write would be refused.
          expect(result.committed).toBe(true);
          acknowledged.set(key, result.revision);
          const read = await beside.range({ from: key, to: `${key}\0` }).catch(asError);
          if (!(read instanceof StoreUnavailableError)) expect(read).toMatchObject({ items: [{ key, modRevision: result.revision }] });
        }
      }));
      await chaos.over;
      const { items, revision } = await store.range({ from: '/t/', to: '/t0' });
      expect((await other.range({ from: '/t/', to: '/t0' })).items).toEqual(items);
      const stored = new Map(items.map(({ key, modRevision }) => [key, modRevision]));
      for (const [key, at] of acknowledged) expect([key, stored.get(key)]).toEqual([key, at]);
      for (const key of stored.keys()) expect(acknowledged.has(key) || unknown.has(key)).toBe(true);
      for (const { progressed, seen, ends } of watched) {
        await eventually(() => (progressed.at(-1) ?? 0) >= revision);
        expect(seen.map((line) => Number(line.split(':')[0]))).toEqual([...stored.values()].toSorted((a, b) => a - b));
        expect(ends).toEqual([]);
      }
    } finally {
      await other.close();
    }
  }, (haltedSeconds + 60) * 1000);
});

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => void setTimeout(resolve, ms));
}

/** A minute where there is time. */
const haltedSeconds = process.env['CI'] === 'true' ? 60 : 3;

/** etcd takes 5 seconds and two elections to give up what a leader had been handed when it died; as much again for a slow machine. */
const recoveryMs = 20_000;

interface Chaos {
  readonly isOver: boolean;
  readonly over: Promise<void>;
}

async function leaderOf(members: readonly EtcdMember[]): Promise<EtcdMember> {
  for (;;) {
    const leading = await Promise.all(members.map((member) => member.leads()));
    const leader = members[leading.indexOf(true)];
    if (leader !== undefined) return leader;
    // An election is under way.
    await pause(20);
  }
}

/** Stops and continues one member for 500 ms of each second, then kills the one that leads, and starts it again when `progress` has gone on without it. */
async function disturb(members: readonly EtcdMember[], progress: () => number): Promise<Chaos> {
  const [first] = members;
  const state = { isOver: false };
  const run = async (): Promise<void> => {
    try {
      for (let i = 0; i < haltedSeconds; i++) {
        first?.signal('SIGSTOP');
        await pause(500);
        first?.signal('SIGCONT');
        await pause(500);
      }
      const leader = await leaderOf(members);
      await leader.kill();
      const alone = progress();
      await eventually(() => progress() > alone + 20, recoveryMs);
      await leader.start();
      const together = progress();
      await eventually(() => progress() > together + 20, recoveryMs);
    } finally {
      first?.signal('SIGCONT');
      state.isOver = true;
    }
  };
  return { get isOver() { return state.isOver; }, over: run() };
}
