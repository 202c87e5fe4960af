import type { Pod, PodCondition } from '../kinds/core.ts';

/** What a pod's status says about it, in the words that controllers use. Source: "Pod Lifecycle". */

export function podCondition(pod: Pod, type: string): PodCondition | undefined {
  return pod.status?.conditions?.find((condition) => condition.type === type);
}

export function readyCondition(pod: Pod): PodCondition | undefined {
  return podCondition(pod, 'Ready');
}

/** May the pod be sent traffic? */
export function isReady(pod: Pod): boolean {
  return readyCondition(pod)?.status === 'True';
}

/** Will its containers never run again? */
export function isTerminal(pod: Pod): boolean {
  return pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';
}

/** Does it count towards its owner's replicas: neither terminal nor being deleted? */
export function isActive(pod: Pod): boolean {
  return !isTerminal(pod) && pod.metadata?.deletionTimestamp === undefined;
}

/** The instant (milliseconds) from which the pod is available, given it stays ready; undefined while it isn't ready. */
export function availableSince(pod: Pod, minReadySeconds: number): number | undefined {
  const ready = readyCondition(pod);
  if (ready?.status !== 'True') return undefined;
  if (minReadySeconds === 0) return 0;
  const since = ready.lastTransitionTime === undefined ? Number.NaN : Date.parse(ready.lastTransitionTime);
  return Number.isNaN(since) ? undefined : since + minReadySeconds * 1000;
}

/** Has the pod been ready for `minReadySeconds` at `now` (milliseconds)? Source: "Deployments", min ready seconds. */
export function isAvailable(pod: Pod, minReadySeconds: number, now: number): boolean {
  const since = availableSince(pod, minReadySeconds);
  return since !== undefined && since <= now;
}
