import { invalid, type FieldError, type Path } from '../../../../machinery/field-path.ts';

/** Rules of paths that come from users and are joined to ours. Source: "Volumes: using subPath"; Kubernetes' validation of local paths. */

/** No `..` among the elements. */
export function noBacksteps(path: Path, target: string): FieldError[] {
  return target.split('/').includes('..') ? [invalid(path, target, "must not contain '..'")] : [];
}

/** Relative, without `..`. */
export function descending(path: Path, target: string): FieldError[] {
  return [...(target.startsWith('/') ? [invalid(path, target, 'must be a relative path')] : []), ...noBacksteps(path, target)];
}

/** Relative, without `..`, and not among the names that the volume's own machinery uses (`..data`). */
export function notReserved(path: Path, target: string): FieldError[] {
  const reserved = target.startsWith('..') && target !== '..' && !target.startsWith('../');
  return [...descending(path, target), ...(reserved ? [invalid(path, target, "must not start with '..'")] : [])];
}
