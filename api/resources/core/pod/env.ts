import { invalid, notFound, required, type FieldError, type Path } from '../../../../machinery/field-path.ts';
import type { Container } from '../../../../machinery/kinds/core.ts';
import { configMapKey, dns1123Label, dns1123Subdomain, envVarName } from '../../../../machinery/names.ts';
import { faults, named } from '../../checks.ts';
import { validateFieldRef, validateResourceRef } from './field-references.ts';
import type { Volumes } from './mounts.ts';
import { notReserved } from './paths.ts';

/** Source: "Define environment variables for a container", "EnvVarSource", Pod v1 core. */

type Variable = NonNullable<Container['env']>[number];
type FileKeyRef = NonNullable<NonNullable<Variable['valueFrom']>['fileKeyRef']>;
type Source = NonNullable<Container['envFrom']>[number];

export function validateEnv(variables: readonly Variable[], volumes: Volumes, path: Path): FieldError[] {
  return variables.flatMap((variable, index) => [
    ...named(path.index(index).child('name'), variable.name, envVarName),
    ...validateValueFrom(variable, volumes, path.index(index).child('valueFrom')),
  ]);
}

function validateValueFrom({ value = '', valueFrom }: Variable, volumes: Volumes, path: Path): FieldError[] {
  if (valueFrom === undefined) return [];
  const { fieldRef, resourceFieldRef, configMapKeyRef, secretKeyRef, fileKeyRef } = valueFrom;
  const sources = [fieldRef, resourceFieldRef, configMapKeyRef, secretKeyRef, fileKeyRef].filter((source) => source !== undefined).length;
  const errors: FieldError[] = [];
  if (fieldRef !== undefined) errors.push(...validateFieldRef(fieldRef, 'environment', path.child('fieldRef')));
  if (resourceFieldRef !== undefined) errors.push(...validateResourceRef(resourceFieldRef, 'environment', path.child('resourceFieldRef')));
  if (configMapKeyRef !== undefined) errors.push(...validateKey(configMapKeyRef, path.child('configMapKeyRef')));
  if (secretKeyRef !== undefined) errors.push(...validateKey(secretKeyRef, path.child('secretKeyRef')));
  if (fileKeyRef !== undefined) errors.push(...validateFileKey(fileKeyRef, volumes, path.child('fileKeyRef')));
  if (sources === 0) errors.push(invalid(path, '', 'must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`'));
  else if (value !== '') errors.push(invalid(path, '', 'may not be specified when `value` is not empty'));
  else if (sources > 1) errors.push(invalid(path, '', 'may not have more than one field specified at a time'));
  return errors;
}

function validateKey({ name = '', key = '' }: { readonly name?: string; readonly key?: string }, path: Path): FieldError[] {
  return [...faults(path.child('name'), name, dns1123Subdomain(name)), ...named(path.child('key'), key, configMapKey)];
}

/** The file is made by the pod itself, so its volume is an empty directory. */
function validateFileKey({ volumeName = '', path: file = '', key = '' }: Partial<FileKeyRef>, volumes: Volumes, path: Path): FieldError[] {
  const at = path.child('volumeName');
  const volume = volumes.get(volumeName);
  const errors = [
    ...named(path.child('key'), key, envVarName), ...named(at, volumeName, dns1123Label),
    ...(file === '' ? [required(path.child('path'))] : notReserved(path.child('path'), file)),
  ];
  if (volume === undefined) return volumeName === '' ? errors : [...errors, notFound(at, volumeName)];
  return volume.emptyDir === undefined ? [...errors, invalid(at, volumeName, 'referenced volume must be of type emptyDir')] : errors;
}

export function validateEnvFrom(sources: readonly Source[], path: Path): FieldError[] {
  return sources.flatMap(({ prefix = '', configMapRef, secretRef }, index) => {
    const at = path.index(index);
    const errors = prefix === '' ? [] : faults(at.child('prefix'), prefix, envVarName(prefix));
    if (configMapRef !== undefined) errors.push(...validateReference(configMapRef.name, at.child('configMapRef')));
    if (secretRef !== undefined) errors.push(...validateReference(secretRef.name, at.child('secretRef')));
    if (configMapRef === undefined && secretRef === undefined) errors.push(invalid(path, '', 'must specify one of: `configMapRef` or `secretRef`'));
    else if (configMapRef !== undefined && secretRef !== undefined) errors.push(invalid(path, '', 'may not have more than one field specified at a time'));
    return errors;
  });
}

function validateReference(name: string | undefined, path: Path): FieldError[] {
  return name === undefined || name === '' ? [required(path.child('name'))] : faults(path.child('name'), name, dns1123Subdomain(name));
}
