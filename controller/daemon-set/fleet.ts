import type { DaemonSet } from '../../machinery/kinds/apps.ts';
import type { Node, Pod } from '../../machinery/kinds/core.ts';
import { isAvailable, isTerminal } from '../../machinery/pod/readiness.ts';
import { nodeOf, placementFor, type Placement } from './placement.ts';

/** A DaemonSet's pods, sorted by node. */

export const hashLabel = 'controller-revision-hash';

/** One node, and the set's pods that are on it or for it: those that are bound first, then the oldest. */
export interface Berth {
  readonly node: string;
  readonly placement: Placement;
  readonly pods: readonly Pod[];
}

export interface Fleet {
  readonly set: DaemonSet;
  /** Hash of the present template: what its pods are labelled with. */
  readonly hash: string;
  readonly berths: readonly Berth[];
  /** Pods for nodes that are no more. */
  readonly lost: readonly Pod[];
  /** Milliseconds. */
  readonly now: number;
}

export function arrange(set: DaemonSet, hash: string, nodes: readonly Node[], pods: readonly Pod[], now: number): Fleet {
  const byNode = new Map<string, Pod[]>();
  for (const pod of pods) {
    const node = nodeOf(pod);
    // One that has ended and only waits for its finalizers holds no place.
    if (node === undefined || (isTerminal(pod) && isTerminating(pod))) continue;
    const there = byNode.get(node);
    if (there === undefined) byNode.set(node, [pod]);
    else there.push(pod);
  }
  const placementOn = placementFor(set);
  const names = new Set(nodes.map(({ metadata }) => metadata?.name ?? ''));
  return {
    set, hash, now,
    berths: nodes.map((node) => ({
      node: node.metadata?.name ?? '', placement: placementOn(node), pods: (byNode.get(node.metadata?.name ?? '') ?? []).toSorted(boundThenOldest),
    })),
    lost: [...byNode].flatMap(([node, there]) => (names.has(node) ? [] : there)),
  };
}

function boundThenOldest(a: Pod, b: Pod): number {
  return Number((a.spec?.nodeName ?? '') === '') - Number((b.spec?.nodeName ?? '') === '')
    || (a.metadata?.creationTimestamp ?? '').localeCompare(b.metadata?.creationTimestamp ?? '')
    || (a.metadata?.name ?? '').localeCompare(b.metadata?.name ?? '');
}

export function isUpdated({ hash }: Pick<Fleet, 'hash'>, pod: Pod): boolean {
  return pod.metadata?.labels?.[hashLabel] === hash;
}

export function isAvailableIn({ set, now }: Pick<Fleet, 'set' | 'now'>, pod: Pod): boolean {
  return isAvailable(pod, set.spec?.minReadySeconds ?? 0, now);
}

export function isTerminating(pod: Pod): boolean {
  return pod.metadata?.deletionTimestamp !== undefined;
}

/** Nodes on which a pod should be. */
export function desired({ berths }: Pick<Fleet, 'berths'>): number {
  return berths.filter(({ placement }) => placement.shouldRun).length;
}
