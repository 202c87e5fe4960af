import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Pod } from '../../machinery/kinds/core.ts';
import type { Candidate } from './candidate.ts';
import { ranked } from './ranking.ts';

interface Use {
  readonly memory?: number;
  readonly disk?: number;
  readonly processes?: number;
  readonly request?: string;
  readonly priority?: number;
}

function candidate(name: string, { memory, disk, processes, request, priority }: Use): Candidate {
  const pod: Pod = {
    metadata: { name }, spec: { ...(priority === undefined ? {} : { priority }), containers: [{ name: 'c', ...(request === undefined ? {} : { resources: { requests: { memory: request, 'ephemeral-storage': request } } }) }] },
  };
  return {
    pod, containers: [], ...(memory === undefined ? {} : { memoryBytes: memory }), ...(processes === undefined ? {} : { processes }),
    ...(disk === undefined ? {} : { storage: { at: 0, volumes: new Map(), containers: new Map([['c', { rootfs: { bytes: disk, inodes: disk }, logs: { bytes: 0, inodes: 0 } }]]) } }),
  };
}

const names = (candidates: readonly Candidate[]): readonly (string | undefined)[] => candidates.map(({ pod }) => pod.metadata?.name);

describe('who is evicted first', () => {
  it.each<[string, 'memory' | 'ephemeral-storage' | 'inodes' | 'pids', Record<string, Use>, string[]]>([
    ['uses more than it asked for, whatever its priority', 'memory', { within: { memory: 900, request: '1000' }, above: { memory: 20, request: '10', priority: 100 } }, ['above', 'within']],
    ['matters less', 'memory', { high: { memory: 900, priority: 10 }, low: { memory: 10, priority: 1 } }, ['low', 'high']],
    ['uses most above what it asked for', 'memory', { much: { memory: 900, request: '800' }, more: { memory: 500, request: '100' } }, ['more', 'much']],
    ['is not known', 'memory', { known: { memory: 900 }, unknown: { priority: 100 } }, ['unknown', 'known']],
    ['has most on the disk above what it asked for', 'ephemeral-storage', { asked: { disk: 900, request: '800' }, more: { disk: 500 } }, ['more', 'asked']],
    ['has most files, which can\'t be asked for', 'inodes', { few: { disk: 5 }, many: { disk: 50, request: '1000' } }, ['many', 'few']],
    ['of processes: matters less, then has most', 'pids', { high: { processes: 900, priority: 1 }, few: { processes: 2 }, many: { processes: 30 } }, ['many', 'few', 'high']],
  ])('%s', (_name, starved, uses, order) => {
    expect(names(ranked(Object.entries(uses).map(([name, use]) => candidate(name, use)), starved))).toEqual(order);
  });

  it('is the same in whatever order they come', () => {
    const use = fc.record({ memory: fc.nat(100), request: fc.nat(100).map(String), priority: fc.nat(2) });
    fc.assert(fc.property(fc.uniqueArray(use, { maxLength: 8, selector: (one) => `${one.priority} ${one.memory - Number(one.request)}` }), (uses) => {
      const all = uses.map((one, index) => candidate(String(index), one));
      expect(names(ranked(all.toReversed(), 'memory'))).toEqual(names(ranked(all, 'memory')));
    }));
  });
});
