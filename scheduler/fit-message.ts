import type { Diagnosis } from './diagnosis.ts';

/** What preempting others could do for the pod: nothing, since none is of lower priority; not allowed to; or not looked into. */
export type Preemption = 'no-victims' | 'never' | 'not-judged';

/**
 * What a pod's status and `FailedScheduling` say, in Kubernetes' words, so that what reads them keeps working.
 * Source: kube-scheduler 1.36, its fit error with the answers of DynamicResources and DefaultPreemption.
 */
export function fitMessage(diagnosis: Diagnosis, preemption: Preemption): string {
  const { nodes, reasons, resolvable } = diagnosis;
  if (nodes === 0) return 'no nodes available to schedule pods';
  const why = counted(nodes, reasons);
  switch (preemption) {
    case 'not-judged': return why;
    case 'never': return `${why} ${noClaims}, preemption: not eligible due to preemptionPolicy=Never.`;
    case 'no-victims': return `${why} ${noClaims}, preemption: ${counted(nodes, new Map([
      ['No preemption victims found for incoming pod', resolvable], ['Preemption is not helpful for scheduling', nodes - resolvable],
    ]))}`;
  }
}

const noClaims = 'no new claims to deallocate';

/** Sorted as text, count first. */
function counted(nodes: number, reasons: ReadonlyMap<string, number>): string {
  const parts = [...reasons].filter(([, count]) => count > 0).map(([reason, count]) => `${count} ${reason}`).toSorted();
  return `0/${nodes} nodes are available: ${parts.join(', ')}.`;
}
