import { describe, expect, it } from 'vitest';
import { createRing } from './ring.ts';
import { CompactedError } from './store.ts';
import type { Transition } from './transition.ts';

function step(revision: number, bytes = 1): Transition {
  return { revision, before: undefined, after: undefined, bytes, change: () => undefined };
}

describe('a ring', () => {
  it('gives what happened after a revision', () => {
    const ring = createRing(5, { bytes: 100, count: 100 });
    for (const revision of [6, 6, 8, 9]) ring.push(step(revision));
    expect([5, 6, 7, 8, 9, 20].map((after) => ring.after(after).map((each) => each.revision))).toEqual([[6, 6, 8, 9], [8, 9], [8, 9], [9], [], []]);
    expect(() => ring.after(4)).toThrow(CompactedError);
  });

  it('forgets the oldest beyond its number', () => {
    const ring = createRing(1, { bytes: 1e9, count: 3 });
    for (let revision = 2; revision < 10_000; revision++) ring.push(step(revision));
    expect(ring.after(9996).map((each) => each.revision)).toEqual([9997, 9998, 9999]);
    expect(() => ring.after(9995)).toThrow(CompactedError);
  });

  it('forgets the oldest beyond its bytes, but never the last', () => {
    const ring = createRing(1, { bytes: 10, count: 100 });
    for (const revision of [2, 3, 4]) ring.push(step(revision, 5));
    expect(ring.after(2).map((each) => each.revision)).toEqual([3, 4]);
    ring.push(step(5, 50));
    expect(ring.after(4).map((each) => each.revision)).toEqual([5]);
    expect(() => ring.after(3)).toThrow(CompactedError);
  });

  it('that lost part of a revision does not claim the rest of it', () => {
    const ring = createRing(1, { bytes: 100, count: 2 });
    for (const revision of [2, 2, 2]) ring.push(step(revision));
    expect(() => ring.after(1)).toThrow(CompactedError);
    expect(ring.after(2)).toEqual([]);
  });
});
