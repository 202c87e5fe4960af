import fc from 'fast-check';
import { expect, it } from 'vitest';
import { createHeap } from './heap.ts';

it('gives back what was put in, least first', () => {
  fc.assert(fc.property(fc.array(fc.integer()), (numbers) => {
    const heap = createHeap<number>((a, b) => a < b);
    for (const number of numbers) heap.push(number);
    const out = numbers.map(() => heap.pop());
    expect(out).toEqual([...numbers].toSorted((a, b) => a - b));
    expect(heap.size).toBe(0);
    expect(heap.pop()).toBeUndefined();
  }));
});
