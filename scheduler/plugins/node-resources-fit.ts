import { clusterEvent } from '../cluster-event.ts';
import { demandText, type Demand } from '../nodes/demand.ts';
import type { Nodes } from '../nodes/nodes.ts';
import { cpu, memory, pods } from '../nodes/resources.ts';
import { definePlugin, type Refusal } from '../plugin.ts';

interface Prepared {
  readonly demand: Demand;
  /** Per entry of the demand: the refusal when it alone doesn't fit, on a node that is full and on one that is too small. */
  readonly full: readonly Refusal[];
  readonly small: readonly Refusal[];
}

/**
 * A node must have left what the pod asks for. Fuller nodes score higher (MostAllocated over cpu and memory), so that pods are
 * packed and big ones still find room. Source: "Resource Bin Packing".
 */
export const nodeResourcesFit = definePlugin<Prepared>({
  name: 'NodeResourcesFit',
  wakeOn: [clusterEvent.nodeAdded, clusterEvent.nodeResourcesChanged, clusterEvent.podRemoved, clusterEvent.podChanged],
  reads: demandText,
  prepare: (pod, nodes) => {
    const demand = nodes.demands.of(pod);
    const reasons = demand.ids.map((id) => reasonOf(nodes, id));
    return {
      demand,
      full: reasons.map((reason) => ({ reasons: [reason], resolvable: true })),
      // The number of pods can always be mended by removing some.
      small: reasons.map((reason, i) => ({ reasons: [reason], resolvable: demand.ids[i] === pods })),
    };
  },
  scope: 'row',
  filter: ({ demand, full, small }, nodes, row) => {
    let refusal: Refusal | undefined;
    for (let i = 0; i < demand.ids.length; i += 1) {
      const [id = 0, amount = 0] = [demand.ids[i], demand.amounts[i]];
      const allocatable = nodes.resources.allocatable(id, row);
      if (amount <= allocatable - nodes.resources.requested(id, row)) continue;
      const one = (amount > allocatable ? small : full)[i];
      if (one !== undefined) refusal = refusal === undefined ? one : both(refusal, one);
    }
    return refusal;
  },
  score: {
    weight: 1,
    normalise: 'none',
    of: ({ demand }, nodes, row) => mostAllocated(nodes, row, demand),
  },
});

function reasonOf(nodes: Nodes, id: number): string {
  return id === pods ? 'Too many pods' : `Insufficient ${nodes.resources.nameOf(id)}`;
}

function both(a: Refusal, b: Refusal): Refusal {
  return { reasons: [...a.reasons, ...b.reasons], resolvable: a.resolvable && b.resolvable };
}

/** The mean of how full (0 to 100) cpu and memory would be; a resource that the node doesn't have doesn't count. */
function mostAllocated(nodes: Nodes, row: number, { estimatedCpu, estimatedMemory }: Demand): number {
  const cpus = nodes.resources.allocatable(cpu, row);
  const bytes = nodes.resources.allocatable(memory, row);
  let sum = 0;
  if (cpus > 0) sum += fullness(nodes.resources.estimated(cpu, row) + estimatedCpu, cpus);
  if (bytes > 0) sum += fullness(nodes.resources.estimated(memory, row) + estimatedMemory, bytes);
  return cpus > 0 && bytes > 0 ? Math.floor(sum / 2) : sum;
}

/** Estimates may exceed what there is. */
function fullness(used: number, capacity: number): number {
  return used >= capacity ? 100 : Math.floor((used * 100) / capacity);
}
