import { isIPv4, isIPv6 } from 'node:net';
import { Path, duplicate, invalid, required, tooMany, type FieldError } from '../../../machinery/field-path.ts';
import type { Endpoint, EndpointSlice } from '../../../machinery/kinds/discovery.ts';
import { validateLabels } from '../../../machinery/labels.ts';
import { dns1123Label, dns1123Subdomain, qualifiedName } from '../../../machinery/names.ts';
import { chosen, faults, optional } from '../checks.ts';
import { validateReachable } from '../core/endpoints/validate.ts';
import { immutable } from '../immutable.ts';

/** Source: "EndpointSlices"; wording: Kubernetes' validation. */

const maxEndpoints = 1000;
const maxAddresses = 100;
const maxPorts = 20_000;
const maxHints = 8;

export function validateEndpointSlice({ addressType, endpoints = [], ports = [] }: EndpointSlice): FieldError[] {
  const path = new Path('endpoints');
  return [
    ...chosen(new Path('addressType'), addressType, ['FQDN', 'IPv4', 'IPv6']),
    ...(endpoints.length > maxEndpoints ? [tooMany(path, endpoints.length, maxEndpoints)]
      : endpoints.flatMap((endpoint, index) => validateEndpoint(endpoint, addressType, path.index(index)))),
    ...validatePorts(ports, new Path('ports')),
  ];
}

export function validateEndpointSliceUpdate(object: EndpointSlice, old: EndpointSlice): FieldError[] {
  return immutable(object.addressType, old.addressType, new Path('addressType'));
}

function validateEndpoint({ addresses = [], nodeName, deprecatedTopology, hostname, hints }: Endpoint, type: string, at: Path): FieldError[] {
  const here = at.child('addresses');
  const zones = hints?.forZones ?? [];
  return [
    ...(addresses.length === 0 ? [required(here, 'must contain at least 1 address')] : []),
    ...(addresses.length > maxAddresses ? [tooMany(here, addresses.length, maxAddresses)] : []),
    ...addresses.flatMap((address, index) => validateAddress(address, type, here.index(index))),
    ...(nodeName === undefined ? [] : faults(at.child('nodeName'), nodeName, dns1123Subdomain(nodeName))),
    ...validateLabels(deprecatedTopology, at.child('deprecatedTopology')),
    ...optional(at.child('hostname'), hostname, dns1123Label),
    ...(zones.length > maxHints ? [tooMany(at.child('hints', 'forZones'), zones.length, maxHints)] : []),
  ];
}

function validateAddress(address: string, type: string, at: Path): FieldError[] {
  switch (type) {
    case 'IPv4': return isIPv4(address) ? validateReachable(address, at) : [invalid(at, address, 'must be a valid IPv4 address')];
    case 'IPv6': return isIPv6(address) ? validateReachable(address, at) : [invalid(at, address, 'must be a valid IPv6 address')];
    case 'FQDN': return validateDomain(address, at);
    default: return [];
  }
}

function validateDomain(name: string, at: Path): FieldError[] {
  if (name === '') return [required(at)];
  const labels = name.replace(/\.$/, '').split('.');
  if (labels.length < 2) return [invalid(at, name, 'should be a domain with at least two segments separated by dots')];
  return labels.flatMap((label) => faults(at, label, dns1123Label(label)));
}

function validatePorts(ports: NonNullable<EndpointSlice['ports']>, path: Path): FieldError[] {
  if (ports.length > maxPorts) return [tooMany(path, ports.length, maxPorts)];
  return ports.flatMap(({ name = '', protocol, appProtocol }, index) => {
    const at = path.index(index);
    const repeated = ports.findIndex((one) => (one.name ?? '') === name) < index;
    return [
      ...optional(at.child('name'), name, dns1123Label),
      ...(repeated ? [duplicate(at.child('name'), name)] : []),
      ...chosen(at.child('protocol'), protocol, ['SCTP', 'TCP', 'UDP']),
      ...(appProtocol === undefined ? [] : faults(at.child('appProtocol'), appProtocol, qualifiedName(appProtocol))),
    ];
  });
}
