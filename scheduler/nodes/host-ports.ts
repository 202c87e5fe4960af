import type { Pod } from '../../machinery/kinds/core.ts';
import { isSidecar } from '../../machinery/pod/requests.ts';

/** A port of the node that a container takes for itself. Source: ContainerPort, core/v1. */
export interface HostPort {
  readonly protocol: string;
  readonly port: number;
  /** `0.0.0.0`: all addresses. */
  readonly address: string;
}

const everyAddress = '0.0.0.0';

/** Ports of the containers that run side by side: plain init containers have gone before. */
export function hostPortsOf(pod: Pod): readonly HostPort[] {
  const containers = [...(pod.spec?.initContainers ?? []).filter(isSidecar), ...(pod.spec?.containers ?? [])];
  return containers.flatMap(({ ports }) => ports ?? []).flatMap(({ hostPort = 0, protocol = 'TCP', hostIP = '' }) => (
    hostPort <= 0 ? [] : [{ protocol, port: hostPort, address: hostIP === '' ? everyAddress : hostIP }]
  ));
}

/** The ports in use on one node, counted, since pods that were bound by hand may clash. */
export interface PortsInUse {
  readonly size: number;
  add(port: HostPort): void;
  remove(port: HostPort): void;
  clashes(port: HostPort): boolean;
}

export function createPortsInUse(): PortsInUse {
  const taken = new Map<string, Map<string, number>>();
  return {
    get size() {
      return taken.size;
    },
    add(port) {
      const addresses = taken.get(keyOf(port)) ?? new Map<string, number>();
      addresses.set(port.address, (addresses.get(port.address) ?? 0) + 1);
      taken.set(keyOf(port), addresses);
    },
    remove(port) {
      const addresses = taken.get(keyOf(port));
      const left = (addresses?.get(port.address) ?? 0) - 1;
      if (left > 0) addresses?.set(port.address, left);
      else addresses?.delete(port.address);
      if (addresses?.size === 0) taken.delete(keyOf(port));
    },
    clashes(port) {
      const addresses = taken.get(keyOf(port));
      if (addresses === undefined) return false;
      return port.address === everyAddress || addresses.has(port.address) || addresses.has(everyAddress);
    },
  };
}

function keyOf({ protocol, port }: HostPort): string {
  return `${protocol}/${port}`;
}
