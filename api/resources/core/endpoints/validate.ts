import { BlockList, isIPv4 } from 'node:net';
import { Path, invalid, required, type FieldError } from '../../../../machinery/field-path.ts';
import type { Endpoints } from '../../../../machinery/kinds/core.ts';
import { dns1123Label, dns1123Subdomain, portNumber, qualifiedName } from '../../../../machinery/names.ts';
import { chosen, faults, optional } from '../../checks.ts';
import { validateIp } from '../pod/network.ts';

/** Source: "EndpointSubset", core/v1; wording: Kubernetes' validation. */

type Subset = NonNullable<Endpoints['subsets']>[number];
type Address = NonNullable<Subset['addresses']>[number];
type Port = NonNullable<Subset['ports']>[number];

export function validateEndpoints({ subsets = [] }: Endpoints): FieldError[] {
  return subsets.flatMap(({ addresses = [], notReadyAddresses = [], ports = [] }, index) => {
    const at = new Path('subsets').index(index);
    return [
      ...(addresses.length + notReadyAddresses.length === 0 ? [required(at, 'must specify `addresses` or `notReadyAddresses`')] : []),
      ...addresses.flatMap((address, position) => validateAddress(address, at.child('addresses').index(position))),
      ...notReadyAddresses.flatMap((address, position) => validateAddress(address, at.child('notReadyAddresses').index(position))),
      ...ports.flatMap((port, position) => validatePort(port, ports.length > 1, at.child('ports').index(position))),
    ];
  });
}

function validateAddress({ ip, hostname, nodeName }: Address, path: Path): FieldError[] {
  const errors = [
    ...validateIp(ip, path.child('ip')),
    ...optional(path.child('hostname'), hostname, dns1123Label),
    ...(nodeName === undefined ? [] : faults(path.child('nodeName'), nodeName, dns1123Subdomain(nodeName))),
  ];
  return errors.length > 0 ? errors : validateReachable(ip, path.child('ip'));
}

function blocks(...subnets: readonly [net: string, prefix: number, family: 'ipv4' | 'ipv6'][]): BlockList {
  const list = new BlockList();
  for (const [net, prefix, family] of subnets) list.addSubnet(net, prefix, family);
  return list;
}

const special: readonly [BlockList, string][] = [
  [blocks(['0.0.0.0', 32, 'ipv4'], ['::', 128, 'ipv6']), 'may not be unspecified (0.0.0.0 or ::)'],
  [blocks(['127.0.0.0', 8, 'ipv4'], ['::1', 128, 'ipv6']), 'may not be in the loopback range (127.0.0.0/8, ::1/128)'],
  [blocks(['169.254.0.0', 16, 'ipv4'], ['fe80::', 10, 'ipv6']), 'may not be in the link-local range (169.254.0.0/16, fe80::/10)'],
  [blocks(['224.0.0.0', 24, 'ipv4'], ['ff02::', 16, 'ipv6']), 'may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)'],
];

/** Addresses that mean something else on every machine lead traffic astray. */
export function validateReachable(ip: string, path: Path): FieldError[] {
  const family = isIPv4(ip) ? 'ipv4' : 'ipv6';
  return special.filter(([list]) => list.check(ip, family)).map(([, message]) => invalid(path, ip, message));
}

function validatePort({ name = '', port = 0, protocol, appProtocol }: Port, isNamed: boolean, path: Path): FieldError[] {
  return [
    ...(isNamed && name === '' ? [required(path.child('name'))] : optional(path.child('name'), name, dns1123Label)),
    ...faults(path.child('port'), port, portNumber(port)),
    ...chosen(path.child('protocol'), protocol, ['SCTP', 'TCP', 'UDP']),
    ...(appProtocol === undefined ? [] : faults(path.child('appProtocol'), appProtocol, qualifiedName(appProtocol))),
  ];
}
