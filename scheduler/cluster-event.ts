/**
 * What can happen in a cluster that may make room for a pod. A bit each: plug-ins name the ones that would change their mind,
 * and the queue compares sets of them.
 */
export const clusterEvent = {
  nodeAdded: 1,
  /** Its allocatable amounts. */
  nodeResourcesChanged: 2,
  nodeLabelsChanged: 4,
  nodeTaintsChanged: 8,
  nodeCordonChanged: 16,
  /** A pod left its node: resources and ports are free again. */
  podRemoved: 32,
  /** The waiting pod itself was changed. */
  podChanged: 64,
} as const;

export type ClusterEvent = (typeof clusterEvent)[keyof typeof clusterEvent];

/** Several events as one number. */
export function eventSet(events: readonly number[]): number {
  return events.reduce((set, event) => set | event, 0);
}
