import type { PodSpec } from '../kinds/core.ts';
import { add, compare, parseQuantity, zero, type Quantity } from '../quantity.ts';

export type QosClass = 'Guaranteed' | 'Burstable' | 'BestEffort';

interface Resources {
  readonly requests?: Readonly<Record<string, string>>;
  readonly limits?: Readonly<Record<string, string>>;
}

const counted = ['cpu', 'memory'] as const;

/**
 * Who is pushed out first when a node runs short. Of cpu and memory alone: nothing asked is BestEffort; every container with
 * limits that equal its requests is Guaranteed; the rest is Burstable. Resources of the whole pod, if set, decide instead.
 * Source: "Pod quality of service classes".
 */
export function qosClass(spec: PodSpec): QosClass {
  const all: readonly Resources[] = isSet(spec.resources)
    ? [spec.resources ?? {}]
    : [...(spec.initContainers ?? []), ...spec.containers].map((container) => container.resources ?? {});
  const requests = totals(all, 'requests');
  const limits = totals(all, 'limits');
  if (requests.size === 0 && limits.size === 0) return 'BestEffort';
  const allLimited = all.every((resources) => counted.every((name) => positive(resources.limits?.[name]) !== undefined));
  const equal = requests.size === limits.size && [...requests].every(([name, amount]) => compare(amount, limits.get(name) ?? zero) === 0);
  return allLimited && equal ? 'Guaranteed' : 'Burstable';
}

function isSet(resources: Resources | undefined): boolean {
  return counted.some((name) => resources?.requests?.[name] !== undefined || resources?.limits?.[name] !== undefined);
}

function totals(all: readonly Resources[], kind: 'requests' | 'limits'): ReadonlyMap<string, Quantity> {
  const total = new Map<string, Quantity>();
  for (const resources of all) {
    for (const name of counted) {
      const amount = positive(resources[kind]?.[name]);
      if (amount !== undefined) total.set(name, add(total.get(name) ?? zero, amount));
    }
  }
  return total;
}

/** The quantity, unless it is zero or none. */
function positive(text: string | undefined): Quantity | undefined {
  const quantity = text === undefined ? undefined : parseQuantity(text);
  return quantity === undefined || compare(quantity, zero) <= 0 ? undefined : quantity;
}
