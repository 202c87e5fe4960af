import { forbidden, invalid, notFound, required, type FieldError, type Path } from '../../../../machinery/field-path.ts';
import type { Container, Volume } from '../../../../machinery/kinds/core.ts';
import { oneOf } from '../../checks.ts';
import { descending } from './paths.ts';

/** Source: "VolumeMount", Pod v1 core; "Mount propagation", "Recursive read-only mounts". */

type Mount = NonNullable<Container['volumeMounts']>[number];
export type Volumes = ReadonlyMap<string, Volume>;

export function validateMounts(container: Container, volumes: Volumes, path: Path): FieldError[] {
  const places = new Set<string>();
  const devices = new Set((container.volumeDevices ?? []).map((device) => device.name));
  const devicePaths = new Set((container.volumeDevices ?? []).map((device) => device.devicePath));
  return (container.volumeMounts ?? []).flatMap((mount, index) => {
    const at = path.index(index);
    const { name = '', mountPath = '' } = mount;
    const errors: FieldError[] = [];
    if (name === '') errors.push(required(at.child('name')));
    if (!volumes.has(name)) errors.push(notFound(at.child('name'), name));
    if (mountPath === '') errors.push(required(at.child('mountPath')));
    if (places.has(mountPath)) errors.push(invalid(at.child('mountPath'), mountPath, 'must be unique'));
    places.add(mountPath);
    if (devices.has(name)) errors.push(invalid(at.child('name'), name, 'must not already exist in volumeDevices'));
    if (devicePaths.has(mountPath)) errors.push(invalid(at.child('mountPath'), mountPath, 'must not already exist as a path in volumeDevices'));
    return [...errors, ...validateSubPath(mount, path, at), ...validatePropagation(mount, container, path), ...validateReadOnly(mount, path.child('recursiveReadOnly'))];
  });
}

function validateSubPath({ subPath = '', subPathExpr = '' }: Mount, path: Path, at: Path): FieldError[] {
  return [
    ...(subPath === '' ? [] : descending(path.child('subPath'), subPath)),
    ...(subPathExpr !== '' && subPath !== '' ? [invalid(at.child('subPathExpr'), subPathExpr, 'subPathExpr and subPath are mutually exclusive')] : []),
    ...(subPathExpr === '' ? [] : descending(path.child('subPathExpr'), subPathExpr)),
  ];
}

function validatePropagation({ mountPropagation }: Mount, container: Container, path: Path): FieldError[] {
  const at = path.child('mountPropagation');
  const errors = oneOf(at, mountPropagation, ['Bidirectional', 'HostToContainer', 'None']);
  if (mountPropagation === 'Bidirectional' && container.securityContext?.privileged !== true) {
    errors.push(forbidden(at, 'Bidirectional mount propagation is available only to privileged containers'));
  }
  return errors;
}

function validateReadOnly({ recursiveReadOnly, readOnly, mountPropagation = 'None' }: Mount, path: Path): FieldError[] {
  const errors = oneOf(path, recursiveReadOnly, ['Disabled', 'Enabled', 'IfPossible']);
  if (recursiveReadOnly !== 'Enabled' && recursiveReadOnly !== 'IfPossible') return errors;
  if (readOnly !== true) errors.push(forbidden(path, 'may only be specified when readOnly is true'));
  if (mountPropagation !== 'None') errors.push(forbidden(path, 'may only be specified when mountPropagation is None or not specified'));
  return errors;
}
