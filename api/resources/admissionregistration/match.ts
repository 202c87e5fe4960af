import { duplicate, forbidden, invalid, required, tooMany, type FieldError, type Path } from '../../../machinery/field-path.ts';
import type { MatchCondition, MatchResources, ParamKind, ParamRef } from '../../../machinery/kinds/admission-registration.ts';
import type { Draft } from '../../../machinery/kinds/wire.ts';
import { validateLabelSelector } from '../../../machinery/labels.ts';
import { dns1035Label, dns1123Subdomain, pathSegment, qualifiedName } from '../../../machinery/names.ts';
import { chosen, faults } from '../checks.ts';
import { defaultRules, validateNamedRules } from './rules.ts';

/** What a policy is asked about, and with which parameters. Source: "Validating admission policy"; wording: Kubernetes' validation. */

const maxConditions = 64;
const matchPolicies = ['Equivalent', 'Exact'] as const;

export function defaultMatch(match: Draft<MatchResources>): void {
  match.matchPolicy ??= 'Equivalent';
  match.namespaceSelector ??= {};
  match.objectSelector ??= {};
  defaultRules(match.resourceRules);
  defaultRules(match.excludeResourceRules);
}

export function validateMatch(match: MatchResources | undefined, path: Path): FieldError[] {
  if (match === undefined) return [];
  return [
    ...chosen(path.child('matchPolicy'), match.matchPolicy, matchPolicies),
    ...(match.namespaceSelector === undefined ? [required(path.child('namespaceSelector'))] : validateLabelSelector(match.namespaceSelector, path.child('namespaceSelector'))),
    ...(match.objectSelector === undefined ? [required(path.child('objectSelector'))] : validateLabelSelector(match.objectSelector, path.child('objectSelector'))),
    ...validateNamedRules(match.resourceRules, path.child('resourceRules')),
    ...validateNamedRules(match.excludeResourceRules, path.child('excludeResourceRules')),
  ];
}

export function validateMatchConditions(conditions: readonly MatchCondition[] | undefined, path: Path): FieldError[] {
  const names = (conditions ?? []).map(({ name = '' }) => name);
  const errors = names.length > maxConditions ? [tooMany(path, names.length, maxConditions)] : [];
  return [...errors, ...(conditions ?? []).flatMap(({ name = '', expression = '' }, index) => [
    ...(expression.trim() === '' ? [required(path.index(index).child('expression'))] : []),
    ...(name === '' ? [required(path.index(index).child('name'))] : faults(path.index(index).child('name'), name, qualifiedName(name))),
    ...(name !== '' && names.indexOf(name) < index ? [duplicate(path.index(index).child('name'), name)] : []),
  ])];
}

export function validateParamKind(kind: ParamKind | undefined, path: Path): FieldError[] {
  if (kind === undefined) return [];
  const { kind: name = '' } = kind;
  const messages = dns1035Label(name.toLowerCase());
  return [
    ...validateApiVersion(kind.apiVersion ?? '', path.child('apiVersion')),
    ...(name === '' ? [required(path.child('kind'))]
      : messages.length > 0 ? [invalid(path.child('kind'), name, `may have mixed case, but should otherwise match: ${messages.join(',')}`)] : []),
  ];
}

function validateApiVersion(apiVersion: string, path: Path): FieldError[] {
  if (apiVersion === '') return [required(path)];
  const parts = apiVersion.split('/');
  if (parts.length > 2) return [invalid(path, apiVersion, `unexpected GroupVersion string: ${apiVersion}`)];
  const version = parts.at(-1) ?? '';
  const group = parts.length === 2 ? (parts[0] ?? '') : '';
  const wrongGroup = group === '' ? [] : dns1123Subdomain(group);
  const wrongVersion = dns1035Label(version);
  return [
    ...(wrongGroup.length > 0 ? [invalid(path, group, wrongGroup.join(','))] : []),
    ...(version === '' ? [invalid(path, apiVersion, 'version must be specified')] : wrongVersion.length > 0 ? [invalid(path, version, wrongVersion.join(','))] : []),
  ];
}

const exclusive = 'name and selector are mutually exclusive';

export function validateParamRef(ref: ParamRef | undefined, path: Path): FieldError[] {
  if (ref === undefined) return [];
  const { name = '', selector, parameterNotFoundAction } = ref;
  const both = name !== '' && selector !== undefined;
  return [
    ...(name === '' ? [] : faults(path.child('name'), name, pathSegment(name))),
    ...(both ? [forbidden(path.child('name'), exclusive)] : []),
    ...validateLabelSelector(selector, path.child('selector')),
    ...(both ? [forbidden(path.child('selector'), exclusive)] : []),
    ...(name === '' && selector === undefined ? [required(path, 'one of name or selector must be specified')] : []),
    ...chosen(path.child('parameterNotFoundAction'), parameterNotFoundAction, ['Deny', 'Allow']),
  ];
}
