import { containersOf } from '../pod/state.ts';
import { canonical, formatQuantity, parseQuantity, toUnits } from '../../machinery/quantity.ts';
import type { Candidate, ContainerUse } from './candidate.ts';
import { starvedOf, type Observations } from './pressure.ts';
import { countOf, formatCount, type Threshold } from './thresholds.ts';

/** Why a pod was evicted, in Kubernetes' words; each sentence ends with a space, as there. Pure. */

export function nodeWasLow({ signal, value }: Threshold, observations: Observations, { pod, containers }: Candidate): string {
  const starved = starvedOf(signal);
  const seen = observations.get(signal);
  const measured = seen === undefined ? '' : `Threshold quantity: ${formatCount(signal, countOf(value, seen.capacity))}, available: ${formatCount(signal, seen.available)}. `;
  const large = containers.flatMap((container) => {
    const used = usedBy(container, starved);
    const request = containersOf(pod).find(({ spec }) => spec.name === container.name)?.spec.resources?.requests?.[starved];
    const asked = parseQuantity(request ?? '0');
    if (used === undefined || asked === undefined || used <= toUnits(asked)) return [];
    return [`Container ${container.name} was using ${bytesText(used)}, request is ${canonical(request ?? '0') ?? '0'}, has larger consumption of ${starved}. `];
  });
  return `The node was low on resource: ${starved}. ${measured}${large.join('')}`;
}

function usedBy({ memoryBytes, disk }: ContainerUse, starved: ReturnType<typeof starvedOf>): number | undefined {
  switch (starved) {
    case 'memory': return memoryBytes;
    case 'ephemeral-storage': return disk?.bytes;
    case 'inodes': case 'pids': return undefined;
  }
}

function bytesText(bytes: number): string {
  return formatQuantity({ nanos: BigInt(bytes) * 1_000_000_000n }, 'BinarySI');
}

export function containerExceeds(container: string, limit: string): string {
  return `Container ${container} exceeded its local ephemeral storage limit ${JSON.stringify(limit)}. `;
}

export function podExceeds(limit: string): string {
  return `Pod ephemeral local storage usage exceeds the total limit of containers ${limit}. `;
}

export function volumeExceeds(volume: string, limit: string): string {
  return `Usage of EmptyDir volume ${JSON.stringify(volume)} exceeds the limit ${JSON.stringify(limit)}. `;
}
