import type { V1DownwardAPIVolumeFile, V1KeyToPath, V1ProjectedVolumeSource, V1ServiceAccountTokenProjection } from '@kubernetes/client-node';
import { forbidden, invalid, required, type FieldError, type Path } from '../../../../machinery/field-path.ts';
import type { Wire } from '../../../../machinery/kinds/wire.ts';
import { validateFieldRef, validateResourceRef } from './field-references.ts';
import { notReserved } from './paths.ts';

/** What is projected into files. Source: "Projected volumes", "Downward API". */

type Projected = Wire<V1ProjectedVolumeSource>;
type Source = NonNullable<Projected['sources']>[number];

const largestMode = 0o777;
const shortestTokenSeconds = 600;
const longestTokenSeconds = 2 ** 32;

export function validateMode(mode: number | undefined, path: Path): FieldError[] {
  if (mode === undefined || (mode >= 0 && mode <= largestMode)) return [];
  return [invalid(path, mode, 'must be a number between 0 and 0777 (octal), both inclusive')];
}

/** `items` of a ConfigMap or Secret. */
export function validateKeys(items: readonly Wire<V1KeyToPath>[], path: Path): FieldError[] {
  return items.flatMap(({ key = '', path: file = '', mode }, index) => {
    const at = path.index(index);
    return [
      ...(key === '' ? [required(at.child('key'))] : []),
      ...(file === '' ? [required(at.child('path'))] : notReserved(at.child('path'), file)),
      ...validateMode(mode, at.child('mode')),
    ];
  });
}

export function validateDownward(item: Wire<V1DownwardAPIVolumeFile>, path: Path): FieldError[] {
  const { path: file = '', fieldRef, resourceFieldRef } = item;
  const errors = file === '' ? [required(path.child('path'))] : notReserved(path.child('path'), file);
  if (fieldRef !== undefined) {
    errors.push(...validateFieldRef(fieldRef, 'files', path.child('fieldRef')));
    if (resourceFieldRef !== undefined) errors.push(invalid(path, 'resource', 'fieldRef and resourceFieldRef can not be specified simultaneously'));
  } else if (resourceFieldRef !== undefined) {
    errors.push(...validateResourceRef(resourceFieldRef, 'files', path.child('resourceFieldRef')));
  } else {
    errors.push(required(path, 'one of fieldRef and resourceFieldRef is required'));
  }
  return [...errors, ...validateMode(item.mode, path.child('mode'))];
}

export function validateProjected(projected: Projected, path: Path): FieldError[] {
  const files = new Set<string>();
  return [
    ...validateMode(projected.defaultMode, path.child('defaultMode')),
    ...(projected.sources ?? []).flatMap((source, index) => {
      const clashes = pathsOf(source).filter((file) => {
        const taken = files.has(file);
        files.add(file);
        return taken;
      });
      return [...validateProjection(source, path.child('sources').index(index)), ...clashes.map((file) => invalid(path, file, 'conflicting duplicate paths'))];
    }),
  ];
}

function pathsOf({ secret, configMap, downwardAPI, serviceAccountToken }: Source): string[] {
  const items = [...(secret?.items ?? []), ...(configMap?.items ?? []), ...(downwardAPI?.items ?? [])];
  return [...items.map((item) => item.path), ...(serviceAccountToken === undefined ? [] : [serviceAccountToken.path])];
}

function validateProjection(source: Source, path: Path): FieldError[] {
  const { secret, configMap, downwardAPI, serviceAccountToken } = source;
  const errors: FieldError[] = [];
  if (secret !== undefined) errors.push(...nameOf(secret, path.child('secret')), ...validateKeys(secret.items ?? [], path.child('secret', 'items')));
  if (configMap !== undefined) errors.push(...nameOf(configMap, path.child('configMap')), ...validateKeys(configMap.items ?? [], path.child('configMap', 'items')));
  for (const item of downwardAPI?.items ?? []) errors.push(...validateDownward(item, path.child('downwardAPI')));
  if (serviceAccountToken !== undefined) errors.push(...validateToken(serviceAccountToken, path.child('serviceAccountToken')));
  if (Object.values(source).filter((one) => one !== undefined).length > 1) errors.push(forbidden(path, 'may not specify more than 1 volume type per source'));
  return errors;
}

function nameOf({ name = '' }: { readonly name?: string }, path: Path): FieldError[] {
  return name === '' ? [required(path.child('name'))] : [];
}

function validateToken({ expirationSeconds, path: file = '' }: Wire<V1ServiceAccountTokenProjection>, path: Path): FieldError[] {
  const at = path.child('expirationSeconds');
  const errors: FieldError[] = [];
  if (expirationSeconds !== undefined && expirationSeconds < shortestTokenSeconds) errors.push(invalid(at, expirationSeconds, 'may not specify a duration less than 10 minutes'));
  if (expirationSeconds !== undefined && expirationSeconds > longestTokenSeconds) errors.push(invalid(at, expirationSeconds, 'may not specify a duration larger than 2^32 seconds'));
  return [...errors, ...(file === '' ? [required(path.child('path'))] : notReserved(path.child('path'), file))];
}
