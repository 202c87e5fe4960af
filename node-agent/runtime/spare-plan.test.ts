import { describe, expect, it } from 'vitest';
import fc from 'fast-check';
import { planSpare } from './spare-plan.ts';

describe('the next spare', () => {
  it.each<[string, string, string, object | undefined]>([
    ['is the kind that was asked for last, of those that have none', 'bab', '', { make: 'b' }],
    ['is one of each kind before a second of any', 'aab', 'a', { make: 'b' }],
    ['is what is lacking most', 'aab', 'ab', { make: 'a' }],
    ['is none when there are enough', 'aab', 'aba', undefined],
    ['takes the place of one that nobody asks for any more', 'aaa', 'abb', { make: 'a', end: 'b' }],
    ['takes the place of one of many when its kind has none', 'baa', 'aaa', { make: 'b', end: 'a' }],
    ['takes nobody\'s place when its kind has one already', 'bba', 'aab', undefined],
    ['is none where none are kept', '', '', undefined],
  ])('%s', (_name, asked, spares, plan) => {
    expect(planSpare([...asked], [...spares])).toEqual(plan);
  });

  it('makes and ends in finite steps, never more than were asked, and leaves one of each kind asked for', () => {
    const kinds = fc.constantFrom('g', 'b', 'e');
    fc.assert(fc.property(fc.array(kinds, { maxLength: 5 }), fc.array(kinds, { maxLength: 5 }), (asked, before) => {
      const spares = before.slice(0, asked.length);
      for (let steps = 0, plan = planSpare(asked, spares); plan !== undefined; steps += 1, plan = planSpare(asked, spares)) {
        if (plan.end !== undefined) spares.splice(spares.indexOf(plan.end), 1);
        spares.push(plan.make);
        expect(spares.length).toBeLessThanOrEqual(asked.length);
        expect(steps).toBeLessThan(10);
      }
      expect(new Set(spares)).toEqual(new Set(asked));
    }));
  });
});
