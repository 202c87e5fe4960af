import { Path, duplicate, invalid, type FieldError } from '../../../../machinery/field-path.ts';
import type { Service } from '../../../../machinery/kinds/core.ts';
import type { Draft } from '../../../../machinery/kinds/wire.ts';
import { oneOf } from '../../checks.ts';
import { firstPlaces } from '../../first-places.ts';
import { same } from '../../immutable.ts';
import { validateIp } from '../pod/network.ts';

/** `clusterIP`, `clusterIPs` and their families: one IPv4 address, none (headless), or a request for a certain one. Source: "Service: choosing your own IP address". */

type Spec = NonNullable<Service['spec']>;

export function validateAddresses(spec: Spec, path: Path): FieldError[] {
  if (spec.type === 'ExternalName') return [];
  const { clusterIP = '', clusterIPs = [] } = spec;
  const at = path.child('clusterIPs');
  const errors: FieldError[] = [];
  if (clusterIPs.length > 0 && clusterIPs[0] !== clusterIP) errors.push(invalid(at, clusterIPs, "first value must match `clusterIP`"));
  if (clusterIPs.length > 1 && clusterIPs.includes('None')) errors.push(invalid(at.index(0), clusterIPs[0], "'None' must be the first and only value"));
  if (clusterIPs.length > 2) errors.push(invalid(at, clusterIPs, 'may only hold up to 2 values'));
  const first = firstPlaces(clusterIPs, (ip) => ip);
  for (const [index, ip] of clusterIPs.entries()) {
    if (ip !== 'None' && ip !== '') errors.push(...validateIp(ip, at.index(index)));
    if ((first[index] ?? index) < index) errors.push(duplicate(at.index(index), ip));
  }
  return [
    ...errors,
    ...oneOf(path.child('ipFamilyPolicy'), spec.ipFamilyPolicy, ['PreferDualStack', 'RequireDualStack', 'SingleStack']),
    ...(spec.ipFamilies ?? []).flatMap((family, index) => oneOf(path.child('ipFamilies').index(index), family, ['IPv4', 'IPv6'])),
  ];
}

/** A Service keeps its address for life, unless it becomes or ceases to be an ExternalName. */
export function validateServiceUpdate(object: Service, old: Service): FieldError[] {
  if (object.spec?.type === 'ExternalName' || old.spec?.type === 'ExternalName') return [];
  const before = old.spec?.clusterIPs ?? [];
  const now = object.spec?.clusterIPs ?? [];
  const path = new Path('spec.clusterIPs').index(0);
  if (before[0] === undefined || before[0] === now[0]) return [];
  return [invalid(path, now, now.length === 0 ? 'primary clusterIP can not be unset' : 'may not change once set')];
}

/** What an update leaves out of what the server gave stays: the address, its family, node ports. */
export function keepGiven(draft: Draft<Service>, old: Service): void {
  const { spec } = draft;
  const before = old.spec;
  if (spec === undefined || before === undefined) return;
  if (spec.type === 'ExternalName') {
    if (before.type !== 'ExternalName') dropGiven(spec, before);
    return;
  }
  if (before.type === 'ExternalName') return;
  keepAddress(spec, before);
  keepNodePorts(spec, before);
}

function dropGiven(spec: NonNullable<Draft<Service>['spec']>, before: Spec): void {
  for (const field of ['clusterIP', 'clusterIPs', 'ipFamilies', 'ipFamilyPolicy'] as const) if (same(spec[field], before[field])) delete spec[field];
}

function keepAddress(spec: NonNullable<Draft<Service>['spec']>, before: Spec): void {
  const ips = spec.clusterIPs ?? [];
  if ((spec.clusterIP ?? '') === '' && (ips.length === 0 || same(ips, before.clusterIPs))) {
    if (before.clusterIP !== undefined) spec.clusterIP = before.clusterIP;
    if (before.clusterIPs !== undefined) spec.clusterIPs = [...before.clusterIPs];
  } else if (spec.clusterIP !== before.clusterIP && same(ips, before.clusterIPs) && spec.clusterIP !== undefined) {
    spec.clusterIPs = [spec.clusterIP];
  }
}

function keepNodePorts(spec: NonNullable<Draft<Service>['spec']>, before: Spec): void {
  if (spec.type !== 'NodePort' && spec.type !== 'LoadBalancer') {
    // Node ports that came with the old type, unasked, go with it.
    const given = new Set((before.ports ?? []).map(({ nodePort, port }) => `${nodePort}/${port}`));
    for (const port of spec.ports ?? []) if (before.type !== spec.type && given.has(`${port.nodePort}/${port.port}`)) delete port.nodePort;
    return;
  }
  const olds = new Map((before.ports ?? []).toReversed().map((old) => [`${old.port}/${old.protocol}`, old]));
  const used = new Set((spec.ports ?? []).map(({ nodePort }) => nodePort));
  for (const port of spec.ports ?? []) {
    const old = olds.get(`${port.port}/${port.protocol}`);
    if ((port.nodePort ?? 0) !== 0 || old?.nodePort === undefined || used.has(old.nodePort)) continue;
    port.nodePort = old.nodePort;
    used.add(old.nodePort);
  }
}
