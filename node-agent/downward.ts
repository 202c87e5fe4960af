import type { Container, Pod } from '../machinery/kinds/core.ts';
import { parseQuantity, type Quantity } from '../machinery/quantity.ts';

/** What a pod may learn about itself. Source: "Downward API". */
export interface PodFacts {
  readonly nodeName: string;
  readonly hostAddress: string;
  readonly address: string | undefined;
  /** Stands in for limits that a container hasn't. */
  readonly allocatable: Readonly<Record<string, string>>;
}

/** The value of a fieldRef; `undefined` when there is no such field. Maps are written `key="value"`, one a line, sorted. */
export function fieldValue(pod: Pod, path: string, facts: PodFacts): string | undefined {
  const subscript = /^metadata\.(labels|annotations)\['(.*)'\]$/.exec(path);
  if (subscript !== null) return pod.metadata?.[subscript[1] === 'labels' ? 'labels' : 'annotations']?.[subscript[2] ?? ''] ?? '';
  switch (path) {
    case 'metadata.name': return pod.metadata?.name ?? '';
    case 'metadata.namespace': return pod.metadata?.namespace ?? '';
    case 'metadata.uid': return pod.metadata?.uid ?? '';
    case 'metadata.labels': return formatMap(pod.metadata?.labels);
    case 'metadata.annotations': return formatMap(pod.metadata?.annotations);
    case 'spec.nodeName': return facts.nodeName;
    case 'spec.serviceAccountName': return pod.spec?.serviceAccountName ?? '';
    case 'status.hostIP': case 'status.hostIPs': return facts.hostAddress;
    case 'status.podIP': case 'status.podIPs': return pod.spec?.hostNetwork === true ? facts.hostAddress : facts.address ?? '';
    default: return undefined;
  }
}

function formatMap(map: Readonly<Record<string, string>> | undefined): string {
  return Object.entries(map ?? {}).toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([key, value]) => `${key}=${JSON.stringify(value)}`).join('\n');
}

/** The value of a resourceFieldRef in units of `divisor`, rounded up; a missing limit is what the node can give. */
export function resourceValue(container: Container, resource: string, divisor: string | undefined, facts: PodFacts): string | undefined {
  const [kind, ...rest] = resource.split('.');
  const name = rest.join('.');
  if ((kind !== 'limits' && kind !== 'requests') || name === '') return undefined;
  const { limits, requests } = container.resources ?? {};
  const own = kind === 'limits' ? limits?.[name] : requests?.[name] ?? limits?.[name];
  const text = own ?? (kind === 'limits' ? facts.allocatable[name] : undefined) ?? '0';
  const value = parseQuantity(text);
  return value === undefined ? undefined : String(inUnits(value, divisor));
}

function inUnits(value: Quantity, divisor: string | undefined): bigint {
  const unit = divisor === undefined || divisor === '0' || divisor === '' ? undefined : parseQuantity(divisor);
  const nanos = unit === undefined || unit.nanos <= 0n ? 1_000_000_000n : unit.nanos;
  return (value.nanos + nanos - 1n) / nanos;
}
