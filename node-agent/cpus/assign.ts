import type { Container, Pod } from '../../machinery/kinds/core.ts';
import { qosClass } from '../../machinery/pod/qos.ts';
import { isPodLevel, isSidecar } from '../../machinery/pod/requests.ts';
import { parseQuantity, toMillis } from '../../machinery/quantity.ts';
import { formatCpus, parseCpus } from './cpu-set.ts';
import { takeCpus } from './take.ts';
import type { Cpu } from './topology.ts';

/**
 * Which containers get processors of their own, and which: the static policy of the kubelet's CPU manager. Pure. Source: "Control
 * CPU Management Policies on the Node".
 */

/** By container, as lists; containers without any share what is left. */
export type Assignment = Readonly<Record<string, string>>;

export interface Processors {
  readonly topology: readonly Cpu[];
  /** Kept for the system and for who shares: never a container's own. */
  readonly reserved: ReadonlySet<number>;
}

/** The kubelet's words. */
export interface AssignmentRefusal {
  readonly reason: 'UnexpectedAdmissionError';
  readonly message: string;
}

/** How many processors a container is to have to itself; 0: none. */
export function ownCpus({ spec }: Pod, { resources }: Container): number {
  if (spec === undefined || qosClass(spec) !== 'Guaranteed' || hasOwnResources(spec.resources)) return 0;
  const quantity = parseQuantity(resources?.requests?.['cpu'] ?? resources?.limits?.['cpu'] ?? '');
  const millis = quantity === undefined ? 0 : toMillis(quantity);
  return millis % 1000 === 0 ? millis / 1000 : 0;
}

/** Pods whose resources are those of the pod as a whole say nothing of single containers. */
function hasOwnResources(resources: Container['resources']): boolean {
  return [resources?.requests, resources?.limits].some((each) => Object.keys(each ?? {}).some(isPodLevel));
}

/** `others`: what other pods have. */
export function assign(pod: Pod, { topology, reserved }: Processors, others: readonly Assignment[]): { readonly cpus: Assignment } | { readonly refusal: AssignmentRefusal } {
  const taken = owned(others);
  const free = new Set(topology.map(({ id }) => id).filter((id) => !reserved.has(id) && !taken.has(id)));
  /** Of init containers, which have ended before the next begins. */
  let reusable: ReadonlySet<number> = new Set();
  const cpus: Record<string, string> = {};
  const { initContainers = [], containers = [] } = pod.spec ?? {};
  for (const container of [...initContainers, ...containers]) {
    const count = ownCpus(pod, container);
    if (count === 0) continue;
    const again = takeCpus(topology, reusable, Math.min(count, reusable.size)) ?? [];
    const more = takeCpus(topology, free, count - again.length);
    if (more === undefined) return { refusal: refusalOf(count, free.size + reusable.size) };
    for (const id of more) free.delete(id);
    const own = new Set([...again, ...more]);
    const isTransient = initContainers.includes(container) && !isSidecar(container);
    reusable = isTransient ? reusable.union(own) : reusable.difference(own);
    cpus[container.name] = formatCpus(own);
  }
  return { cpus };
}

function refusalOf(requested: number, available: number): AssignmentRefusal {
  return { reason: 'UnexpectedAdmissionError', message: `Allocate failed due to not enough cpus available to satisfy request: requested=${requested}, available=${available}, which is unexpected` };
}

/** Every processor that is somebody's own. */
export function owned(assignments: readonly Assignment[]): ReadonlySet<number> {
  return new Set(assignments.flatMap((each) => Object.values(each).flatMap((list) => [...parseCpus(list) ?? []])));
}

/** What containers without processors of their own run on. */
export function sharedCpus({ topology }: Processors, assignments: readonly Assignment[]): string {
  const taken = owned(assignments);
  return formatCpus(topology.map(({ id }) => id).filter((id) => !taken.has(id)));
}
