import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createWatchQueues } from './watch-queues.ts';

function watcher(queues: ReturnType<typeof createWatchQueues>) {
  const own = { bytes: 0, isCut: false };
  const member = queues.join({ queued: () => own.bytes, cut: () => { own.isCut = true; own.bytes = 0; } });
  return {
    own,
    grow(bytes: number) {
      if (own.isCut) return;
      own.bytes += bytes;
      member.grew();
    },
    leave: member.leave,
  };
}

describe('what waits for all watchers together', () => {
  it('is bounded, whoever takes or leaves what', () => {
    const step = fc.record({ who: fc.nat(9), bytes: fc.integer({ min: 1, max: 400 }), drains: fc.boolean() });
    fc.assert(fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const queues = createWatchQueues(1000);
      const all = Array.from({ length: 10 }, () => watcher(queues));
      for (const { who, bytes, drains } of steps) {
        const one = all[who];
        if (drains && one !== undefined) one.own.bytes = Math.max(0, one.own.bytes - bytes);
        else one?.grow(bytes);
        expect(all.reduce((sum, { own }) => sum + own.bytes, 0)).toBeLessThanOrEqual(1000 * (1 + 1 / 32));
      }
    }));
  });

  it('costs those most who are furthest behind', () => {
    const queues = createWatchQueues(1000);
    const [slow, slower, quick] = [watcher(queues), watcher(queues), watcher(queues)];
    slow.grow(300);
    slower.grow(500);
    quick.grow(201);
    expect([slow.own.isCut, slower.own.isCut, quick.own.isCut]).toEqual([false, true, false]);
  });

  it('cuts nobody for what has drained meanwhile', () => {
    const queues = createWatchQueues(1000);
    const one = watcher(queues);
    for (let round = 0; round < 10; round++) {
      one.grow(900);
      one.own.bytes = 0;
    }
    expect(one.own.isCut).toBe(false);
  });

  it('forgets who has left', () => {
    const queues = createWatchQueues(1000);
    const [gone, here] = [watcher(queues), watcher(queues)];
    gone.grow(900);
    gone.leave();
    here.grow(900);
    expect(here.own.isCut).toBe(false);
  });
});
