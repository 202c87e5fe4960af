import type { Container, PodSpec } from '../kinds/core.ts';
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
