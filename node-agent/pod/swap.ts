import type { Container, Pod } from '../../machinery/kinds/core.ts';
import { qosClass } from '../../machinery/pod/qos.ts';
import { podRequests } from '../../machinery/pod/requests.ts';
import { toUnits, unitsOf } from '../../machinery/quantity.ts';
import { isCritical } from './priority.ts';

/** How much pods may swap. Pure. Source: KEP-2400, "Swap memory management"; the kubelet's `memorySwap.swapBehavior`. */
export type Swap =
  | { readonly behavior: 'NoSwap' }
  /** Burstable pods have of the machine's swap what they request of its memory. */
  | { readonly behavior: 'LimitedSwap'; readonly memoryBytes: number; readonly swapBytes: number };

/** Bytes of swap that a container may use. */
export function containerSwap(pod: Pod, { resources }: Container, swap: Swap): number {
  const [requestBytes, limitBytes] = [unitsOf(resources?.requests?.['memory']), unitsOf(resources?.limits?.['memory'])];
  // One with all that it may ever have is not to be slow about it.
  const isWhole = requestBytes !== undefined && requestBytes === limitBytes;
  return isWhole ? 0 : shareOf(pod, requestBytes, swap);
}

/** What its containers may together; undefined: the whole node's pods may none. */
export function podSwap(pod: Pod, swap: Swap): number | undefined {
  if (swap.behavior === 'NoSwap') return undefined;
  const request = podRequests(pod.spec ?? { containers: [] }).get('memory');
  return shareOf(pod, request === undefined ? undefined : toUnits(request), swap);
}

function shareOf(pod: Pod, requestBytes: number | undefined, swap: Swap): number {
  if (swap.behavior === 'NoSwap' || requestBytes === undefined || isCritical(pod) || qosClass(pod.spec ?? { containers: [] }) !== 'Burstable') return 0;
  return Math.floor(requestBytes / swap.memoryBytes * swap.swapBytes);
}
