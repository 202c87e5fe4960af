import { invalid, required, type FieldError, type Path } from '../../../../machinery/field-path.ts';
import type { Container } from '../../../../machinery/kinds/core.ts';
import { configMapKey, dns1123Subdomain, envVarName } from '../../../../machinery/names.ts';
import { faults, named } from '../../checks.ts';
import { validateFieldRef, validateResourceRef } from './field-references.ts';

/** Source: "Define environment variables for a container", "EnvVarSource", Pod v1 core. */

type Variable = NonNullable<Container['env']>[number];
type Source = NonNullable<Container['envFrom']>[number];

export function validateEnv(variables: readonly Variable[], path: Path): FieldError[] {
  return variables.flatMap((variable, index) => [
    ...named(path.index(index).child('name'), variable.name, envVarName),
    ...validateValueFrom(variable, path.index(index).child('valueFrom')),
  ]);
}

function validateValueFrom({ value = '', valueFrom }: Variable, path: Path): FieldError[] {
  if (valueFrom === undefined) return [];
  const { fieldRef, resourceFieldRef, configMapKeyRef, secretKeyRef } = valueFrom;
  const sources = [fieldRef, resourceFieldRef, configMapKeyRef, secretKeyRef].filter((source) => source !== undefined).length;
  const errors: FieldError[] = [];
  if (fieldRef !== undefined) errors.push(...validateFieldRef(fieldRef, 'environment', path.child('fieldRef')));
  if (resourceFieldRef !== undefined) errors.push(...validateResourceRef(resourceFieldRef, 'environment', path.child('resourceFieldRef')));
  if (configMapKeyRef !== undefined) errors.push(...validateKey(configMapKeyRef, path.child('configMapKeyRef')));
  if (secretKeyRef !== undefined) errors.push(...validateKey(secretKeyRef, path.child('secretKeyRef')));
  if (sources === 0) errors.push(invalid(path, '', 'must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`'));
  else if (value !== '') errors.push(invalid(path, '', 'may not be specified when `value` is not empty'));
  else if (sources > 1) errors.push(invalid(path, '', 'may not have more than one field specified at a time'));
  return errors;
}

function validateKey({ name = '', key = '' }: { readonly name?: string; readonly key?: string }, path: Path): FieldError[] {
  return [...faults(path.child('name'), name, dns1123Subdomain(name)), ...named(path.child('key'), key, configMapKey)];
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
