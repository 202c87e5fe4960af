import { clusterEvent } from '../cluster-event.ts';
import { demandText } from '../nodes/demand.ts';
import type { Nodes } from '../nodes/nodes.ts';
import { cpu, memory, pods, type Column } from '../nodes/resources.ts';
import { definePlugin, type Refusal } from '../plugin.ts';

interface Prepared {
  readonly wants: readonly Want[];
  readonly estimatedCpu: number;
  readonly estimatedMemory: number;
}

/** One resource of the demand. */
interface Want {
  readonly amount: number;
  readonly column: Column;
  /** The refusal when it alone doesn't fit, on a node that is full and on one that is too small. */
  readonly full: Refusal;
  readonly small: Refusal;
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
    const { ids, amounts, estimatedCpu, estimatedMemory } = nodes.demands.of(pod);
    return { wants: ids.map((id, i) => wantOf(nodes, id, amounts[i] ?? 0)), estimatedCpu, estimatedMemory };
  },
  scope: 'row',
  filter: ({ wants }, _nodes, row) => {
    let refusal: Refusal | undefined;
    for (const { amount, column, full, small } of wants) {
      const allocatable = column.allocatable[row] ?? 0;
      if (amount <= allocatable - (column.requested[row] ?? 0)) continue;
      const one = amount > allocatable ? small : full;
      refusal = refusal === undefined ? one : both(refusal, one);
    }
    return refusal;
  },
  score: { weight: 1, normalise: 'none', of: mostAllocated },
});

function wantOf(nodes: Nodes, id: number, amount: number): Want {
  const reasons = [id === pods ? 'Too many pods' : `Insufficient ${nodes.resources.nameOf(id)}`];
  // The number of pods can always be mended by removing some.
  return { amount, column: nodes.resources.column(id), full: { reasons, resolvable: true }, small: { reasons, resolvable: id === pods } };
}

function both(a: Refusal, b: Refusal): Refusal {
  return { reasons: [...a.reasons, ...b.reasons], resolvable: a.resolvable && b.resolvable };
}

/** The mean of how full (0 to 100) cpu and memory would be; a resource that the node doesn't have doesn't count. */
function mostAllocated({ estimatedCpu, estimatedMemory }: Prepared, { resources }: Nodes, row: number): number {
  const cpus = resources.column(cpu).allocatable[row] ?? 0;
  const bytes = resources.column(memory).allocatable[row] ?? 0;
  const ofCpu = cpus > 0 ? fullness((resources.estimates.cpu[row] ?? 0) + estimatedCpu, cpus) : 0;
  const ofMemory = bytes > 0 ? fullness((resources.estimates.memory[row] ?? 0) + estimatedMemory, bytes) : 0;
  return cpus > 0 && bytes > 0 ? Math.floor((ofCpu + ofMemory) / 2) : ofCpu + ofMemory;
}

/** Estimates may exceed what there is. */
function fullness(used: number, capacity: number): number {
  return used >= capacity ? 100 : Math.floor((used * 100) / capacity);
}
