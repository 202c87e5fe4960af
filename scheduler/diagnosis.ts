import type { PodClass } from './classes/pod-class.ts';
import { clusterEvent } from './cluster-event.ts';
import type { Nodes } from './nodes/nodes.ts';

/** Why no node takes a pod: what is told in its status and events, and what to wait for. */
export interface Diagnosis {
  readonly nodes: number;
  /** Nodes by reason; one that gives two counts for both. */
  readonly reasons: ReadonlyMap<string, number>;
  /** Nodes on which it could help to remove pods. */
  readonly resolvable: number;
  /** The set of events that may help. */
  readonly wakeOn: number;
}

/** One node's answer, for explanations. */
export interface NodeAnswer {
  readonly node: string;
  /** Empty: it takes the pod. */
  readonly reasons: readonly string[];
  readonly plugin?: string;
  readonly detail?: string;
}

/** Asks every node. */
export function diagnose(podClass: PodClass, nodes: Nodes): Diagnosis {
  const reasons = new Map<string, number>();
  let [resolvable, wakeOn] = [0, clusterEvent.nodeAdded as number];
  const count = (reason: string): void => void reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
  const narrow = podClass.narrow && new Set(podClass.narrow);
  for (let row = 0; row < nodes.rows; row += 1) {
    if (nodes.nodeAt(row) === undefined) continue;
    if (narrow !== undefined && !narrow.has(nodes.nameOf(row))) {
      count(narrowedReason(podClass));
      continue;
    }
    const refused = podClass.refused(row);
    if (refused === undefined) continue;
    wakeOn |= refused.plugin.wakeOn;
    if (refused.refusal.resolvable) resolvable += 1;
    for (const reason of refused.refusal.reasons) count(reason);
  }
  return { nodes: nodes.count, reasons, resolvable, wakeOn };
}

/** Asks every node and keeps each one's answer. */
export function explainNodes(podClass: PodClass, nodes: Nodes): readonly NodeAnswer[] {
  const answers: NodeAnswer[] = [];
  for (let row = 0; row < nodes.rows; row += 1) {
    if (nodes.nodeAt(row) === undefined) continue;
    const node = nodes.nameOf(row);
    const refused = podClass.refused(row);
    if (podClass.narrow !== undefined && !podClass.narrow.includes(node)) answers.push({ node, reasons: [narrowedReason(podClass)] });
    else if (refused === undefined) answers.push({ node, reasons: [] });
    else {
      const { plugin, refusal: { reasons, detail } } = refused;
      answers.push({ node, reasons, plugin: plugin.name, ...(detail === undefined ? {} : { detail }) });
    }
  }
  return answers;
}

function narrowedReason({ narrowedBy }: PodClass): string {
  return `node(s) didn't satisfy plugin(s) [${narrowedBy.map(({ name }) => name).toSorted().join(' ')}]`;
}
