import { Path, duplicate, invalid, type FieldError } from '../../../../machinery/field-path.ts';
import type { Service } from '../../../../machinery/kinds/core.ts';
import { oneOf } from '../../checks.ts';
import { firstPlaces } from '../../first-places.ts';
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
