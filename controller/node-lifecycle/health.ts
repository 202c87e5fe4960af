import { findCondition, timestamp } from '../../machinery/conditions.ts';
import { Node, Pod, type NodeCondition } from '../../machinery/kinds/core.ts';
import { isReady } from '../../machinery/pod/readiness.ts';
import { referenceTo } from '../../client/events.ts';
import { at, event, type Step } from '../steps.ts';

/** A node that has not been heard of is not known to be ready. Source: "Nodes", node status; heartbeats. */

/** What a silent node's conditions become. */
const watched = ['Ready', 'MemoryPressure', 'DiskPressure', 'PIDPressure'] as const;

export function isNodeReady(node: Node): boolean {
  return readiness(node) === 'True';
}

export function readiness(node: Node): string {
  return findCondition(node.status?.conditions, 'Ready')?.status ?? 'Unknown';
}

/** The conditions of a node that went silent; empty when they say so already. */
export function markSilent(node: Node, pods: readonly Pod[], now: number): readonly Step[] {
  const changed = watched.flatMap((type) => unknown(node, type, now));
  const steps: Step[] = [];
  if (changed.length > 0) {
    steps.push({
      type: 'patch', kind: Node, at: at(node), patchType: 'application/strategic-merge-patch+json', subresource: 'status', goneIsFine: true,
      body: { status: { conditions: changed } },
    });
    if (isNodeReady(node)) {
      const name = node.metadata?.name ?? '';
      steps.push(event(referenceTo(Node, node), 'Normal', 'NodeNotReady', `Node ${name} status is now: NodeNotReady`));
    }
  }
  return [...steps, ...pods.filter(isReady).flatMap((pod) => markPodNotReady(pod, now))];
}

function unknown(node: Node, type: string, now: number): readonly NodeCondition[] {
  const old = findCondition(node.status?.conditions, type);
  if (old?.status === 'Unknown') return [];
  const { creationTimestamp } = node.metadata ?? {};
  const neverHeard = { reason: 'NodeStatusNeverUpdated', message: 'Kubelet never posted node status.', ...(creationTimestamp === undefined ? {} : { lastHeartbeatTime: creationTimestamp }) };
  const silent = {
    reason: 'NodeStatusUnknown', message: 'Kubelet stopped posting node status.', ...(old?.lastHeartbeatTime === undefined ? {} : { lastHeartbeatTime: old.lastHeartbeatTime }),
  };
  return [{ type, status: 'Unknown', lastTransitionTime: timestamp(now), ...(old === undefined ? neverHeard : silent) }];
}

/** Nobody can vouch for the pod: no traffic should go there. */
function markPodNotReady(pod: Pod, now: number): readonly Step[] {
  return [
    {
      type: 'patch', kind: Pod, at: at(pod), patchType: 'application/strategic-merge-patch+json', subresource: 'status', goneIsFine: true,
      body: { status: { conditions: [{ type: 'Ready', status: 'False', lastTransitionTime: timestamp(now) }] } },
    },
    event(referenceTo(Pod, pod), 'Warning', 'NodeNotReady', 'Node is not ready'),
  ];
}
