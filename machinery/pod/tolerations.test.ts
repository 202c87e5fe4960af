import { describe, expect, it } from 'vitest';
import type { Toleration } from '../kinds/core.ts';
import { staysFor, tolerates } from './tolerations.ts';

const taint = { key: 'k', value: 'v', effect: 'NoSchedule' };

describe('a toleration', () => {
  it.each<[string, Toleration, boolean]>([
    ['of the same key and value', { key: 'k', value: 'v' }, true],
    ['of another value', { key: 'k', value: 'w' }, false],
    ['of any value', { key: 'k', operator: 'Exists' }, true],
    ['of another key', { key: 'l', operator: 'Exists' }, false],
    ['of every key', { operator: 'Exists' }, true],
    ['of no key at all', { value: 'v' }, false],
    ['of the same effect', { key: 'k', value: 'v', effect: 'NoSchedule' }, true],
    ['of another effect', { key: 'k', value: 'v', effect: 'NoExecute' }, false],
    ['with an operator that does not exist', { key: 'k', operator: 'Like' }, false],
  ])('covers a taint or not: %s', (_name, toleration, expected) => {
    expect(tolerates([toleration], taint)).toBe(expected);
  });

  it.each<[string, readonly Toleration[] | undefined, number]>([
    ['not at all without one', undefined, 0],
    ['for ever', [{ operator: 'Exists' }], Infinity],
    ['for the shortest time of several', [{ operator: 'Exists', tolerationSeconds: 300 }, { key: 'k', operator: 'Exists', tolerationSeconds: 20 }], 20],
    ['not at all with a time below zero', [{ operator: 'Exists', tolerationSeconds: -5 }], 0],
  ])('says how long a pod stays: %s', (_name, tolerations, expected) => {
    expect(staysFor(tolerations, [{ key: 'k', effect: 'NoExecute' }])).toBe(expected);
  });

  it('is not needed for taints that drive nobody off', () => {
    expect(staysFor([], [taint])).toBe(Infinity);
  });
});
