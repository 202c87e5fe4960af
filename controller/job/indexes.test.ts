import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { countOf, countShared, firstAbsent, formatIndexes, hasIndex, indexesOf, parseIndexes, union } from './indexes.ts';

const completions = 40;
const numbers = fc.uniqueArray(fc.nat(completions - 1));
const ascending = (set: Iterable<number>): readonly number[] => [...new Set(set)].toSorted((a, b) => a - b);

describe('sets of indexes', () => {
  it.each<[string, readonly number[]]>([['', []], ['0', [0]], ['0,1', [0, 1]], ['0-2', [0, 1, 2]], ['1,3-5,7,8', [1, 3, 4, 5, 7, 8]]])('are written as %j', (text, set) => {
    expect(formatIndexes(indexesOf(set))).toBe(text);
    expect(parseIndexes(text, completions)).toEqual(indexesOf(set));
  });

  it.each<[string, string]>([['0-5,7', '0-2'], ['3', ''], ['x,1', '1'], ['0,1,2', '0-2']])('are read as far as they make sense: %j of three', (text, read) => {
    expect(formatIndexes(parseIndexes(text, 3))).toBe(read);
  });

  it('come back from their text', () => {
    fc.assert(fc.property(numbers, (set) => {
      expect(parseIndexes(formatIndexes(indexesOf(set)), completions)).toEqual(indexesOf(set));
    }));
  });

  it('are sets', () => {
    fc.assert(fc.property(numbers, numbers, fc.nat(completions), (a, b, index) => {
      const [left, right] = [indexesOf(a), indexesOf(b)];
      expect(countOf(left)).toBe(a.length);
      expect(hasIndex(left, index)).toBe(a.includes(index));
      expect(union(left, right)).toEqual(indexesOf(ascending([...a, ...b])));
      expect(countShared(left, right)).toBe(a.filter((one) => b.includes(one)).length);
    }));
  });

  it('lack what they lack, lowest first', () => {
    fc.assert(fc.property(numbers, fc.nat(completions), (set, count) => {
      const absent = Array.from({ length: completions }, (_, index) => index).filter((index) => !set.includes(index));
      expect(firstAbsent(indexesOf(set), count, completions)).toEqual(absent.slice(0, count));
    }));
  });
});
