import { describe, expect, it } from 'vitest';
import { manualClock } from '../machinery/clock.ts';
import { createWorkQueue } from './work-queue.ts';

const settle = (): Promise<void> => new Promise((resolve) => { setImmediate(resolve); });

function gate(): { readonly opened: Promise<void>; open(): void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { opened: promise, open: resolve };
}

describe('a work queue', () => {
  it('works once on a key that was added many times', async () => {
    const queue = createWorkQueue({ clock: manualClock() });
    const stop = new AbortController();
    const seen: string[] = [];
    for (const key of ['a', 'b', 'a', 'a']) queue.add(key);
    expect(queue.depth).toBe(2);
    const running = queue.run(4, async (key) => void seen.push(key), stop.signal);
    await settle();
    expect(seen).toEqual(['a', 'b']);
    stop.abort();
    await running;
  });

  it('never works on one key twice at a time, and comes back to a key that was added meanwhile', async () => {
    const queue = createWorkQueue({ clock: manualClock() });
    const stop = new AbortController();
    const first = gate();
    let calls = 0;
    const running = queue.run(4, async () => {
      calls += 1;
      if (calls === 1) await first.opened;
    }, stop.signal);
    queue.add('a');
    await settle();
    queue.add('a');
    queue.add('a');
    await settle();
    expect(calls).toBe(1);
    first.open();
    await settle();
    expect(calls).toBe(2);
    stop.abort();
    await running;
  });

  it('waits longer with each failure in a row, and forgets them after a success', async () => {
    const clock = manualClock();
    const waits: number[] = [];
    const queue = createWorkQueue({ clock, random: () => 1, firstMs: 10, longestMs: 35, failed: (_key, _error, waitMs) => waits.push(waitMs) });
    const stop = new AbortController();
    let failing = true;
    const running = queue.run(1, async () => {
      if (failing) throw new Error('no');
    }, stop.signal);
    queue.add('a');
    for (const ms of [0, 10, 20, 35]) {
      clock.advance(ms);
      await settle();
    }
    expect(waits).toEqual([10, 20, 35, 35]);
    failing = false;
    clock.advance(35);
    await settle();
    failing = true;
    queue.add('a');
    await settle();
    expect(waits.at(-1)).toBe(10);
    stop.abort();
    await running;
    expect(clock.pending()).toBe(0);
  });

  it('calls a delayed key at the earliest time set for it', async () => {
    const clock = manualClock();
    const queue = createWorkQueue({ clock });
    const stop = new AbortController();
    const at: number[] = [];
    const start = clock.now();
    const running = queue.run(1, async () => void at.push(clock.now() - start), stop.signal);
    queue.addAfter('a', 500);
    queue.addAfter('a', 100);
    queue.addAfter('a', 300);
    clock.advance(100);
    await settle();
    clock.advance(1000);
    await settle();
    expect(at).toEqual([100]);
    stop.abort();
    await running;
  });

  it('ends after the work under way when it is told to stop, and starts nothing new', async () => {
    const queue = createWorkQueue({ clock: manualClock() });
    const stop = new AbortController();
    const held = gate();
    const seen: string[] = [];
    let ended = false;
    const running = queue.run(1, async (key) => {
      seen.push(key);
      await held.opened;
    }, stop.signal).then(() => { ended = true; });
    queue.add('a');
    queue.add('b');
    await settle();
    stop.abort();
    await settle();
    expect(ended).toBe(false);
    held.open();
    await running;
    expect(seen).toEqual(['a']);
  });
});
