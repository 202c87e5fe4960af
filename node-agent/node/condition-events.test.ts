import { describe, expect, it } from 'vitest';
import type { NodeCondition } from '../../machinery/kinds/core.ts';
import { conditionEvents } from './condition-events.ts';

const conditions = (ready: string, memoryPressure = 'False'): readonly NodeCondition[] => [{ type: 'NetworkUnavailable', status: 'False' }, { type: 'MemoryPressure', status: memoryPressure }, { type: 'Ready', status: ready }];

describe('what is told of a node', () => {
  it.each<[string, readonly NodeCondition[], readonly NodeCondition[], readonly string[]]>([
    ['comes and waits for its network', [], conditions('False'), ['NodeHasSufficientMemory']], ['comes ready', [], conditions('True'), ['NodeHasSufficientMemory', 'NodeReady']],
    ['becomes ready', conditions('False'), conditions('True'), ['NodeReady']], ['was silent', conditions('Unknown', 'Unknown'), conditions('True'), ['NodeHasSufficientMemory', 'NodeReady']],
    ['is no longer ready', conditions('True'), conditions('False'), ['NodeNotReady']], ['is short of memory', conditions('True'), conditions('True', 'True'), ['NodeHasInsufficientMemory']],
    ['is as it was', conditions('True'), conditions('True'), []],
  ])('that %s', (_name, before, now, expected) => {
    expect(conditionEvents(before, now)).toEqual(expected);
  });
});
