import type { V1DeviceSelector, V1OpaqueDeviceConfiguration } from '@kubernetes/client-node';
import { invalid, required, tooLong, type FieldError, type Path } from '../../../machinery/field-path.ts';
import type { Wire } from '../../../machinery/kinds/wire.ts';
import { validateDriverName } from '../storage/names.ts';
import { bounded } from './names.ts';

/** How devices are chosen and set up, in classes and claims. Source: "Dynamic resource allocation". */

export const maxRequests = 32;
export const maxConfigurations = 32;
const maxSelectors = 32;
const maxExpression = 10 * 1024;
const maxParameters = 10 * 1024;

export function validateSelectors(selectors: readonly Wire<V1DeviceSelector>[] | undefined, path: Path): FieldError[] {
  return bounded(selectors, maxSelectors, path, ({ cel }, at) => {
    if (cel === undefined) return [required(at.child('cel'))];
    return Buffer.byteLength(cel.expression ?? '') > maxExpression ? [tooLong(at.child('cel', 'expression'), maxExpression)] : [];
  });
}

export function validateConfiguration({ opaque }: { readonly opaque?: Wire<V1OpaqueDeviceConfiguration> }, path: Path): FieldError[] {
  const at = path.child('opaque');
  if (opaque === undefined) return [required(at)];
  return [...validateDriverName(opaque.driver, at.child('driver')), ...validateRaw(opaque.parameters, maxParameters, at.child('parameters'))];
}

/** A JSON object of at most so many bytes. */
export function validateRaw(value: unknown, maxBytes: number, path: Path): FieldError[] {
  if (value === undefined || value === null) return [required(path)];
  if (Buffer.byteLength(JSON.stringify(value)) > maxBytes) return [tooLong(path, maxBytes)];
  return typeof value === 'object' && !Array.isArray(value) ? [] : [invalid(path, '<value omitted>', 'must be a valid JSON object')];
}
