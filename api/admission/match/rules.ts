import type { NamedRuleWithOperations, RuleWithOperations } from '../../../machinery/kinds/admission-registration.ts';
import type { Admitted } from '../admission.ts';
import type { Resource } from '../../resources/define.ts';

/** Whether a rule of a webhook or policy is about a write that is seen as one of `resource`. Source: "Matching requests: rules". */
export function ruleMatches(rule: RuleWithOperations, { operation, subresource }: Pick<Admitted, 'operation' | 'subresource'>, resource: Resource): boolean {
  return has(rule.operations, operation) && has(rule.apiGroups, resource.group) && has(rule.apiVersions, resource.version)
    && (rule.resources ?? []).some((one) => resourceMatches(one, resource.plural, subresource)) && scopeMatches(rule.scope, resource);
}

/** As `ruleMatches`; a rule with names is about objects of these names. */
export function namedRuleMatches(rule: NamedRuleWithOperations, write: Pick<Admitted, 'operation' | 'subresource' | 'name'>, resource: Resource): boolean {
  const names = rule.resourceNames ?? [];
  return (names.length === 0 || names.includes(write.name)) && ruleMatches(rule, write, resource);
}

function has(wanted: readonly string[] | undefined, given: string): boolean {
  return wanted !== undefined && (wanted.includes('*') || wanted.includes(given));
}

/** `pods`, `pods/status`, `pods/*`, `*`, `*\/scale`: a star alone is no subresource. */
function resourceMatches(wanted: string, plural: string, subresource: string): boolean {
  const slash = wanted.indexOf('/');
  const resource = slash < 0 ? wanted : wanted.slice(0, slash);
  const sub = slash < 0 ? '' : wanted.slice(slash + 1);
  return (resource === '*' || resource === plural) && (sub === '*' || sub === subresource);
}

function scopeMatches(scope: string | undefined, resource: Resource): boolean {
  return scope === undefined || scope === '*' || scope === resource.scope;
}
