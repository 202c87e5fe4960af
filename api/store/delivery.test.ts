import { describe, expect, it } from 'vitest';
import { createDelivery, type Pace, type Recipient } from './delivery.ts';

/** A clock that moves when somebody works, and the turns that were asked for. */
function manualPace() {
  let now = 100;
  const turns: { readonly run: () => void; readonly at: number }[] = [];
  const pace: Pace = {
    now: () => now,
    soon: (run) => void turns.push({ run, at: now }),
    after: (ms, run) => void turns.push({ run, at: now + ms }),
  };
  return {
    pace, turns,
    work(ms: number) { now += ms; },
    /** Runs the next turn; how long it was waited for. */
    turn(): number | undefined {
      const next = turns.shift();
      if (next === undefined) return undefined;
      const waited = Math.max(0, next.at - now);
      now = Math.max(now, next.at);
      next.run();
      return waited;
    },
  };
}

function recipient(clock: ReturnType<typeof manualPace>, ms: number, items = 1): Recipient & { given: number } {
  let left = items;
  const own = {
    given: 0,
    deliver() {
      clock.work(ms);
      left -= 1;
      own.given += 1;
      return 1;
    },
    get hasMore() { return left > 0; },
  };
  return own;
}

describe('delivery', () => {
  it('gives others their turn when it takes long', () => {
    const clock = manualPace();
    const delivery = createDelivery(clock.pace);
    const all = Array.from({ length: 10 }, () => recipient(clock, 1));
    for (const one of all) delivery.mark(one);
    expect(clock.turn()).toBe(0);
    expect(all.filter(({ given }) => given > 0)).toHaveLength(4);
    clock.turn();
    clock.turn();
    expect(all.every(({ given }) => given === 1)).toBe(true);
  });

  it('rests after a long round as long as it took, and not after a short one', () => {
    const clock = manualPace();
    const delivery = createDelivery(clock.pace);
    delivery.mark(recipient(clock, 0.1));
    clock.turn();
    delivery.mark(recipient(clock, 3));
    expect(clock.turn()).toBe(0);
    delivery.mark(recipient(clock, 50));
    expect(clock.turn()).toBe(3);
    delivery.mark(recipient(clock, 0));
    expect(clock.turn()).toBe(10);
  });

  it('comes back to who has more, and says when nothing is left', () => {
    const clock = manualPace();
    const delivery = createDelivery(clock.pace);
    const one = recipient(clock, 0, 3);
    let isIdle = false;
    delivery.mark(one);
    delivery.whenIdle(() => { isIdle = true; });
    while (clock.turn() !== undefined) { /* until nothing is scheduled */ }
    expect([one.given, isIdle]).toEqual([3, true]);
  });
});
