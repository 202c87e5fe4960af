import { clusterEvent } from '../cluster-event.ts';
import { definePlugin } from '../plugin.ts';

/** Pods with `spec.schedulingGates` wait until somebody has taken the gates away. Source: "Pod Scheduling Readiness". */
export const schedulingGates = definePlugin({
  name: 'SchedulingGates',
  wakeOn: [clusterEvent.podChanged],
  reads: () => '',
  gate: ({ spec }) => {
    const gates = (spec?.schedulingGates ?? []).map(({ name }) => name);
    return gates.length === 0 ? undefined : `waiting for scheduling gates: [${gates.join(' ')}]`;
  },
  prepare: () => undefined,
  scope: 'flavour',
});
