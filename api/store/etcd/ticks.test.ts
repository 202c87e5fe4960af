import { describe, expect, it } from 'vitest';
import { manualClock } from '../../../machinery/clock.ts';
import { createTicks } from './ticks.ts';

function setUp() {
  const clock = manualClock();
  const watch = { seen: 5, restarts: 0, restart: () => void watch.restarts++ };
  let written = 0;
  const ticks = createTicks({
    clock, watches: new Set([watch]), silenceMs: 50, stallMs: 500, onProblem: () => undefined,
    tick: async () => void written++,
  });
  const pass = async (ms: number): Promise<void> => {
    for (let at = 0; at < ms; at += 50) {
      clock.advance(50);
      await Promise.resolve();
      await Promise.resolve();
      await Promise.resolve();
    }
  };
  return { watch, ticks, pass, written: () => written };
}

describe('ticks', () => {
  it('are not written while watches keep up', async () => {
    const { ticks, pass, written } = setUp();
    ticks.reached(5);
    await pass(500);
    expect(written()).toBe(0);
  });

  it('are written when a watch lags after a silence, and no more once it has come', async () => {
    const { watch, ticks, pass, written } = setUp();
    ticks.reached(9);
    await pass(50);
    expect(written()).toBe(1);
    watch.seen = 10;
    await pass(500);
    expect(written()).toBe(1);
  });

  it('start a watch again that stays behind in spite of them', async () => {
    const { watch, ticks, pass } = setUp();
    ticks.reached(9);
    await pass(400);
    expect(watch.restarts).toBe(0);
    await pass(200);
    expect(watch.restarts).toBe(1);
  });
});
