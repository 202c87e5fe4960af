import { forbidden, notSupported, required, type FieldError, type Path } from '../../../machinery/field-path.ts';

/** Source: "Persistent volumes: access modes"; wording: Kubernetes' validation. */

const short: Readonly<Record<string, string>> = { ReadWriteOnce: 'RWO', ReadOnlyMany: 'ROX', ReadWriteMany: 'RWX', ReadWriteOncePod: 'RWOP' };
const only = 'ReadWriteOncePod';

/** `RWO,ROX`. */
export function accessModesText(modes: readonly string[] | undefined): string {
  return Object.keys(short).filter((mode) => modes?.includes(mode) === true).map((mode) => short[mode]).join(',');
}

/** `missing`: what is said when there is none. */
export function validateAccessModes(modes: readonly string[] | undefined, missing: string, path: Path): FieldError[] {
  if (modes === undefined || modes.length === 0) return [required(path, missing)];
  const supported = Object.keys(short).toSorted();
  const errors = modes.filter((mode) => !supported.includes(mode)).map((mode) => notSupported(path, mode, supported));
  const mixed = modes.includes(only) && modes.some((mode) => mode !== only && supported.includes(mode));
  return mixed ? [...errors, forbidden(path, 'may not use ReadWriteOncePod with other access modes')] : errors;
}
