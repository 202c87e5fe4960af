import { describe, expect, it } from 'vitest';
import { takeCpus } from './take.ts';
import type { Cpu } from './topology.ts';

/** As Linux numbers them: the cores' first threads, socket by socket, then their second ones. */
function machine(sockets: number, cores: number, threads: number): readonly Cpu[] {
  return Array.from({ length: sockets * cores * threads }, (_, id) => ({ id, core: id % (sockets * cores), socket: Math.floor(id % (sockets * cores) / cores) }));
}

const ids = (topology: readonly Cpu[], ...without: readonly number[]): ReadonlySet<number> => new Set(topology.map(({ id }) => id).filter((id) => !without.includes(id)));
const plain = machine(1, 4, 1);
const threaded = machine(1, 4, 2);
const large = machine(2, 4, 2);

describe('processors that are taken', () => {
  it.each<[string, readonly Cpu[], readonly number[], number, readonly number[] | undefined]>([
    ['are none when none are asked for', plain, [], 0, []],
    ['are the lowest of equals', plain, [], 2, [0, 1]],
    ['are refused when there are too few', plain, [0], 4, undefined],
    ['are whole cores where that many are asked for', threaded, [], 2, [0, 4]],
    ['are whole cores also when some are halved', threaded, [0], 4, [1, 2, 5, 6]],
    ['are of a core that is halved already, when one is left over', threaded, [2], 1, [6]],
    ['are a whole core and half of one', threaded, [3], 3, [0, 4, 7]],
    ['are halves where nothing else is left', threaded, [0, 1, 2, 3], 2, [4, 5]],
    ['are a whole socket', large, [], 8, [0, 1, 2, 3, 8, 9, 10, 11]],
    ['are the other socket, when the first has been begun', large, [0], 8, [4, 5, 6, 7, 12, 13, 14, 15]],
    ['are of the socket with fewer left, so that the other stays whole', large, [4, 12], 2, [5, 13]],
    ['stay on the socket that they began on', large, [0, 8], 10, [1, 4, 5, 6, 7, 9, 12, 13, 14, 15]],
  ])('%s', (_name, topology, without, count, taken) => {
    expect(takeCpus(topology, ids(topology, ...without), count)).toEqual(taken);
  });
});
