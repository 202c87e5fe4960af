import { describe, expect, it } from 'vitest';
import { createFailedPods } from './failed-pods.ts';

const now = Date.UTC(2026, 0, 1);

describe('failed daemon pods', () => {
  it('are replaced at once, then after waits that double up to a quarter of an hour', () => {
    const failed = createFailedPods();
    let at = now;
    const waits = Array.from({ length: 13 }, () => {
      if (failed.ask('a', at) !== 0) throw new Error('it may go now');
      const wait = failed.ask('a', at);
      at += wait;
      return wait / 1000;
    });
    expect(waits).toEqual([1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900]);
  });

  it('are counted for each node, and forgotten after half an hour of peace', () => {
    const failed = createFailedPods();
    expect([failed.ask('a', now), failed.ask('b', now), failed.ask('a', now)]).toEqual([0, 0, 1000]);
    failed.ask('a', now + 1000);
    expect(failed.ask('a', now + 1000)).toBe(2000);
    const later = now + 31 * 60_000;
    expect([failed.ask('a', later), failed.ask('a', later)]).toEqual([0, 1000]);
  });
});
