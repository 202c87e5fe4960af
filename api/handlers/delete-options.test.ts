import { describe, expect, it } from 'vitest';
import { optionsFrom } from './delete-options.ts';

describe('how something is to be deleted', () => {
  it('is told by the body, else by the query', () => {
    expect(optionsFrom({ propagationPolicy: 'Foreground', gracePeriodSeconds: 5, preconditions: { uid: 'u', resourceVersion: '7' } }, { propagationPolicy: 'Orphan' }))
      .toEqual({ dryRun: false, propagationPolicy: 'Foreground', gracePeriodSeconds: 5, uid: 'u', resourceVersion: '7' });
    expect(optionsFrom({ dryRun: null, preconditions: null }, { gracePeriodSeconds: '0', orphanDependents: 'true' })).toEqual({ dryRun: false, propagationPolicy: 'Orphan', gracePeriodSeconds: 0 });
    expect(optionsFrom({ dryRun: ['All'], orphanDependents: false }, {})).toEqual({ dryRun: true });
  });

  it.each([
    ['a dry run that is no list', { dryRun: 'All' }, 400],
    ['a dry run of another name', { dryRun: ['all'] }, 422],
    ['a dry run of two names', { dryRun: ['All', 'x'] }, 422],
    ['a condition that is no text', { preconditions: { uid: 5 } }, 400],
    ['conditions that are none', { preconditions: 'uid' }, 400],
    ['two policies', { propagationPolicy: 'Foreground', orphanDependents: true }, 422],
    ['an unknown policy', { propagationPolicy: 'foreground' }, 422],
    ['a period in words', { gracePeriodSeconds: 'soon' }, 400],
    ['half a second', { gracePeriodSeconds: 0.5 }, 400],
    ['a number for a truth', { orphanDependents: 1 }, 400],
  ])('is not guessed from %s: nothing is deleted', (_what, body, code) => {
    expect(() => optionsFrom(body, {})).toThrow(expect.objectContaining({ code }) as Error);
  });
});
