import { duplicate, required, type FieldError, type Path } from '../../../../machinery/field-path.ts';
import type { Container } from '../../../../machinery/kinds/core.ts';
import { portName, portNumber } from '../../../../machinery/names.ts';
import { chosen, faults } from '../../checks.ts';

/** Source: "ContainerPort", Pod v1 core. */

type Port = NonNullable<Container['ports']>[number];

export const protocols = ['SCTP', 'TCP', 'UDP'] as const;

export function validatePorts(ports: readonly Port[], path: Path): FieldError[] {
  const names = new Set<string>();
  return ports.flatMap((port, index) => {
    const at = path.index(index);
    const { name = '', containerPort = 0, hostPort = 0 } = port;
    const errors = name === '' ? [] : faults(at.child('name'), name, portName(name));
    if (name !== '' && errors.length === 0 && names.has(name)) errors.push(duplicate(at.child('name'), name));
    names.add(name);
    if (containerPort === 0) errors.push(required(at.child('containerPort')));
    else errors.push(...faults(at.child('containerPort'), containerPort, portNumber(containerPort)));
    if (hostPort !== 0) errors.push(...faults(at.child('hostPort'), hostPort, portNumber(hostPort)));
    return [...errors, ...chosen(at.child('protocol'), port.protocol, protocols)];
  });
}

/** Two containers of one pod can't have the same port of the host. */
export function validateHostPorts(containers: readonly Container[], path: Path): FieldError[] {
  const taken = new Set<string>();
  return containers.flatMap((container, index) => (container.ports ?? []).flatMap(({ hostPort = 0, hostIP = '', protocol = '' }, position) => {
    if (hostPort === 0) return [];
    const key = `${protocol}/${hostIP}/${hostPort}`;
    const clash = taken.has(key);
    taken.add(key);
    return clash ? [duplicate(path.index(index).child('ports').index(position).child('hostPort'), key)] : [];
  }));
}
