import type { Container, ContainerStatus, Pod, PodSpec } from '../kinds/core.ts';
import { add, compare, parseQuantity, type Quantity } from '../quantity.ts';
import { isHuge } from '../compute-resources.ts';

/**
 * What a pod asks of its node: the largest of what its phases need, plus overhead. Sidecars (init containers with
 * `restartPolicy: Always`) count from their turn to the end. Source: "Resource management: init containers",
 * "Sidecar containers: resource sharing", "Pod-level resource specification".
 */

type Amounts = Map<string, Quantity>;
type Kind = 'requests' | 'limits';

/** Resources that may be set for a whole pod and then hold instead of its containers' sum. */
const podLevel: ReadonlySet<string> = new Set(['cpu', 'memory']);

/** By resource name. Text that is no quantity counts as nothing: validation refuses it. */
export function podRequests(spec: PodSpec): ReadonlyMap<string, Quantity> {
  const total = ofContainers(spec, 'requests');
  for (const [name, amount] of amounts(spec.resources?.requests)) if (isPodLevel(name)) total.set(name, amount);
  sum(total, amounts(spec.overhead));
  return total;
}

/** By resource name. A resource is there when any container limits it; overhead is added to what is. */
export function podLimits(spec: PodSpec): ReadonlyMap<string, Quantity> {
  const total = ofContainers(spec, 'limits');
  for (const [name, amount] of amounts(spec.resources?.limits)) if (isPodLevel(name)) total.set(name, amount);
  for (const [name, amount] of amounts(spec.overhead)) {
    const limit = total.get(name);
    if (limit !== undefined) total.set(name, add(limit, amount));
  }
  return total;
}

/**
 * The spec of a pod with what it holds of its node while a resize is on its way: the largest of what it asks, is granted and has;
 * what it asks doesn't count when the node will never grant it. Source: KEP-1287, "Scheduler and API Server Interaction".
 */
export function heldSpec({ spec = { containers: [] }, status }: Pod): PodSpec {
  const statuses = [...(status?.containerStatuses ?? []), ...(status?.initContainerStatuses ?? [])].filter((each) => each.allocatedResources !== undefined);
  if (statuses.length === 0) return spec;
  const isRefused = status?.conditions?.some(({ type, reason }) => type === 'PodResizePending' && reason === 'Infeasible') === true;
  const byName = new Map(statuses.map((each) => [each.name, each]));
  const held = (container: Container): Container => heldBy(container, byName.get(container.name), isRefused);
  return { ...spec, containers: spec.containers.map(held), ...(spec.initContainers === undefined ? {} : { initContainers: spec.initContainers.map(held) }) };
}

function heldBy(container: Container, status: ContainerStatus | undefined, isRefused: boolean): Container {
  if (status === undefined) return container;
  const requests = { ...(isRefused ? {} : container.resources?.requests) };
  for (const known of [status.allocatedResources, status.resources?.requests]) {
    for (const [name, text] of Object.entries(known ?? {})) {
      // The scheduler asks often, and as a rule what is held is what is asked.
      if (requests[name] === text) continue;
      const [present, more] = [parseQuantity(requests[name] ?? ''), parseQuantity(text)];
      if (more !== undefined && (present === undefined || compare(present, more) < 0)) requests[name] = text;
    }
  }
  return { ...container, resources: { ...container.resources, requests } };
}

/** May the resource be asked for a pod as a whole? */
export function isPodLevel(name: string): boolean {
  return podLevel.has(name) || isHuge(name);
}

export function isSidecar(container: Container): boolean {
  return container.restartPolicy === 'Always';
}

function ofContainers(spec: PodSpec, kind: Kind): Amounts {
  const running: Amounts = new Map();
  for (const container of spec.containers) sum(running, amounts(container.resources?.[kind]));
  const sidecars: Amounts = new Map();
  const starting: Amounts = new Map();
  for (const container of spec.initContainers ?? []) {
    const own = amounts(container.resources?.[kind]);
    if (isSidecar(container)) {
      sum(sidecars, own);
      raise(starting, sidecars);
    } else {
      const now = new Map(sidecars);
      sum(now, own);
      raise(starting, now);
    }
  }
  sum(running, sidecars);
  raise(running, starting);
  return running;
}

function amounts(resources: Readonly<Record<string, string>> | undefined): Amounts {
  const found: Amounts = new Map();
  for (const [name, text] of Object.entries(resources ?? {})) {
    const quantity = parseQuantity(text);
    if (quantity !== undefined) found.set(name, quantity);
  }
  return found;
}

function sum(into: Amounts, more: Amounts): void {
  for (const [name, amount] of more) {
    const present = into.get(name);
    into.set(name, present === undefined ? amount : add(present, amount));
  }
}

function raise(into: Amounts, to: Amounts): void {
  for (const [name, amount] of to) {
    const present = into.get(name);
    if (present === undefined || compare(present, amount) < 0) into.set(name, amount);
  }
}
