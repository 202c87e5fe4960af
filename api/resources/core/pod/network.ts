import { isIP } from 'node:net';
import { invalid, required, type FieldError, type Path } from '../../../../machinery/field-path.ts';
import type { PodSpec } from '../../../../machinery/kinds/core.ts';
import { dns1123Label, dns1123Subdomain } from '../../../../machinery/names.ts';
import { chosen, faults, optional } from '../../checks.ts';

/** Names, addresses, DNS. Source: "DNS for services and pods: pod's DNS config", "Adding entries to /etc/hosts". */

const maxNameservers = 3;
const maxSearches = 32;
const maxSearchLength = 2048;

export function validateNetwork(spec: PodSpec, isPod: boolean, path: Path): FieldError[] {
  return [
    ...validateHostNetwork(spec, isPod, path.child('containers')),
    ...chosen(path.child('dnsPolicy'), spec.dnsPolicy, ['ClusterFirstWithHostNet', 'ClusterFirst', 'Default', 'None']),
    ...validateDns(spec, path.child('dnsConfig')),
    ...optional(path.child('hostname'), spec.hostname, dns1123Label),
    ...optional(path.child('subdomain'), spec.subdomain, dns1123Label),
    ...(spec.hostAliases ?? []).flatMap(({ ip, hostnames = [] }, index) => {
      const at = path.child('hostAliases').index(index);
      return [...validateIp(ip, at.child('ip')), ...hostnames.flatMap((name, position) => faults(at.child('hostnames').index(position), name, dns1123Subdomain(name)))];
    }),
  ];
}

export function validateIp(ip: string | undefined, path: Path): FieldError[] {
  return isIP(ip ?? '') === 0 ? [invalid(path, ip ?? '', 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)')] : [];
}

/** On the host's network a container's port is the host's port; a template may leave it out. */
function validateHostNetwork({ hostNetwork, containers = [] }: PodSpec, isPod: boolean, path: Path): FieldError[] {
  if (hostNetwork !== true) return [];
  return containers.flatMap((container, index) => (container.ports ?? []).flatMap(({ hostPort = 0, containerPort }, position) => {
    if (hostPort === containerPort || (!isPod && hostPort === 0)) return [];
    return [invalid(path.index(index).child('ports').index(position).child('hostPort'), hostPort, 'must match `containerPort` when `hostNetwork` is true')];
  }));
}

function validateDns({ dnsPolicy, dnsConfig }: PodSpec, path: Path): FieldError[] {
  const { nameservers = [], searches = [], options = [] } = dnsConfig ?? {};
  if (dnsPolicy === 'None' && dnsConfig === undefined) return [required(path, 'must provide `dnsConfig` when `dnsPolicy` is None')];
  if (dnsPolicy === 'None' && nameservers.length === 0) {
    return [required(path.child('nameservers'), 'must provide at least one DNS nameserver when `dnsPolicy` is None')];
  }
  const errors: FieldError[] = [];
  if (nameservers.length > maxNameservers) errors.push(invalid(path.child('nameservers'), nameservers, `must not have more than ${maxNameservers} nameservers`));
  errors.push(...nameservers.flatMap((ip, index) => validateIp(ip, path.child('nameservers').index(index))));
  if (searches.length > maxSearches) errors.push(invalid(path.child('searches'), searches, `must not have more than ${maxSearches} search paths`));
  if (searches.join(' ').length > maxSearchLength) {
    errors.push(invalid(path.child('searches'), searches, `must not have more than ${maxSearchLength} characters (including spaces) in the search list`));
  }
  for (const [index, search] of searches.entries()) {
    // Underscores are allowed where DNS has them (SRV names); the rest follows RFC 1123.
    const plain = search.replace(/\.$/, '').replaceAll('_', 'a');
    if (search !== '.') errors.push(...faults(path.child('searches').index(index), search, dns1123Subdomain(plain)));
  }
  return [...errors, ...options.flatMap(({ name = '' }, index) => (name === '' ? [required(path.child('options').index(index), 'must not be empty')] : []))];
}
