import type { V1DeviceToleration } from '@kubernetes/client-node';
import { invalid, notSupported, required, type FieldError, type Path } from '../../../machinery/field-path.ts';
import type { ResourceClaim } from '../../../machinery/kinds/dynamic-resources.ts';
import type { Draft, Wire } from '../../../machinery/kinds/wire.ts';
import { dns1123Label, dns1123Subdomain, labelValue } from '../../../machinery/names.ts';
import { faults, named, oneOf } from '../checks.ts';
import { maxConfigurations, maxRequests, validateConfiguration, validateSelectors } from './configuration.ts';
import { bounded, boundedSet, validateFullAttributeName, validateLabelName } from './names.ts';

/** What a claim asks for. Source: "Dynamic resource allocation"; wording: Kubernetes' validation. */

export type ClaimSpec = ResourceClaim['spec'];
type Devices = NonNullable<ClaimSpec['devices']>;
type Request = NonNullable<Devices['requests']>[number];
type Exact = NonNullable<Request['exactly']>;
type Sub = NonNullable<Request['firstAvailable']>[number];
type Constraint = NonNullable<Devices['constraints']>[number];
type Toleration = Wire<V1DeviceToleration>;

const maxConstraints = 32;
const maxAlternatives = 8;
export const taintEffects = ['NoExecute', 'NoSchedule', 'None'] as const;

export function defaultClaim(spec: Draft<ClaimSpec> | undefined): void {
  for (const request of spec?.devices?.requests ?? []) {
    if (request.exactly !== undefined) defaultRequest(request.exactly);
    for (const sub of request.firstAvailable ?? []) defaultRequest(sub);
  }
}

function defaultRequest(request: Draft<Exact | Sub>): void {
  request.allocationMode ||= 'ExactCount';
  if (request.allocationMode === 'ExactCount') request.count ||= 1;
  for (const toleration of request.tolerations ?? []) toleration.operator ||= 'Equal';
}

/** Requests by name, with the names of their alternatives. */
export type RequestNames = ReadonlyMap<string, ReadonlySet<string>>;

export function requestNames(spec: Partial<ClaimSpec> | undefined): RequestNames {
  return new Map((spec?.devices?.requests ?? []).map((request) => [request.name ?? '', new Set((request.firstAvailable ?? []).map(({ name = '' }) => name))]));
}

export function validateClaim(spec: Partial<ClaimSpec> | undefined, path: Path): FieldError[] {
  const { requests, constraints, config } = spec?.devices ?? {};
  const names = requestNames(spec);
  const at = path.child('devices');
  return [
    ...boundedSet(requests, maxRequests, at.child('requests'), ({ name = '' }) => name, validateRequest),
    ...bounded(constraints, maxConstraints, at.child('constraints'), (one, where) => validateConstraint(one, names, where)),
    ...bounded(config, maxConfigurations, at.child('config'), (one, where) => [
      ...validateRequestNames(one.requests, names, where.child('requests')), ...validateConfiguration(one, where),
    ]),
  ];
}

function validateName(name: string | undefined, path: Path): FieldError[] {
  return faults(path, name ?? '', dns1123Label(name ?? ''));
}

function validateRequest({ name, exactly, firstAvailable = [] }: Request, path: Path): FieldError[] {
  const errors = validateName(name, path.child('name'));
  if (exactly === undefined && firstAvailable.length === 0) return [...errors, required(path, 'exactly one of `exactly` or `firstAvailable` is required')];
  if (exactly !== undefined && firstAvailable.length > 0) {
    return [...errors, invalid(path, null, 'exactly one of `exactly` or `firstAvailable` is required, but multiple fields are set')];
  }
  if (exactly !== undefined) return [...errors, ...validateWish(exactly, path.child('exactly'))];
  return [...errors, ...boundedSet(firstAvailable, maxAlternatives, path.child('firstAvailable'), (sub) => sub.name ?? '', (sub, at) => [
    ...validateName(sub.name, at.child('name')), ...validateWish(sub, at),
  ])];
}

function validateWish({ deviceClassName, selectors, allocationMode = '', count = 0, tolerations = [] }: Exact | Sub, path: Path): FieldError[] {
  return [
    ...named(path.child('deviceClassName'), deviceClassName, dns1123Subdomain),
    ...validateSelectors(selectors, path.child('selectors')),
    ...validateMode(allocationMode, count, path),
    ...tolerations.flatMap((toleration, index) => validateToleration(toleration, path.child('tolerations').index(index))),
  ];
}

function validateMode(mode: string, count: number, path: Path): FieldError[] {
  switch (mode) {
    case 'All': return count === 0 ? [] : [invalid(path.child('count'), count, "must not be specified when allocationMode is 'All'")];
    case 'ExactCount': return count > 0 ? [] : [invalid(path.child('count'), count, 'must be greater than zero')];
    default: return [notSupported(path.child('allocationMode'), mode, ['All', 'ExactCount'])];
  }
}

function validateToleration({ key = '', operator = '', value = '', effect = '' }: Toleration, path: Path): FieldError[] {
  const errors = key === '' ? [] : validateLabelName(key, path.child('key'));
  const [at, text] = [path.child('operator'), path.child('value')];
  if (operator === '') errors.push(required(at));
  else if (operator === 'Equal') errors.push(...faults(text, value, labelValue(value)));
  else if (operator !== 'Exists') errors.push(notSupported(at, operator, ['Equal', 'Exists']));
  else if (value !== '') errors.push(invalid(text, value, 'must be empty for operator `Exists`'));
  return effect === '' ? errors : [...errors, ...oneOf(path.child('effect'), effect, taintEffects)];
}

function validateConstraint({ requests, matchAttribute, distinctAttribute }: Constraint, names: RequestNames, path: Path): FieldError[] {
  const errors = validateRequestNames(requests, names, path.child('requests'));
  if (matchAttribute !== undefined) return [...errors, ...validateFullAttributeName(matchAttribute, path.child('matchAttribute'))];
  if (distinctAttribute !== undefined) return [...errors, ...validateFullAttributeName(distinctAttribute, path.child('distinctAttribute'))];
  return [...errors, required(path, 'exactly one of "matchAttribute" or "distinctAttribute" is required, but multiple fields are set')];
}

export function validateRequestNames(requests: readonly string[] | undefined, names: RequestNames, path: Path): FieldError[] {
  return boundedSet(requests, maxRequests, path, (name) => name, (name, at) => validateRequestName(name, names, at));
}

const notAsked = "must be the name of a request in the claim or the name of a request and a subrequest separated by '/'";

/** `request`, or `request/alternative`. */
export function validateRequestName(name: string, names: RequestNames, path: Path): FieldError[] {
  const segments = name.split('/');
  if (segments.length > 2) return [invalid(path, name, notAsked)];
  const [request = '', sub] = segments;
  const subs = names.get(request);
  const isKnown = subs !== undefined && (sub === undefined || subs.has(sub));
  return [...segments.flatMap((segment) => validateName(segment, path)), ...(isKnown ? [] : [invalid(path, name, notAsked)])];
}
