import type { Path } from '../../../../../machinery/field-path.ts';
import type { Container, PodSpec } from '../../../../../machinery/kinds/core.ts';
import { containerLists } from './container-lists.ts';

/** Ports of a pod's containers that get in each other's way. */

type Port = NonNullable<Container['ports']>[number];

interface Placed {
  readonly path: string;
  readonly port: Port;
}

/** So many ports of one number are compared with each other: of those that follow nothing new could be said. */
const maxCompared = 16;

export function portWarnings(spec: PodSpec, path: Path): string[] {
  const ports = containerLists.flatMap((list) => (spec[list] ?? []).flatMap((container, at) =>
    (container.ports ?? []).map((port, index): Placed => ({ path: path.child(list).index(at).child('ports').index(index).toString(), port }))));
  return [...clashes(ports), ...repeatedNames(ports)];
}

function clashes(ports: readonly Placed[]): string[] {
  const before = new Map<string, Placed[]>();
  return ports.flatMap((placed) => {
    const { path, port } = placed;
    const key = `${port.containerPort}/${port.protocol}`;
    const others = before.get(key) ?? [];
    const compared = others.length < maxCompared;
    const told = !compared ? [] : others.flatMap((other) => {
      const how = clash(port, other.port);
      return how === undefined ? [] : [`${path}: ${how} port definition with ${other.path}`];
    });
    if (compared) before.set(key, [...others, placed]);
    const { hostIP = '', hostPort = 0 } = port;
    return [...(hostIP !== '' && hostPort === 0 ? [`${path}: hostIP set without hostPort: ${shown(port)}`] : []), ...told];
  });
}

function clash({ hostIP = '', hostPort = 0 }: Port, { hostIP: otherIP = '', hostPort: otherPort = 0 }: Port): string | undefined {
  if (hostIP === otherIP && hostPort === otherPort) return 'duplicate';
  if (hostPort === 0 || otherPort === 0) return 'overlapping';
  return hostPort === otherPort && (hostIP === '') !== (otherIP === '') ? 'dangerously ambiguous' : undefined;
}

function repeatedNames(ports: readonly Placed[]): string[] {
  const first = new Map<string, string>();
  return ports.flatMap(({ path, port: { name = '' } }) => {
    if (name === '') return [];
    const other = first.get(name);
    if (other === undefined) first.set(name, path);
    return other === undefined ? [] : [`${path}: duplicate port name ${JSON.stringify(name)} with ${other}, services and probes that select ports by name will use ${other}`];
  });
}

function shown({ name = '', hostPort = 0, containerPort, protocol = '', hostIP = '' }: Port): string {
  return `{Name:${name} HostPort:${hostPort} ContainerPort:${containerPort} Protocol:${protocol} HostIP:${hostIP}}`;
}
