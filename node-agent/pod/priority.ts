import type { Pod } from '../../machinery/kinds/core.ts';

/** From here on a pod keeps its node or cluster going. Source: "Pod Priority and Preemption", system-cluster-critical. */
export const criticalPriority = 2_000_000_000;

export function priorityOf({ spec }: Pod): number {
  return spec?.priority ?? 0;
}

/** Is the pod never evicted, and let in under any pressure? */
export function isCritical(pod: Pod): boolean {
  return priorityOf(pod) >= criticalPriority;
}
