import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { handOf } from './queue-set.ts';
import { createSeats, type Asked, type Level } from './seats.ts';

const queuing = { queues: 8, handSize: 2, queueLengthLimit: 5 };
const level = (shares: number, lendablePercent: number, more: object = { queuing }): Level => ({ type: 'Limited', shares, lendablePercent, ...more });

const arbitraryLevels = fc.array(fc.record({ shares: fc.integer({ min: 1, max: 10 }), lendable: fc.integer({ min: 0, max: 100 }), borrowing: fc.option(fc.integer({ min: 0, max: 200 }), { nil: undefined }) }), { minLength: 1, maxLength: 4 })
  .map((levels) => new Map(levels.map(({ shares, lendable, borrowing }, index) => [`l${index}`, level(shares, lendable, { queuing, ...(borrowing === undefined ? {} : { borrowingLimitPercent: borrowing }) })])));
const arbitrarySteps = fc.array(fc.record({ level: fc.nat(3), flow: fc.nat(5), width: fc.integer({ min: 1, max: 4 }), ends: fc.boolean(), which: fc.nat() }), { maxLength: 150 });

/** Asks and ends requests; tells who works. */
function drive(total: number, levels: ReadonlyMap<string, Level>) {
  const seats = createSeats(total);
  seats.configure(levels);
  const open: { readonly asked: Asked; readonly name: string; isRunning: boolean }[] = [];
  return {
    seats, open,
    ask(name: string, flow: string, width: number) {
      const one = { asked: undefined as Asked | undefined, name, isRunning: false };
      one.asked = seats.ask(name, flow, width, () => { one.isRunning = true; });
      if (one.asked.outcome !== 'rejected') open.push(one as (typeof open)[number]);
      return one.asked.outcome;
    },
    end(index: number) {
      const [one] = open.splice(index, 1);
      if (one?.asked.outcome === 'running' || one?.asked.outcome === 'waiting') one.asked.done();
    },
  };
}

describe('seats', () => {
  it('are never given out beyond their number, nor beyond what a level may borrow', () => {
    fc.assert(fc.property(fc.integer({ min: 4, max: 40 }), arbitraryLevels, arbitrarySteps, (total, levels, steps) => {
      const run = drive(total, levels);
      for (const { level: at, flow, width, ends, which } of steps) {
        if (ends && run.open.length > 0) run.end(which % run.open.length);
        else run.ask(`l${at % levels.size}`, `f${flow}`, width);
        const usage = run.seats.usage();
        // Each level has a seat of its own, however small its share.
        expect(usage.reduce((sum, { seatsInUse }) => sum + seatsInUse, 0)).toBeLessThanOrEqual(Math.max(total, usage.reduce((sum, { nominal }) => sum + nominal, 0)));
        for (const { level: name, seatsInUse, nominal } of usage) {
          const { borrowingLimitPercent } = levels.get(name) as { borrowingLimitPercent?: number };
          if (borrowingLimitPercent !== undefined) expect(seatsInUse).toBeLessThanOrEqual(nominal + Math.floor(nominal * borrowingLimitPercent / 100));
        }
      }
    }));
  });

  it('reach all who wait, as those before them end', () => {
    fc.assert(fc.property(fc.integer({ min: 4, max: 40 }), arbitraryLevels, arbitrarySteps, (total, levels, steps) => {
      const run = drive(total, levels);
      for (const { level: at, flow, width } of steps) run.ask(`l${at % levels.size}`, `f${flow}`, width);
      for (let round = run.open.length; round > 0; round--) {
        const working = run.open.findIndex(({ isRunning }) => isRunning);
        expect(working).toBeGreaterThanOrEqual(0);
        run.end(working);
      }
      expect(run.seats.usage().every(({ seatsInUse, waiting, executing }) => seatsInUse + waiting + executing === 0)).toBe(true);
    }));
  });

  it('are enough for the smallest share, when the others together would take all', () => {
    const run = drive(4, new Map([['a', level(1, 100)], ['b', level(1, 0)], ['c', level(1, 0)], ['d', level(9, 0)]]));
    expect(run.ask('a', '', 1)).toBe('running');
  });

  it('that a level keeps are there however busy the others are', () => {
    const run = drive(10, new Map([['a', level(5, 0)], ['b', level(5, 100)]]));
    for (let index = 0; index < 30; index++) run.ask('b', `f${index}`, 1);
    expect(run.seats.usage()[1]).toMatchObject({ level: 'b', nominal: 5, seatsInUse: 5 });
    expect(run.ask('a', 'f', 1)).toBe('running');
  });

  it('that a level lends go to others while it does not need them', () => {
    const run = drive(10, new Map([['a', level(5, 100)], ['b', level(5, 0)]]));
    for (let index = 0; index < 30; index++) run.ask('b', `f${index}`, 1);
    expect(run.seats.usage()[1]).toMatchObject({ seatsInUse: 10 });
    expect(run.ask('a', 'f', 1)).toBe('waiting');
    run.end(0);
    expect(run.open.at(-1)?.isRunning).toBe(true);
  });

  it('are shared by flows: a quiet one does not wait behind all of a noisy one', () => {
    const run = drive(2, new Map([['a', level(1, 0, { queuing: { queues: 64, handSize: 4, queueLengthLimit: 50 } })]]));
    for (let index = 0; index < 60; index++) run.ask('a', 'noisy', 1);
    run.ask('a', 'quiet', 1);
    const quiet = run.open.at(-1);
    for (let served = 0; served < 10; served++) run.end(run.open.findIndex(({ isRunning }) => isRunning));
    expect(quiet?.isRunning).toBe(true);
  });

  it('are not waited for at a level without queues, nor in a full queue, nor by the exempt', () => {
    const run = drive(2, new Map<string, Level>([['a', level(1, 0, {})], ['b', level(1, 0, { queuing: { queues: 1, handSize: 1, queueLengthLimit: 1 } })], ['x', { type: 'Exempt' }]]));
    expect([run.ask('a', '', 1), run.ask('a', '', 1)]).toEqual(['running', 'rejected']);
    expect([run.ask('b', '', 1), run.ask('b', '', 1), run.ask('b', '', 1)]).toEqual(['running', 'waiting', 'rejected']);
    expect(Array.from({ length: 50 }, () => run.ask('x', '', 1)).every((outcome) => outcome === 'running')).toBe(true);
  });

  it('reach all who wait, however the levels change meanwhile', () => {
    const change = fc.record({ at: fc.nat(150), levels: arbitraryLevels, exempt: fc.option(fc.nat(3), { nil: undefined }) });
    fc.assert(fc.property(fc.integer({ min: 1, max: 40 }), arbitraryLevels, arbitrarySteps, fc.array(change, { maxLength: 4 }), (total, levels, steps, changes) => {
      const run = drive(total, levels);
      for (const [index, { level: at, flow, width, ends, which }] of steps.entries()) {
        for (const { levels: next, exempt } of changes.filter((one) => one.at === index)) {
          run.seats.configure(exempt === undefined ? next : new Map([...next, [`l${exempt}`, { type: 'Exempt' }]]));
        }
        if (ends && run.open.length > 0) run.end(which % run.open.length);
        else run.ask(`l${at}`, `f${flow}`, width);
      }
      while (run.open.length > 0) {
        const working = run.open.findIndex(({ isRunning }) => isRunning);
        expect(working).toBeGreaterThanOrEqual(0);
        run.end(working);
      }
      expect(run.seats.usage().every(({ seatsInUse, waiting, executing }) => seatsInUse + waiting + executing === 0)).toBe(true);
    }));
  });

  it('are given back by who worked at a level that is gone', () => {
    const run = drive(4, new Map([['a', level(1, 0)], ['b', level(1, 100)]]));
    for (let index = 0; index < 2; index++) run.ask('a', `f${index}`, 1);
    run.seats.configure(new Map([['b', level(1, 0)]]));
    while (run.open.length > 0) run.end(0);
    run.seats.configure(new Map([['b', level(1, 0)]]));
    expect(run.seats.usage()).toEqual([{ level: 'b', nominal: 4, seatsInUse: 0, executing: 0, waiting: 0 }]);
  });
});

describe('a hand of queues', () => {
  it('has as many different ones as it should', () => {
    fc.assert(fc.property(fc.nat(), fc.integer({ min: 1, max: 128 }), fc.integer({ min: 1, max: 10 }), (hash, count, size) => {
      const hand = handOf(hash, count, size);
      expect(new Set(hand).size).toBe(Math.min(size, count));
      expect(hand.every((card) => card >= 0 && card < count)).toBe(true);
    }));
  });
});
