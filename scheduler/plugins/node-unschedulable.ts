import { tolerates } from '../../machinery/pod/tolerations.ts';
import { clusterEvent } from '../cluster-event.ts';
import { definePlugin, type Refusal } from '../plugin.ts';

const cordon = { key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' };
const cordoned: Refusal = { reasons: ['node(s) were unschedulable'], resolvable: false };

/** Cordoned nodes take only pods that tolerate the cordon's taint. Source: "Manual node administration". */
export const nodeUnschedulable = definePlugin<true>({
  name: 'NodeUnschedulable',
  wakeOn: [clusterEvent.nodeAdded, clusterEvent.nodeCordonChanged],
  reads: ({ spec }) => String(tolerates(spec?.tolerations, cordon)),
  prepare: ({ spec }) => (tolerates(spec?.tolerations, cordon) ? undefined : true),
  scope: 'flavour',
  filter: (_prepared, nodes, row) => (nodes.nodeAt(row)?.spec?.unschedulable === true ? cordoned : undefined),
});
