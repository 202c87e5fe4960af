import { describe, expect, it } from 'vitest';
import { createCpuRates, nextSample } from './cpu-rate.ts';

describe('the rate of a counter of processor time', () => {
  const first = { at: 1000, nanos: 500 };
  it.each([
    ['is unknown at the first look', undefined, 500, 1000, first],
    ['is what was used in the time between two looks', first, 5_000_000_500, 11_000, { at: 11_000, nanos: 5_000_000_500, nanoCores: 500_000_000, windowMs: 10_000 }],
    ['stays when the next look comes too soon', first, 900, 2000, first],
    ['begins anew with a counter that went back', first, 100, 20_000, { at: 20_000, nanos: 100 }],
    ['begins anew when the clock went back', first, 900, 500, { at: 500, nanos: 900 }],
  ] as const)('%s', (_name, before, nanos, at, next) => {
    expect(nextSample(before, nanos, at)).toEqual(next);
  });

  it('is kept for those that are still there only', () => {
    const rates = createCpuRates();
    rates.sample('a', 0, 0);
    rates.sample('b', 0, 0);
    rates.keepOnly(new Set(['b']));
    expect(rates.sample('a', 1e9, 10_000).nanoCores).toBeUndefined();
    expect(rates.sample('b', 1e9, 10_000).nanoCores).toBe(100_000_000);
  });
});
