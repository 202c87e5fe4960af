import { findCondition, timestamp } from '../../machinery/conditions.ts';
import { Node, type Taint } from '../../machinery/kinds/core.ts';
import { update, type Step } from '../steps.ts';

/** The taints that follow from a node's state. Source: "Taints and Tolerations", taint based evictions; taint nodes by condition. */

const notReady = 'node.kubernetes.io/not-ready';
const unreachable = 'node.kubernetes.io/unreachable';
const unschedulable = 'node.kubernetes.io/unschedulable';

const byCondition: Readonly<Record<string, string>> = {
  MemoryPressure: 'node.kubernetes.io/memory-pressure', DiskPressure: 'node.kubernetes.io/disk-pressure',
  PIDPressure: 'node.kubernetes.io/pid-pressure', NetworkUnavailable: 'node.kubernetes.io/network-unavailable',
};
const ours = new Set([notReady, unreachable, unschedulable, ...Object.values(byCondition)]);

/** Gives the node the taints it should have, others untouched. `evicts`: may pods be driven off a node that isn't ready? */
export function taintNode(node: Node, evicts: boolean, now: number): readonly Step[] {
  const present = node.spec?.taints ?? [];
  const wanted = wantedTaints(node, evicts);
  const isWanted = (taint: Taint): boolean => wanted.some((one) => one.key === taint.key && one.effect === taint.effect);
  const kept = present.filter((taint) => !isOurs(taint) || isWanted(taint));
  const added = wanted.filter((taint) => !present.some((one) => one.key === taint.key && one.effect === taint.effect));
  if (kept.length === present.length && added.length === 0) return [];
  const stamped = added.map((taint): Taint => ({ ...taint, timeAdded: timestamp(now) }));
  return [update(Node, { ...node, spec: { ...node.spec, taints: [...kept, ...stamped] } })];
}

/** A taint that this controller gives and takes. */
function isOurs(taint: Taint): boolean {
  if (taint.effect === 'NoSchedule') return ours.has(taint.key);
  return taint.effect === 'NoExecute' && (taint.key === notReady || taint.key === unreachable);
}

function wantedTaints(node: Node, evicts: boolean): readonly Taint[] {
  const wanted: Taint[] = [];
  const ready = findCondition(node.status?.conditions, 'Ready')?.status;
  if (ready !== 'True') {
    // One that hasn't said how it is has only just come.
    const key = ready === 'Unknown' ? unreachable : notReady;
    wanted.push({ key, effect: 'NoSchedule' });
    if (evicts) wanted.push({ key, effect: 'NoExecute' });
  }
  for (const { type, status } of node.status?.conditions ?? []) {
    const key = byCondition[type];
    if (key !== undefined && status === 'True') wanted.push({ key, effect: 'NoSchedule' });
  }
  if (node.spec?.unschedulable === true) wanted.push({ key: unschedulable, effect: 'NoSchedule' });
  return wanted;
}
