import { isDeepStrictEqual } from 'node:util';
import { Path, invalid, notSupported, required, type FieldError } from '../../../machinery/field-path.ts';
import type { PolicyRule, RoleRef, Subject } from '../../../machinery/kinds/cluster.ts';
import type { Draft } from '../../../machinery/kinds/wire.ts';
import { dns1123Subdomain, pathSegment } from '../../../machinery/names.ts';

/** What roles and bindings share. Source: "Using RBAC authorization". */

const rbacGroup = 'rbac.authorization.k8s.io';

interface Binding {
  readonly roleRef: RoleRef;
  readonly subjects?: readonly Subject[];
}

export function validateRules(rules: readonly PolicyRule[], namespaced: boolean, path: Path): FieldError[] {
  return rules.flatMap((rule, index) => validateRule(rule, namespaced, path.index(index)));
}

function validateRule(rule: PolicyRule, namespaced: boolean, path: Path): FieldError[] {
  const { verbs, apiGroups = [], resources = [], resourceNames = [], nonResourceURLs = [] } = rule;
  const errors: FieldError[] = [];
  if (verbs === undefined || verbs.length === 0) errors.push(required(path.child('verbs'), 'verbs must contain at least one value'));
  if (nonResourceURLs.length > 0) {
    if (namespaced) errors.push(invalid(path.child('nonResourceURLs'), nonResourceURLs, 'namespaced rules cannot apply to non-resource URLs'));
    if (apiGroups.length + resources.length + resourceNames.length > 0) {
      errors.push(invalid(path.child('nonResourceURLs'), nonResourceURLs, 'rules cannot apply to both regular resources and non-resource URLs'));
    }
    return errors;
  }
  if (apiGroups.length === 0) errors.push(required(path.child('apiGroups'), 'resource rules must supply at least one api group'));
  if (resources.length === 0) errors.push(required(path.child('resources'), 'resource rules must supply at least one resource'));
  return errors;
}

/** `apiGroup`s that a binding may leave out. */
export function defaultBinding(draft: Draft<Binding>): void {
  draft.roleRef ??= { apiGroup: '', kind: '', name: '' };
  if ((draft.roleRef.apiGroup ?? '') === '') draft.roleRef.apiGroup = rbacGroup;
  for (const subject of draft.subjects ?? []) {
    if (subject.apiGroup === undefined && (subject.kind === 'User' || subject.kind === 'Group')) subject.apiGroup = rbacGroup;
  }
}

export function validateBinding(binding: Binding, roleKinds: readonly string[], namespaced: boolean): FieldError[] {
  const { roleRef, subjects = [] } = binding;
  const path = new Path('roleRef');
  const errors: FieldError[] = [];
  if (roleRef.apiGroup !== rbacGroup) errors.push(notSupported(path.child('apiGroup'), roleRef.apiGroup, [rbacGroup]));
  if (!roleKinds.includes(roleRef.kind)) errors.push(notSupported(path.child('kind'), roleRef.kind, roleKinds));
  if ((roleRef.name ?? '') === '') errors.push(required(path.child('name')));
  else errors.push(...pathSegment(roleRef.name).map((message) => invalid(path.child('name'), roleRef.name, message)));
  return [...errors, ...subjects.flatMap((subject, index) => validateSubject(subject, namespaced, new Path('subjects').index(index)))];
}

function validateSubject(subject: Subject, namespaced: boolean, path: Path): FieldError[] {
  const { kind, name = '', namespace = '', apiGroup = '' } = subject;
  const errors: FieldError[] = name === '' ? [required(path.child('name'))] : [];
  if (kind === 'ServiceAccount') {
    if (name !== '') errors.push(...dns1123Subdomain(name).map((message) => invalid(path.child('name'), name, message)));
    if (apiGroup !== '') errors.push(notSupported(path.child('apiGroup'), apiGroup, ['']));
    if (!namespaced && namespace === '') errors.push(required(path.child('namespace')));
  } else if (kind === 'User' || kind === 'Group') {
    if (apiGroup !== rbacGroup) errors.push(notSupported(path.child('apiGroup'), apiGroup, [rbacGroup]));
  } else {
    errors.push(notSupported(path.child('kind'), kind, ['ServiceAccount', 'User', 'Group']));
  }
  return errors;
}

/** The role of a binding never changes: delete the binding and make another. */
export function validateBindingUpdate(binding: Binding, old: Binding): FieldError[] {
  return isDeepStrictEqual(binding.roleRef, old.roleRef) ? [] : [invalid(new Path('roleRef'), binding.roleRef, 'cannot change roleRef')];
}
