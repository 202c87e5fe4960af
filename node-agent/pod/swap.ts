import type { Container, Pod } from '../../machinery/kinds/core.ts';
import { qosClass } from '../../machinery/pod/qos.ts';
import { podRequests } from '../../machinery/pod/requests.ts';
import { parseQuantity, toUnits, type Quantity } from '../../machinery/quantity.ts';
import { isCritical } from './priority.ts';

/** How much pods may swap. Pure. Source: KEP-2400, "Swap memory management"; the kubelet's `memorySwap.swapBehavior`. */
export type Swap =
  | { readonly behavior: 'NoSwap' }
  /** Burstable pods have of the machine's swap what they request of its memory. */
  | { readonly behavior: 'LimitedSwap'; readonly memoryBytes: number; readonly swapBytes: number };

/** Bytes of swap that a container may use. */
export function containerSwap(pod: Pod, { resources }: Container, swap: Swap): number {
  const [request, limit] = [parseQuantity(resources?.requests?.['memory'] ?? ''), parseQuantity(resources?.limits?.['memory'] ?? '')];
  // One with all that it may ever have is not to be slow about it.
  const isWhole = request !== undefined && limit !== undefined && toUnits(request) === toUnits(limit);
  return isWhole ? 0 : shareOf(pod, request, swap);
}

/** What its containers may together; undefined: the whole node's pods may none. */
export function podSwap(pod: Pod, swap: Swap): number | undefined {
  return swap.behavior === 'NoSwap' ? undefined : shareOf(pod, podRequests(pod.spec ?? { containers: [] }).get('memory'), swap);
}

function shareOf(pod: Pod, request: Quantity | undefined, swap: Swap): number {
  if (swap.behavior === 'NoSwap' || request === undefined || isCritical(pod) || qosClass(pod.spec ?? { containers: [] }) !== 'Burstable') return 0;
  return Math.floor(toUnits(request) / swap.memoryBytes * swap.swapBytes);
}
