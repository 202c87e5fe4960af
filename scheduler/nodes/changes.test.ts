import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createChanges } from './changes.ts';

describe('the ring of changes', () => {
  it('gives each row that changed since, once', () => {
    fc.assert(fc.property(fc.array(fc.nat(50)), fc.array(fc.nat(50)), (before, after) => {
      const changes = createChanges();
      for (const row of before) changes.mark(row);
      const seen = changes.head;
      for (const row of after) changes.mark(row);
      const rows: number[] = [];
      expect(changes.since(seen, Infinity, (row) => rows.push(row))).toBe(true);
      expect(rows.toSorted((a, b) => a - b)).toEqual([...new Set(after)].toSorted((a, b) => a - b));
    }));
  });

  it('says so when it has come round', () => {
    const changes = createChanges();
    for (let i = 0; i < 1025; i += 1) changes.mark(i % 3);
    expect(changes.since(0, Infinity, () => undefined)).toBe(false);
    expect(changes.since(1, Infinity, () => undefined)).toBe(true);
  });

  it('says so when more has changed than is worth reading', () => {
    const changes = createChanges();
    for (let i = 0; i < 10; i += 1) changes.mark(i);
    expect(changes.since(0, 9, () => undefined)).toBe(false);
  });

  it('loses what was before it grew, and says so', () => {
    const changes = createChanges();
    changes.mark(1);
    changes.mark(5000);
    changes.mark(7);
    expect(changes.since(0, Infinity, () => undefined)).toBe(false);
    const rows: number[] = [];
    expect(changes.since(1, Infinity, (row) => rows.push(row))).toBe(true);
    expect(rows).toEqual([5000, 7]);
  });
});
