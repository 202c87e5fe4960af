import type { Node } from '../../machinery/kinds/core.ts';
import { isNodeReady } from './health.ts';

/**
 * When many nodes fail at once, it is more likely the network (or this very process) than the nodes: pods then stay where they
 * are. Source: "Nodes", rate limits on eviction.
 */

const partlyFrom = 0.55;
/** Fewer nodes than this that fail are never called a disruption of their zone. */
const fewest = 3;

function zoneOf(node: Node): string {
  const labels = node.metadata?.labels ?? {};
  return `${labels['topology.kubernetes.io/region'] ?? ''}/${labels['topology.kubernetes.io/zone'] ?? ''}`;
}

/** May pods be driven off this node, which isn't ready? Not when no node at all is ready, nor when most of its zone isn't. */
export function mayEvict(node: Node, nodes: readonly Node[]): boolean {
  if (!nodes.some(isNodeReady)) return false;
  const zone = nodes.filter((other) => zoneOf(other) === zoneOf(node));
  const failing = zone.filter((other) => !isNodeReady(other)).length;
  // A zone that is gone altogether, while others live, has failed for good.
  return failing === zone.length || failing < fewest || failing / zone.length < partlyFrom;
}
