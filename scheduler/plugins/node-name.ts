import { clusterEvent } from '../cluster-event.ts';
import { definePlugin, type Refusal } from '../plugin.ts';

const otherNode: Refusal = { reasons: ["node(s) didn't match the requested node name"], resolvable: false };

/** A pod that names its node goes nowhere else. Source: "Assigning Pods to Nodes", nodeName. */
export const nodeName = definePlugin<string>({
  name: 'NodeName',
  wakeOn: [clusterEvent.nodeAdded],
  reads: ({ spec }) => spec?.nodeName ?? '',
  prepare: ({ spec }) => spec?.nodeName || undefined,
  scope: 'row',
  filter: (name, nodes, row) => (nodes.nameOf(row) === name ? undefined : otherNode),
});
