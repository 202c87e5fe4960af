import type { Service } from '../../../../machinery/kinds/core.ts';
import type { Draft } from '../../../../machinery/kinds/wire.ts';
import { same } from '../../immutable.ts';

/**
 * What the server gave a Service (its address, node ports, defaults of its type), through an update: what the update leaves out
 * stays, so that the file of a create can be sent again; what the new type has no use for goes, unless the update changes it, which
 * validation then refuses. Source: ServiceSpec, "Service: changing the type".
 */

type Spec = NonNullable<Draft<Service>['spec']>;
type Old = NonNullable<Service['spec']>;

export function carryGiven(draft: Draft<Service>, old: Service): void {
  const { spec } = draft;
  if (spec === undefined || old.spec === undefined) return;
  dropUnused(spec, old.spec);
  if (spec.type !== 'LoadBalancer') draft.status = { ...draft.status, loadBalancer: {} };
  if (hasAddress(spec) && hasAddress(old.spec)) keepAddress(spec, old.spec);
  if (hasNodePorts(spec) && hasNodePorts(old.spec)) keepNodePorts(spec, old.spec);
  if (hasHealthCheckPort(spec) && hasHealthCheckPort(old.spec)) keepHealthCheckPort(spec, old.spec);
}

const hasAddress = ({ type }: Old): boolean => type !== 'ExternalName';

export const hasNodePorts = ({ type }: Old): boolean => type === 'NodePort' || type === 'LoadBalancer';

const hasHealthCheckPort = ({ type, externalTrafficPolicy }: Old): boolean => type === 'LoadBalancer' && externalTrafficPolicy === 'Local';

const isReachedFromOutside = (spec: Old): boolean => hasNodePorts(spec) || (spec.type === 'ClusterIP' && (spec.externalIPs ?? []).length > 0);

const isBalanced = ({ type }: Old): boolean => type === 'LoadBalancer';

/** Fields that only some Services have. Those of one row go together: all are the old ones, or none goes. */
const dependents: readonly (readonly [has: (spec: Old) => boolean, fields: readonly (keyof Old)[]])[] = [
  [hasAddress, ['clusterIP', 'clusterIPs']],
  [hasAddress, ['ipFamilies']],
  [hasAddress, ['ipFamilyPolicy']],
  [hasHealthCheckPort, ['healthCheckNodePort']],
  [isBalanced, ['allocateLoadBalancerNodePorts']],
  [isBalanced, ['loadBalancerClass']],
  [isReachedFromOutside, ['externalTrafficPolicy']],
];

function dropUnused(spec: Spec, old: Old): void {
  const unused = dependents.filter(([has, fields]) => has(old) && !has(spec) && fields.every((field) => same(spec[field], old[field])));
  const noNodePorts = hasNodePorts(old) && !hasNodePorts(spec) && nodePortsOf(spec).isSubsetOf(nodePortsOf(old));
  for (const field of unused.flatMap(([, fields]) => fields)) delete spec[field];
  if (noNodePorts) for (const port of spec.ports ?? []) delete port.nodePort;
}

function keepAddress(spec: Spec, old: Old): void {
  const ips = spec.clusterIPs ?? [];
  if ((spec.clusterIP ?? '') === '' && (ips.length === 0 || same(ips, old.clusterIPs))) {
    if (old.clusterIP !== undefined) spec.clusterIP = old.clusterIP;
    if (old.clusterIPs !== undefined) spec.clusterIPs = [...old.clusterIPs];
  } else if (spec.clusterIP !== old.clusterIP && same(ips, old.clusterIPs) && spec.clusterIP !== undefined) {
    spec.clusterIPs = [spec.clusterIP];
  }
}

/** A port is known by its name: all else of it may change. */
function keepNodePorts(spec: Spec, old: Old): void {
  const held = nodePortsOf(old);
  const used = new Set([...nodePortsOf(spec)].filter((nodePort) => held.has(nodePort)));
  const given = new Map((old.ports ?? []).map(({ name = '', nodePort }) => [name, nodePort]));
  for (const port of spec.ports ?? []) {
    const before = given.get(port.name ?? '');
    if ((port.nodePort ?? 0) === 0 && before !== undefined && !used.has(before)) port.nodePort = before;
  }
}

function keepHealthCheckPort(spec: Spec, { healthCheckNodePort = 0 }: Old): void {
  if ((spec.healthCheckNodePort ?? 0) === 0 && healthCheckNodePort !== 0) spec.healthCheckNodePort = healthCheckNodePort;
}

function nodePortsOf({ ports = [] }: Old): ReadonlySet<number> {
  return new Set(ports.map(({ nodePort = 0 }) => nodePort).filter((nodePort) => nodePort !== 0));
}
