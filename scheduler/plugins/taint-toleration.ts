import type { Taint, Toleration } from '../../machinery/kinds/core.ts';
import { tolerates } from '../../machinery/pod/tolerations.ts';
import { clusterEvent } from '../cluster-event.ts';
import { definePlugin } from '../plugin.ts';

interface Prepared {
  readonly tolerations: readonly Toleration[];
  /** Those that can cover a soft taint. */
  readonly soft: readonly Toleration[];
}

/**
 * Taints keep pods away (`NoSchedule`, `NoExecute`) or make a node the lesser choice (`PreferNoSchedule`).
 * Source: "Taints and Tolerations".
 */
export const taintToleration = definePlugin<Prepared>({
  name: 'TaintToleration',
  wakeOn: [clusterEvent.nodeAdded, clusterEvent.nodeTaintsChanged],
  reads: ({ spec }) => JSON.stringify(spec?.tolerations ?? []),
  prepare: ({ spec }) => {
    const tolerations = spec?.tolerations ?? [];
    return { tolerations, soft: tolerations.filter(({ effect = '' }) => effect === '' || effect === 'PreferNoSchedule') };
  },
  scope: 'flavour',
  filter: ({ tolerations }, nodes, row) => {
    const taint = nodes.nodeAt(row)?.spec?.taints?.find((each) => isHard(each) && !tolerates(tolerations, each));
    return taint && { reasons: ['node(s) had untolerated taint(s)'], resolvable: false, detail: `${taint.key}=${taint.value ?? ''}:${taint.effect}` };
  },
  score: {
    weight: 3,
    normalise: 'greatest-reversed',
    of: ({ soft }, nodes, row) => (nodes.nodeAt(row)?.spec?.taints ?? []).filter((taint) => taint.effect === 'PreferNoSchedule' && !tolerates(soft, taint)).length,
  },
});

function isHard({ effect }: Taint): boolean {
  return effect === 'NoSchedule' || effect === 'NoExecute';
}
