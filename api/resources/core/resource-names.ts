import { invalid, type FieldError, type Path } from '../../../machinery/field-path.ts';
import { qualifiedName } from '../../../machinery/names.ts';
import { canonical, compare, parseQuantity, zero } from '../../../machinery/quantity.ts';
import { isHuge } from '../../../machinery/compute-resources.ts';
import { faults } from '../checks.ts';

/** Names of what is asked, limited and counted. Source: "Resource quotas", "Extended resources"; wording: Kubernetes' validation. */

const nativePrefix = 'kubernetes.io/';
const integer = 1_000_000_000n;

/** What a quota may limit beside huge pages and qualified names. */
const quotaResources: ReadonlySet<string> = new Set([
  'cpu', 'memory', 'ephemeral-storage', 'requests.cpu', 'requests.memory', 'requests.storage', 'requests.ephemeral-storage', 'limits.cpu', 'limits.memory', 'limits.ephemeral-storage',
  'pods', 'resourcequotas', 'services', 'replicationcontrollers', 'secrets', 'persistentvolumeclaims', 'configmaps', 'services.nodeports', 'services.loadbalancers',
]);
const counted: ReadonlySet<string> = new Set([
  'pods', 'resourcequotas', 'services', 'replicationcontrollers', 'secrets', 'configmaps', 'persistentvolumeclaims', 'services.nodeports', 'services.loadbalancers',
]);

export const isNative = (name: string): boolean => !name.includes('/') || name.includes(nativePrefix);
/** May more be promised than there is? */
export const mayOvercommit = (name: string): boolean => isNative(name) && !isHuge(name);
export const isQuotaResource = (name: string): boolean => quotaResources.has(name) || isHuge(name) || name.startsWith('requests.hugepages-');
/** Devices and the like, which nodes and drivers bring along. */
export const isExtended = (name: string): boolean => !isNative(name) && !name.startsWith('requests.') && qualifiedName(`requests.${name}`).length === 0;

/** Anything that can be asked or limited anywhere. */
export function validateResourceName(name: string, path: Path): FieldError[] {
  const errors = faults(path, name, qualifiedName(name));
  if (errors.length > 0 || name.includes('/')) return errors;
  return isQuotaResource(name) || name === 'storage' ? [] : [invalid(path, name, 'must be a standard resource type or fully qualified')];
}

export function validateQuotaName(name: string, path: Path): FieldError[] {
  const errors = validateResourceName(name, path);
  return name.includes('/') || isQuotaResource(name) ? errors : [...errors, invalid(path, name, 'must be a standard resource for quota')];
}

/** Not negative, and whole where wholes are counted. */
export function validateQuantityOf(name: string, text: string, path: Path): FieldError[] {
  const quantity = parseQuantity(text) ?? zero;
  if (compare(quantity, zero) < 0) return [invalid(path, canonical(text), 'must be greater than or equal to 0')];
  return (counted.has(name) || isExtended(name)) && quantity.nanos % integer !== 0n ? [invalid(path, canonical(text), 'must be an integer')] : [];
}

export function validatePositive(text: string, path: Path): FieldError[] {
  return compare(parseQuantity(text) ?? zero, zero) > 0 ? [] : [invalid(path, canonical(text), 'must be greater than zero')];
}
