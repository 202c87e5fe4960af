import type { Pod } from '../../machinery/kinds/core.ts';
import { isStatic } from '../../machinery/pod/static.ts';

/** From here on a pod keeps its node or cluster going. Source: "Pod Priority and Preemption", system-cluster-critical. */
export const criticalPriority = 2_000_000_000;

export function priorityOf({ spec }: Pod): number {
  return spec?.priority ?? 0;
}

/** Is the pod never evicted, and let in under any pressure? What the node's own files ask for is, as with the kubelet. */
export function isCritical(pod: Pod): boolean {
  return isStatic(pod) || priorityOf(pod) >= criticalPriority;
}

/** Is it the last to be killed when memory runs out? */
export function isNodeCritical(pod: Pod): boolean {
  return isCritical(pod) && pod.spec?.priorityClassName === 'system-node-critical';
}
