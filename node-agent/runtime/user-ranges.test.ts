import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { usersPerPod } from '../../native/host.ts';
import { createUserRanges, delegatedRanges } from './user-ranges.ts';

const anyStart = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

describe('user ranges', () => {
  it('are whole, above the host\'s own and below 2^31, and nobody\'s twice, whatever is taken, given back and found again', () => {
    const step = fc.oneof(fc.constant('take' as const), fc.record({ free: fc.nat() }), fc.record({ reserve: fc.integer({ min: 1, max: 32_767 }) }));
    fc.assert(fc.property(anyStart, fc.array(step, { maxLength: 60 }), (start, steps) => {
      const ranges = createUserRanges([], start);
      const held: number[] = [];
      for (const each of steps) {
        if (each === 'take') {
          const first = ranges.take() ?? 0;
          expect(held).not.toContain(first);
          expect([first % usersPerPod, first >= usersPerPod, first + usersPerPod <= 2 ** 31]).toEqual([0, true, true]);
          held.push(first);
        } else if ('reserve' in each) {
          ranges.reserve(each.reserve * usersPerPod);
          held.push(each.reserve * usersPerPod);
        } else if (held.length > 0) {
          const [first = 0] = held.splice(each.free % held.length, 1);
          if (!held.includes(first)) ranges.free(first);
        }
      }
    }));
  });

  it('leave out what the machine has promised to others, and run out', () => {
    const ranges = createUserRanges([{ first: 100_000, count: 65_536 }, { first: 4 * usersPerPod - 1, count: 1 }, { first: 5 * usersPerPod, count: 2 ** 31 }], 0);
    expect([ranges.take(), ranges.take()]).toEqual([4 * usersPerPod, undefined]);
    ranges.free(4 * usersPerPod);
    expect(ranges.take()).toBe(4 * usersPerPod);
  });
});

it('reads what users were promised', () => {
  expect(delegatedRanges('# users\nalice:100000:65536\n1000:231072:10\nbroken:1\n:5:6\n\n')).toEqual([{ first: 100_000, count: 65_536 }, { first: 231_072, count: 10 }]);
});
