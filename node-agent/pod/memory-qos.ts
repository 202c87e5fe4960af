import type { Container, Pod } from '../../machinery/kinds/core.ts';
import { qosClass } from '../../machinery/pod/qos.ts';
import { podRequests } from '../../machinery/pod/requests.ts';
import { toUnits, unitsOf } from '../../machinery/quantity.ts';
import type { CgroupResources } from '../runtime/runtime.ts';

/** What the kernel is told of memory besides limits: what it is to leave with whom, and whom to slow down. Pure. Source: KEP-2570 as of 1.36. */
export interface MemoryQos {
  /** How far on the way from its request to its limit a container is slowed down, 0 to 1. Absent: it is not. */
  readonly throttlingFactor?: number;
  /** Kubernetes' `TieredReservation`: requests of Guaranteed pods are theirs whatever happens, those of Burstable ones while it can be done. */
  readonly reserves: boolean;
}

/** Where that can't be, or nobody has asked for it. */
export const noMemoryQos: MemoryQos = { reserves: false };

type Told = Pick<CgroupResources, 'memoryMinBytes' | 'memoryLowBytes' | 'memoryHighBytes'>;

/** `allocatableBytes`: the node's, which stands for a limit where there is none. */
export function containerMemoryQos(pod: Pod, { resources }: Container, { throttlingFactor, reserves }: MemoryQos, allocatableBytes: number): Told {
  const qos = qosClass(pod.spec ?? { containers: [] });
  const requestBytes = unitsOf(resources?.requests?.['memory']) ?? 0;
  const mostBytes = unitsOf(resources?.limits?.['memory']) ?? allocatableBytes;
  return {
    ...(reserves ? reservation(qos, requestBytes) : {}),
    // A Guaranteed pod has no more to come to than its request.
    ...(throttlingFactor === undefined || qos === 'Guaranteed' ? {} : { memoryHighBytes: highBytes(requestBytes, mostBytes, throttlingFactor) }),
  };
}

/** The pod's own cgroup: what a container is left with, its pod must be left with. */
export function podMemoryQos({ spec = { containers: [] } }: Pod, { reserves }: MemoryQos): Told {
  if (!reserves) return {};
  const request = podRequests(spec).get('memory');
  return reservation(qosClass(spec), request === undefined ? 0 : toUnits(request));
}

function reservation(qos: ReturnType<typeof qosClass>, bytes: number): Told {
  return qos === 'Guaranteed' ? { memoryMinBytes: bytes } : qos === 'Burstable' ? { memoryLowBytes: bytes } : {};
}

const pageBytes = 4096;

/** Infinity: never, where nothing is between the two. */
function highBytes(requestBytes: number, mostBytes: number, factor: number): number {
  return requestBytes >= mostBytes ? Infinity : Math.floor((requestBytes + factor * (mostBytes - requestBytes)) / pageBytes) * pageBytes;
}
