import type { Pod } from '../../machinery/kinds/core.ts';
import { isAvailable, isReady } from '../../machinery/pod/readiness.ts';

/** What a StatefulSet waits for in its pods. Source: "StatefulSets", deployment and scaling guarantees. */

export function isRunningAndReady(pod: Pod): boolean {
  return pod.status?.phase === 'Running' && isReady(pod);
}

/** Running, and ready for `minReadySeconds` at `now` (milliseconds). */
export function isRunningAndAvailable(pod: Pod, minReadySeconds: number, now: number): boolean {
  return isRunningAndReady(pod) && isAvailable(pod, minReadySeconds, now);
}

export function isTerminating(pod: Pod): boolean {
  return pod.metadata?.deletionTimestamp !== undefined;
}
