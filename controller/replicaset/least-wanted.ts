import type { Pod } from '../../machinery/kinds/core.ts';
import { isReady, readyCondition } from '../../machinery/pod/readiness.ts';

/** Which pods go first when there are too many. Source: "ReplicaSet", scaling a ReplicaSet; pod deletion cost. */

const costAnnotation = 'controller.kubernetes.io/pod-deletion-cost';
const phaseOrder: Readonly<Record<string, number>> = { Pending: 0, Unknown: 1, Running: 2 };

/** A pod with what is compared, smaller going first. */
interface Ranked {
  readonly pod: Pod;
  readonly ranks: readonly number[];
  readonly uid: string;
}

/** The `count` pods to remove of `pods`; `related` are all active pods of the same workload. `now` in milliseconds. */
export function leastWanted(pods: readonly Pod[], related: readonly Pod[], count: number, now: number): readonly Pod[] {
  if (count >= pods.length) return pods;
  const perNode = new Map<string, number>();
  for (const pod of related) {
    const node = pod.spec?.nodeName ?? '';
    perNode.set(node, (perNode.get(node) ?? 0) + 1);
  }
  return pods.map((pod) => rank(pod, perNode, now)).toSorted(compare).slice(0, count).map(({ pod }) => pod);
}

function rank(pod: Pod, perNode: ReadonlyMap<string, number>, now: number): Ranked {
  const node = pod.spec?.nodeName ?? '';
  return {
    pod,
    uid: pod.metadata?.uid ?? '',
    ranks: [
      node === '' ? 0 : 1,
      phaseOrder[pod.status?.phase ?? 'Pending'] ?? 1,
      isReady(pod) ? 1 : 0,
      deletionCost(pod),
      -(perNode.get(node) ?? 0),
      isReady(pod) ? ageBucket(readyCondition(pod)?.lastTransitionTime, now) : 0,
      -Math.max(0, ...(pod.status?.containerStatuses ?? []).map(({ restartCount }) => restartCount)),
      ageBucket(pod.metadata?.creationTimestamp, now),
    ],
  };
}

/** Ages are compared by powers of two: among pods of about the same age chance decides, so that not all of one moment go. */
function ageBucket(timestamp: string | undefined, now: number): number {
  if (timestamp === undefined) return 0;
  const seconds = (now - Date.parse(timestamp)) / 1000;
  return seconds < 1 ? 0 : Math.floor(Math.log2(seconds)) + 1;
}

function deletionCost(pod: Pod): number {
  const text = pod.metadata?.annotations?.[costAnnotation] ?? '0';
  return /^-?\d+$/.test(text) ? Number(text) : 0;
}

function compare(a: Ranked, b: Ranked): number {
  for (const [index, left] of a.ranks.entries()) {
    const difference = left - (b.ranks[index] ?? 0);
    if (difference !== 0) return difference;
  }
  // Uids are random: any order among equals that stays the same will do.
  return a.uid < b.uid ? -1 : Number(a.uid > b.uid);
}
