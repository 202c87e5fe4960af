import type { Pod } from '../../machinery/kinds/core.ts';
import { podRequests } from '../../machinery/pod/requests.ts';
import { toUnits } from '../../machinery/quantity.ts';
import { priorityOf } from '../pod/priority.ts';
import { ephemeralStorage } from '../stats/storage.ts';
import { type Candidate } from './candidate.ts';
import type { Starved } from './pressure.ts';

/**
 * Who goes first: who uses more than it asked for, of those who matters less, of those who uses most above it; pods of which nothing
 * is known before all. For processes priority alone decides, then their number. Pure. Source: "Pod selection for kubelet eviction".
 */
export function ranked(candidates: readonly Candidate[], starved: Starved): readonly Candidate[] {
  const use = new Map(candidates.map((candidate) => [candidate, usedOf(candidate, starved)]));
  const above = (candidate: Candidate): number => (use.get(candidate) ?? 0) - (starved === 'pids' ? 0 : requestOf(candidate.pod, starved));
  const isUnknown = (candidate: Candidate): boolean => use.get(candidate) === undefined;
  const exceeds = (candidate: Candidate): boolean => starved !== 'pids' && above(candidate) > 0;
  return candidates.toSorted((a, b) => trueFirst(isUnknown(a), isUnknown(b)) || trueFirst(exceeds(a), exceeds(b)) || priorityOf(a.pod) - priorityOf(b.pod) || above(b) - above(a));
}

function usedOf({ pod, memoryBytes, processes, storage }: Candidate, starved: Starved): number | undefined {
  switch (starved) {
    case 'memory': return memoryBytes;
    case 'pids': return processes;
    case 'ephemeral-storage': return storage === undefined ? undefined : ephemeralStorage(pod, storage).bytes;
    case 'inodes': return storage === undefined ? undefined : ephemeralStorage(pod, storage).inodes;
  }
}

/** Inodes can't be asked for. */
function requestOf({ spec }: Pod, starved: Starved): number {
  const request = starved === 'inodes' ? undefined : podRequests(spec ?? { containers: [] }).get(starved);
  return request === undefined ? 0 : toUnits(request);
}

function trueFirst(a: boolean, b: boolean): number {
  return Number(b) - Number(a);
}
