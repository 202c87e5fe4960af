import fc from 'fast-check';
import { expect, it } from 'vitest';
import { firstPlaces } from './first-places.ts';

it('first places are what a search for each item finds', () => {
  fc.assert(fc.property(fc.array(fc.integer({ min: 0, max: 5 })), (items) => {
    expect(firstPlaces(items, (item) => item)).toEqual(items.map((item) => items.indexOf(item)));
  }));
});
