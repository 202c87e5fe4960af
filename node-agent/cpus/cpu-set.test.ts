import fc from 'fast-check';
import { expect, it } from 'vitest';
import { formatCpus, parseCpus } from './cpu-set.ts';

it.each([['0', [0]], ['0-3,8', [0, 1, 2, 3, 8]], ['7,1-2\n', [7, 1, 2]]])('%j is a list of processors', (text, cpus) => {
  expect([...parseCpus(text) ?? []]).toEqual(cpus);
});

it.each(['', 'a', '3-1', '-1', '1,', '0-', '999999'])('%j is none', (text) => {
  expect(parseCpus(text)).toBeUndefined();
});

it('what is written can be read', () => {
  fc.assert(fc.property(fc.uniqueArray(fc.integer({ min: 0, max: 300 }), { minLength: 1 }), (cpus) => {
    expect(parseCpus(formatCpus(cpus))).toEqual(new Set(cpus));
  }));
});
