import type { PersistentVolumeClaim, Pod, Service } from '../kinds/core.ts';
import type { Kind, KubernetesObject } from '../kinds/kind.ts';
import { podLimits, podRequests } from '../pod/requests.ts';
import { isTerminal } from '../pod/readiness.ts';
import { add, compare, formatQuantity, parseQuantity, subtract, zero, type Quantity } from '../quantity.ts';
import { computeResources, isHuge } from '../compute-resources.ts';
import { storageClassOf } from '../storage-class-name.ts';

/** What objects count for in a quota, by the names that quotas use. Source: "Resource quotas". */

export type Usage = ReadonlyMap<string, Quantity>;

const one: Quantity = { nanos: 1_000_000_000n };
const times = (count: number): Quantity => ({ nanos: BigInt(count) * one.nanos });

/** Kinds of the core group that had a name of their own in quotas before all kinds could be counted. */
const countedByName: ReadonlySet<string> = new Set(['configmaps', 'persistentvolumeclaims', 'replicationcontrollers', 'resourcequotas', 'secrets', 'services']);

/** `count/pods`, `count/jobs.batch`. */
export function countName({ group, plural }: Pick<Kind, 'group' | 'plural'>): string {
  return `count/${plural}${group === '' ? '' : `.${group}`}`;
}

/** Of an object of `kind`. */
export function usageOf(kind: Pick<Kind, 'group' | 'plural'>, object: KubernetesObject): Usage {
  const usage = new Map([[countName(kind), one]]);
  if (kind.group !== '') return usage;
  if (countedByName.has(kind.plural)) usage.set(kind.plural, one);
  switch (kind.plural) {
    case 'pods': return merged(usage, podUsage(object as Pod));
    case 'services': return merged(usage, serviceUsage(object as Service));
    case 'persistentvolumeclaims': return merged(usage, claimUsage(object as PersistentVolumeClaim));
    default: return usage;
  }
}

/** A pod that has ended holds nothing but its object. */
function podUsage(pod: Pod): Usage {
  if (isTerminal(pod) || pod.spec === undefined) return new Map();
  const usage = new Map([['pods', one]]);
  for (const [name, amount] of podRequests(pod.spec)) {
    usage.set(`requests.${name}`, amount);
    if (computeResources.has(name) || isHuge(name)) usage.set(name, amount);
  }
  for (const [name, amount] of podLimits(pod.spec)) if (computeResources.has(name)) usage.set(`limits.${name}`, amount);
  return usage;
}

function serviceUsage({ spec }: Service): Usage {
  const { type, ports = [], allocateLoadBalancerNodePorts = true } = spec ?? {};
  if (type === 'NodePort') return new Map([['services.nodeports', times(ports.length)]]);
  if (type !== 'LoadBalancer') return new Map();
  const open = allocateLoadBalancerNodePorts ? ports.length : ports.filter(({ nodePort = 0 }) => nodePort !== 0).length;
  return new Map([['services.loadbalancers', one], ['services.nodeports', times(open)]]);
}

/** What is being given counts as soon as it is more than what is asked. */
function claimUsage({ metadata, spec, status }: PersistentVolumeClaim): Usage {
  const asked = parseQuantity(spec?.resources?.requests?.['storage'] ?? '0') ?? zero;
  const given = parseQuantity(status?.allocatedResources?.['storage'] ?? '0') ?? zero;
  const size = compare(given, asked) > 0 ? given : asked;
  const className = storageClassOf(metadata, spec?.storageClassName);
  const ofClass = `${className}.storageclass.storage.k8s.io`;
  return new Map([['requests.storage', size], ...(className === '' ? [] : [[`${ofClass}/requests.storage`, size], [`${ofClass}/persistentvolumeclaims`, one]] as const)]);
}

function merged(a: ReadonlyMap<string, Quantity>, b: Usage): Usage {
  return new Map([...a, ...b]);
}

export function sum(a: Usage, b: Usage): Usage {
  const total = new Map(a);
  for (const [name, amount] of b) total.set(name, add(total.get(name) ?? zero, amount));
  return total;
}

/** What `a` has more than `b`, less than nothing included. */
export function difference(a: Usage, b: Usage): Usage {
  const left = new Map(a);
  for (const [name, amount] of b) left.set(name, subtract(left.get(name) ?? zero, amount));
  return left;
}

export function readAmounts(texts: Readonly<Record<string, string>> | undefined): Usage {
  return new Map(Object.entries(texts ?? {}).map(([name, text]) => [name, parseQuantity(text) ?? zero]));
}

/** Bytes with binary suffixes, all else with decimal ones. */
export function writeAmount(name: string, amount: Quantity): string {
  const bytes = /(?:^|\.)(?:memory|ephemeral-storage|hugepages-[^/]*)$/.test(name) || /(?:^|\/)requests\.storage$/.test(name);
  return formatQuantity(amount, bytes ? 'BinarySI' : 'DecimalSI');
}

export function writeAmounts(amounts: Usage): Record<string, string> {
  return Object.fromEntries([...amounts].map(([name, amount]) => [name, writeAmount(name, amount)]));
}
