import type { V1ResourceRequirements } from '@kubernetes/client-node';
import { forbidden, invalid, notFound, required, type FieldError, type Path } from '../../../../machinery/field-path.ts';
import type { PodSpec } from '../../../../machinery/kinds/core.ts';
import type { Wire } from '../../../../machinery/kinds/wire.ts';
import { qualifiedName } from '../../../../machinery/names.ts';
import { canonical, compare, formatOf, formatQuantity, parseQuantity, zero, type Quantity } from '../../../../machinery/quantity.ts';
import { podRequests } from '../../../../machinery/pod/requests.ts';
import { computeResources, isHuge } from '../../../../machinery/compute-resources.ts';
import { faults } from '../../checks.ts';
import { isNative, mayOvercommit } from '../resource-names.ts';

/** Requests and limits. Source: "Resource management for pods and containers", "Extended resources". */

type Requirements = Wire<V1ResourceRequirements>;
type Amounts = Readonly<Record<string, string>>;

const others: ReadonlySet<string> = new Set(['storage', 'pods', 'services', 'replicationcontrollers', 'resourcequotas', 'secrets', 'configmaps', 'persistentvolumeclaims']);
const malformed = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";

export function validateResources(resources: Requirements | undefined, claims: ReadonlySet<string>, path: Path): FieldError[] {
  if (resources === undefined) return [];
  const { limits = {}, requests = {} } = resources;
  return [
    ...Object.entries(limits).flatMap(([name, text]) => validateAmount(name, text, path.child('limits').key(name))),
    ...Object.entries(requests).flatMap(([name, text]) => validateAmount(name, text, path.child('requests').key(name))),
    ...Object.entries(requests).flatMap(([name, text]) => validateRequest(name, text, limits, path)),
    ...validateHuge([...Object.keys(limits), ...Object.keys(requests)], path),
    ...(resources.claims ?? []).flatMap((claim, index) => (claims.has(claim.name) ? [] : [unknownClaim(claim.name, claims, path.child('claims').index(index))])),
  ];
}

function unknownClaim(name: string, claims: ReadonlySet<string>, path: Path): FieldError {
  const error = notFound(path, name);
  return { ...error, body: `${error.body}: must be one of the names in pod.spec.resourceClaims${claims.size === 0 ? ' which is empty' : `: ${[...claims].toSorted().join(', ')}`}` };
}

function validateHuge(names: readonly string[], path: Path): FieldError[] {
  if (!names.some(isHuge) || names.includes('cpu') || names.includes('memory')) return [];
  return [forbidden(path, 'HugePages require cpu or memory')];
}

export function validateAmount(name: string, text: string, path: Path): FieldError[] {
  return [...validateAmountName(name, path), ...validateQuantity(name, text, path)];
}

/** What a container may ask. */
export function validateAmountName(name: string, path: Path): FieldError[] {
  const errors = faults(path, name, qualifiedName(name));
  if (errors.length > 0) return errors;
  if (!name.includes('/')) {
    if (computeResources.has(name) || isHuge(name)) return [];
    const known = others.has(name) ? [] : [invalid(path, name, 'must be a standard resource type or fully qualified')];
    return [...known, invalid(path, name, 'must be a standard resource for containers')];
  }
  return isNative(name) || !name.startsWith('requests.') ? [] : [invalid(path, name, "doesn't follow extended resource name standard")];
}

function validateQuantity(name: string, text: string, path: Path): FieldError[] {
  const quantity = parseQuantity(text);
  if (quantity === undefined) return [invalid(path, text, malformed)];
  if (compare(quantity, zero) < 0) return [invalid(path, canonical(text), 'must be greater than or equal to 0')];
  const fraction = quantity.nanos % 1_000_000_000n !== 0n;
  return fraction && !mayOvercommit(name) ? [invalid(path, canonical(text), 'must be an integer')] : [];
}

function validateRequest(name: string, text: string, limits: Amounts, path: Path): FieldError[] {
  const limit = limits[name];
  if (limit === undefined) return mayOvercommit(name) ? [] : [required(path.child('limits'), 'Limit must be set for non overcommitable resources')];
  if (limit === text) return [];
  const [asked, most] = [parseQuantity(text), parseQuantity(limit)];
  if (asked === undefined || most === undefined) return [];
  const order = compare(asked, most);
  if (order !== 0 && !mayOvercommit(name)) return [invalid(path.child('requests'), canonical(text), `must be equal to ${name} limit of ${canonical(limit)}`)];
  return order > 0 ? [invalid(path.child('requests'), canonical(text), `must be less than or equal to ${name} limit of ${canonical(limit)}`)] : [];
}

/** Resources of the whole pod cover what its containers ask together, and each container's limit. */
export function validatePodResources(spec: PodSpec, path: Path): FieldError[] {
  const { resources } = spec;
  if (resources === undefined) return [];
  const { resources: _own, overhead: _overhead, ...rest } = spec;
  return [
    ...validateResources(resources, new Set(), path),
    ...[...podRequests(rest)].flatMap(([name, sum]) => validateCover(name, sum, resources.requests?.[name], path.child('requests').key(name))),
    ...spec.containers.flatMap((container, index) => Object.entries(container.resources?.limits ?? {}).flatMap(([name, text]) => {
      const most = resources.limits?.[name];
      if (most === undefined || compare(parseQuantity(text) ?? zero, parseQuantity(most) ?? zero) <= 0) return [];
      return [invalid(path.child('containers').index(index).key(name).child('limits'), canonical(text), `must be less than or equal to pod limits of ${canonical(most)}`)];
    })),
  ];
}

function validateCover(name: string, sum: Quantity, own: string | undefined, path: Path): FieldError[] {
  if (compare(sum, parseQuantity(own ?? '0') ?? zero) <= 0) return [];
  const shown = formatQuantity(sum, name === 'cpu' ? 'DecimalSI' : formatOf(own ?? 'i'));
  return [invalid(path, canonical(own ?? '0'), `must be greater than or equal to aggregate container requests of ${shown}`)];
}
