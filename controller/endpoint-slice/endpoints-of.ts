/** Which pods answer for a Service, and on which ports. Pure. Source: "Service", selectors; "EndpointSlices", conditions. */
import { isIP } from 'node:net';
import type { Endpoint } from '../../machinery/kinds/discovery.ts';
import type { Pod, Service } from '../../machinery/kinds/core.ts';
import { isReady, isTerminal } from '../../machinery/pod/readiness.ts';

export type AddressType = 'IPv4' | 'IPv6';

export interface EndpointPort {
  readonly name: string;
  readonly port: number;
  readonly protocol: string;
  readonly appProtocol?: string;
}

/** Endpoints that are reached on the same ports: one port name may be another number in another pod. */
export interface EndpointGroup {
  readonly ports: readonly EndpointPort[];
  readonly endpoints: readonly Endpoint[];
}

/** What the node of a pod says of where it is. */
export type ZoneOf = (node: string) => string | undefined;

/** Endpoints of one address family, grouped by their ports, in the order of `pods`. */
export function endpointsOf(service: Service, pods: readonly Pod[], family: AddressType, zoneOf: ZoneOf): readonly EndpointGroup[] {
  const groups = new Map<string, { ports: readonly EndpointPort[]; endpoints: Endpoint[] }>();
  for (const pod of pods) {
    const address = addressOf(pod, family);
    if (address === undefined || isTerminal(pod)) continue;
    const ports = portsOf(service, pod);
    const key = JSON.stringify(ports);
    const group = groups.get(key) ?? { ports, endpoints: [] };
    group.endpoints.push(endpointOf(service, pod, address, zoneOf));
    groups.set(key, group);
  }
  return [...groups.values()];
}

/** The families that a Service has addresses of. */
export function familiesOf(service: Service): readonly AddressType[] {
  const families = (service.spec?.ipFamilies ?? []).flatMap((family): AddressType[] => (family === 'IPv4' || family === 'IPv6' ? [family] : []));
  return families.length === 0 ? ['IPv4'] : families;
}

function addressOf(pod: Pod, family: AddressType): string | undefined {
  const addresses = [pod.status?.podIP, ...(pod.status?.podIPs ?? []).map(({ ip }) => ip)];
  return addresses.find((address) => address !== undefined && isIP(address) === (family === 'IPv4' ? 4 : 6));
}

/** A port that a pod doesn't name is no endpoint's. */
function portsOf(service: Service, pod: Pod): readonly EndpointPort[] {
  return (service.spec?.ports ?? []).flatMap((port): EndpointPort[] => {
    const protocol = port.protocol ?? 'TCP';
    const number = targetOf(port.targetPort ?? port.port, protocol, pod);
    if (number === undefined) return [];
    return [{ name: port.name ?? '', port: number, protocol, ...(port.appProtocol === undefined ? {} : { appProtocol: port.appProtocol }) }];
  });
}

function targetOf(target: number | string, protocol: string, pod: Pod): number | undefined {
  if (typeof target === 'number') return target;
  const containers = [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === 'Always')];
  return containers.flatMap(({ ports = [] }) => ports).find((port) => port.name === target && (port.protocol ?? 'TCP') === protocol)?.containerPort;
}

function endpointOf(service: Service, pod: Pod, address: string, zoneOf: ZoneOf): Endpoint {
  const terminating = pod.metadata?.deletionTimestamp !== undefined;
  const serving = isReady(pod);
  const publishesAll = service.spec?.publishNotReadyAddresses === true;
  const { nodeName } = pod.spec ?? {};
  const zone = nodeName === undefined ? undefined : zoneOf(nodeName);
  const { hostname, subdomain } = pod.spec ?? {};
  const { name = '', namespace = '', uid = '' } = pod.metadata ?? {};
  return {
    addresses: [address],
    conditions: { ready: publishesAll || (serving && !terminating), serving, terminating },
    ...(hostname !== undefined && hostname !== '' && subdomain === service.metadata?.name ? { hostname } : {}),
    ...(nodeName === undefined ? {} : { nodeName }),
    targetRef: { kind: 'Pod', name, namespace, uid },
    ...(zone === undefined ? {} : { zone }),
  };
}
