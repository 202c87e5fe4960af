import { describe, expect, it } from 'vitest';
import type { Pod } from '../kinds/core.ts';
import { availableSince, isActive, isAvailable, isReady, isTerminal } from './readiness.ts';

const pod = (phase: string, ready: 'True' | 'False', deleting = false): Pod => ({
  metadata: deleting ? { deletionTimestamp: '2026-01-01T00:00:00Z' } : {},
  status: { phase, conditions: [{ type: 'Ready', status: ready, lastTransitionTime: '2026-01-01T00:00:00Z' }] },
});
const since = Date.UTC(2026, 0, 1);

describe('a pod', () => {
  it.each([
    ['running and ready', pod('Running', 'True'), { ready: true, terminal: false, active: true }],
    ['running, not ready', pod('Running', 'False'), { ready: false, terminal: false, active: true }],
    ['ended well', pod('Succeeded', 'False'), { ready: false, terminal: true, active: false }],
    ['ended badly', pod('Failed', 'False'), { ready: false, terminal: true, active: false }],
    ['being deleted', pod('Running', 'True', true), { ready: true, terminal: false, active: false }],
    ['without a status', {}, { ready: false, terminal: false, active: true }],
  ])('is what its status says: %s', (_name, one, expected) => {
    expect({ ready: isReady(one), terminal: isTerminal(one), active: isActive(one) }).toEqual(expected);
  });

  it('is available once it has been ready for long enough', () => {
    expect(isAvailable(pod('Running', 'True'), 10, since + 9999)).toBe(false);
    expect(isAvailable(pod('Running', 'True'), 10, since + 10_000)).toBe(true);
    expect(isAvailable(pod('Running', 'True'), 0, since - 5000)).toBe(true);
    expect(availableSince(pod('Running', 'False'), 0)).toBeUndefined();
  });
});
