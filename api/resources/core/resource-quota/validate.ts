import { Path, invalid, required, type FieldError } from '../../../../machinery/field-path.ts';
import type { ResourceQuota } from '../../../../machinery/kinds/core.ts';
import { isQuotaResource, validateQuantityOf, validateQuotaName } from '../resource-names.ts';

/** Source: "Resource quotas: quota scopes"; wording: Kubernetes' validation. */

type Spec = NonNullable<ResourceQuota['spec']>;
type Requirement = NonNullable<NonNullable<Spec['scopeSelector']>['matchExpressions']>[number];

const path = new Path('spec');
const scopes = ['Terminating', 'NotTerminating', 'BestEffort', 'NotBestEffort', 'PriorityClass', 'CrossNamespacePodAffinity', 'VolumeAttributesClass'];
/** Scopes that hold or don't, without values. */
const plain = ['Terminating', 'NotTerminating', 'BestEffort', 'NotBestEffort', 'CrossNamespacePodAffinity'];
const opposite = [['BestEffort', 'NotBestEffort'], ['Terminating', 'NotTerminating']] as const;
const compute = ['pods', 'cpu', 'memory', 'limits.cpu', 'limits.memory', 'requests.cpu', 'requests.memory'];

export function validateQuota({ spec }: ResourceQuota): FieldError[] {
  if (spec === undefined) return [];
  return [...validateAmounts(spec.hard, path.child('hard')), ...validateScopes(spec), ...validateSelector(spec)];
}

function validateAmounts(amounts: Readonly<Record<string, string>> | undefined, at: Path): FieldError[] {
  return Object.entries(amounts ?? {}).flatMap(([name, text]) => [...validateQuotaName(name, at.key(name)), ...validateQuantityOf(name, text, at.key(name))]);
}

/** Can the scope tell the resource's objects apart? */
function fits(scope: string, resource: string): boolean {
  if (!isQuotaResource(resource)) return true;
  switch (scope) {
    case 'BestEffort': return resource === 'pods';
    case 'VolumeAttributesClass': return resource === 'persistentvolumeclaims' || resource === 'requests.storage';
    default: return !scopes.includes(scope) || compute.includes(resource);
  }
}

function validateScopes({ scopes: given = [], hard = {} }: Spec): FieldError[] {
  const at = path.child('scopes');
  return [
    ...given.flatMap((scope) => [
      ...(scopes.includes(scope) ? [] : [invalid(at, given, 'unsupported scope')]),
      ...Object.keys(hard).filter((resource) => !fits(scope, resource)).map(() => invalid(at, given, 'unsupported scope applied to resource')),
    ]),
    ...conflicts(given).map(() => invalid(at, given, 'conflicting scopes')),
  ];
}

function conflicts(given: readonly string[]) {
  return opposite.filter((pair) => pair.every((scope) => given.includes(scope)));
}

function validateSelector(spec: Spec): FieldError[] {
  const { matchExpressions = [] } = spec.scopeSelector ?? {};
  const at = path.child('scopeSelector', 'matchExpressions');
  return [
    ...matchExpressions.flatMap((requirement) => [
      ...validateRequirement(requirement, at),
      ...Object.keys(spec.hard ?? {}).filter((resource) => !fits(requirement.scopeName ?? '', resource)).map(() => invalid(at, spec.scopeSelector, 'unsupported scope applied to resource')),
    ]),
    ...conflicts(matchExpressions.map(({ scopeName }) => scopeName)).map(() => invalid(at, spec.scopes ?? [], 'conflicting scopes')),
  ];
}

function validateRequirement({ scopeName = '', operator = '', values = [] }: Requirement, at: Path): FieldError[] {
  const errors = scopes.includes(scopeName) ? [] : [invalid(at.child('scopeName'), scopeName, 'unsupported scope')];
  if (plain.includes(scopeName) && operator !== 'Exists') {
    errors.push(invalid(at.child('operator'), operator, "must be 'Exist' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity"));
  }
  switch (operator) {
    case 'In':
    case 'NotIn': return values.length > 0 ? errors : [...errors, required(at.child('values'), "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector")];
    case 'Exists':
    case 'DoesNotExist': return values.length === 0 ? errors : [...errors, invalid(at.child('values'), values, "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector")];
    default: return [...errors, invalid(at.child('operator'), operator, 'not a valid selector operator')];
  }
}

export function validateQuotaUpdate(object: ResourceQuota, old: ResourceQuota): FieldError[] {
  const [now, before] = [new Set(object.spec?.scopes ?? []), new Set(old.spec?.scopes ?? [])];
  return now.symmetricDifference(before).size === 0 ? [] : [invalid(path.child('scopes'), object.spec?.scopes ?? [], 'field is immutable')];
}

export function validateQuotaStatus({ status }: ResourceQuota): FieldError[] {
  return (['hard', 'used'] as const).flatMap((list) => validateAmounts(status?.[list], new Path('status').child(list)));
}
