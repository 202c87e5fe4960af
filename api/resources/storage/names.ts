import { invalid, required, tooLong, type FieldError, type Path } from '../../../machinery/field-path.ts';
import { dns1123Subdomain, qualifiedName } from '../../../machinery/names.ts';
import { faults } from '../checks.ts';

/** Names and parameters that kinds of storage share. Source: "Storage classes", "Volumes: CSI"; wording: Kubernetes' validation. */

const maxDriverName = 63;
const maxParameters = 512;
/** Keys and values together, in bytes. */
export const maxParameterBytes = 256 * 1024;

/** A CSI driver's name: a subdomain of at most 63 characters, in either case. */
export function validateDriverName(driver: string | undefined, path: Path): FieldError[] {
  const name = driver ?? '';
  return [
    ...(name === '' ? [required(path)] : []),
    ...(Buffer.byteLength(name) > maxDriverName ? [tooLong(path, maxDriverName)] : []),
    ...faults(path, name, dns1123Subdomain(name.toLowerCase())),
  ];
}

/** Who makes volumes: a name, with a domain or without. */
export function validateProvisioner(provisioner: string | undefined, path: Path): FieldError[] {
  const name = provisioner ?? '';
  return name === '' ? [required(path)] : qualifiedName(name.toLowerCase()).map((message) => invalid(path, name.toLowerCase(), message));
}

export function validateParameters(parameters: Readonly<Record<string, string>> | undefined, needed: boolean, path: Path): FieldError[] {
  const entries = Object.entries(parameters ?? {});
  if (entries.length > maxParameters) return [tooLong(path, maxParameters)];
  return [
    ...entries.flatMap(([key]) => (key === '' ? [invalid(path, key, 'field can not be empty.')] : [])),
    ...(textBytes(parameters) > maxParameterBytes ? [tooLong(path, maxParameterBytes)] : []),
    ...(needed && entries.length === 0 ? [required(path, 'must contain at least one key/value pair')] : []),
  ];
}

export function textBytes(texts: Readonly<Record<string, string>> | undefined): number {
  return Object.entries(texts ?? {}).reduce((sum, [key, value]) => sum + Buffer.byteLength(key) + Buffer.byteLength(value), 0);
}
