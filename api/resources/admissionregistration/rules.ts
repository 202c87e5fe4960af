import { invalid, required, duplicate, type FieldError, type Path } from '../../../machinery/field-path.ts';
import type { NamedRuleWithOperations, RuleWithOperations } from '../../../machinery/kinds/admission-registration.ts';
import type { Draft } from '../../../machinery/kinds/wire.ts';
import { pathSegment } from '../../../machinery/names.ts';
import { faults, oneOf } from '../checks.ts';

/** Which requests a webhook or a policy is asked about. Source: "Dynamic admission control: matching requests: rules". */

const operations = ['*', 'CONNECT', 'CREATE', 'DELETE', 'UPDATE'] as const;
const scopes = ['*', 'Cluster', 'Namespaced'] as const;

export function defaultRules(rules: readonly Draft<RuleWithOperations>[] | undefined): void {
  for (const rule of rules ?? []) rule.scope ??= '*';
}

export function validateRules(rules: readonly RuleWithOperations[] | undefined, path: Path): FieldError[] {
  return (rules ?? []).flatMap((rule, index) => validateRule(rule, path.index(index)));
}

/** Rules that may name single objects too. */
export function validateNamedRules(rules: readonly NamedRuleWithOperations[] | undefined, path: Path): FieldError[] {
  return (rules ?? []).flatMap((rule, index) => {
    const at = path.index(index);
    const names = rule.resourceNames ?? [];
    return [
      ...names.flatMap((name, position) => [
        ...faults(at.child('resourceNames').index(position), name, pathSegment(name)),
        ...(names.indexOf(name) < position ? [duplicate(at.child('resourceNames').index(position), name)] : []),
      ]),
      ...validateRule(rule, at),
    ];
  });
}

function validateRule(rule: RuleWithOperations, path: Path): FieldError[] {
  const { operations: asked = [], apiGroups = [], apiVersions = [], resources = [], scope } = rule;
  return [
    ...listed(asked, 'operations', path.child('operations')),
    ...asked.flatMap((operation, index) => oneOf(path.child('operations').index(index), operation, operations)),
    ...listed(apiGroups, 'API groups', path.child('apiGroups')),
    ...listed(apiVersions, 'API versions', path.child('apiVersions')),
    ...apiVersions.flatMap((version, index) => (version === '' ? [required(path.child('apiVersions').index(index))] : [])),
    ...validateResources(resources, path.child('resources')),
    ...oneOf(path.child('scope'), scope, scopes),
  ];
}

/** Not empty; `*` stands alone. */
function listed(values: readonly string[], what: string, path: Path): FieldError[] {
  if (values.length === 0) return [required(path)];
  return values.length > 1 && values.includes('*') ? [invalid(path, values, `if '*' is present, must not specify other ${what}`)] : [];
}

/** A resource (`pods`), a subresource (`pods/status`), or a pattern of either: none may already be covered by another. */
function validateResources(resources: readonly string[], path: Path): FieldError[] {
  if (resources.length === 0) return [required(path)];
  const [wholeResources, everySubresource] = [new Set<string>(), new Set<string>()];
  const errors: FieldError[] = [];
  for (const [index, written] of resources.entries()) {
    if (written === '') errors.push(required(path.index(index)));
    const slash = written.indexOf('/');
    if (slash < 0) continue;
    const [resource, subresource] = [written.slice(0, slash), written.slice(slash + 1)];
    if (wholeResources.has(resource)) errors.push(invalid(path.index(index), written, `if '${resource}/*' is present, must not specify ${written}`));
    if (everySubresource.has(subresource)) errors.push(invalid(path.index(index), written, `if '*/${subresource}' is present, must not specify ${written}`));
    if (subresource === '*') wholeResources.add(resource);
    if (resource === '*') everySubresource.add(subresource);
  }
  if (resources.length > 1 && resources.includes('*/*')) errors.push(invalid(path, resources, "if '*/*' is present, must not specify other resources"));
  if (resources.includes('*') && resources.some((one) => one !== '' && one !== '*' && !one.includes('/'))) {
    errors.push(invalid(path, resources, "if '*' is present, must not specify other resources without subresources"));
  }
  return errors;
}
