import { describe, expect, it } from 'vitest';
import { microTimestamp, setCondition, timestamp, type Condition } from './conditions.ts';

const now = Date.UTC(2026, 0, 2, 3, 4, 5, 678);
const old: Condition = { type: 'Ready', status: 'True', reason: 'A', lastTransitionTime: '2026-01-01T00:00:00Z' };

describe('conditions', () => {
  it.each<[string, readonly Condition[], Condition, readonly Condition[]]>([
    ['a new one goes to the end', [{ type: 'Other', status: 'True' }], { type: 'Ready', status: 'True' }, [{ type: 'Other', status: 'True' }, { type: 'Ready', status: 'True', lastTransitionTime: '2026-01-02T03:04:05Z' }]],
    ['the same status keeps its time', [old], { type: 'Ready', status: 'True', reason: 'B' }, [{ ...old, reason: 'B' }]],
    ['another status gets a new time', [old], { type: 'Ready', status: 'False' }, [{ type: 'Ready', status: 'False', lastTransitionTime: '2026-01-02T03:04:05Z' }]],
  ])('are set: %s', (_name, list, condition, expected) => {
    expect(setCondition(list, condition, now)).toEqual(expected);
  });

  it('write times as the API does', () => {
    expect(timestamp(now)).toBe('2026-01-02T03:04:05Z');
    expect(microTimestamp(now)).toBe('2026-01-02T03:04:05.678000Z');
  });
});
