import fc from 'fast-check';
import { expect, it } from 'vitest';
import { createScoreHeap } from './score-heap.ts';

it('gives rows by score, the highest first, then by row, the lowest first', () => {
  const entry = fc.record({ score: fc.nat(400), row: fc.nat(100_000) });
  fc.assert(fc.property(fc.array(entry, { maxLength: 200 }), (entries) => {
    const heap = createScoreHeap();
    for (const { score, row } of entries) heap.push(score, row);
    const out: { score: number; row: number }[] = [];
    for (; heap.topRow() >= 0; heap.drop()) out.push({ score: heap.topScore(), row: heap.topRow() });
    expect(out).toEqual(entries.toSorted((a, b) => b.score - a.score || a.row - b.row));
  }));
});
