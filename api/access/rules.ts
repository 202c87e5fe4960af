import type { PolicyRule } from '../../machinery/kinds/cluster.ts';
import type { RequestInfo, User } from '../request.ts';

/** What a policy rule allows. Pure. Source: "Using RBAC authorization". */

/** The members of a request that rules are about. */
export type Attributes = Pick<RequestInfo, 'isResource' | 'verb' | 'path' | 'group' | 'resource' | 'subresource' | 'name'>;

export const superuserGroup = 'system:masters';

export function isSuperuser(user: User): boolean {
  return user.groups.includes(superuserGroup);
}

export function ruleAllows(rule: PolicyRule, attributes: Attributes): boolean {
  if (!has(rule.verbs, attributes.verb)) return false;
  if (!attributes.isResource) return (rule.nonResourceURLs ?? []).some((pattern) => pathMatches(pattern, attributes.path));
  return resourceMatches(rule, attributes) && nameMatches(rule, attributes.name);
}

/** Verb aside and name aside: is the rule about this resource? */
export function resourceMatches(rule: PolicyRule, { group, resource, subresource }: Pick<Attributes, 'group' | 'resource' | 'subresource'>): boolean {
  if (!has(rule.apiGroups ?? [], group)) return false;
  const full = subresource === '' ? resource : `${resource}/${subresource}`;
  return (rule.resources ?? []).some((one) => one === '*' || one === full || (subresource !== '' && one === `*/${subresource}`));
}

function nameMatches(rule: PolicyRule, name: string): boolean {
  return rule.resourceNames === undefined || rule.resourceNames.length === 0 || rule.resourceNames.includes(name);
}

export function has(list: readonly string[], value: string): boolean {
  return list.includes('*') || list.includes(value);
}

function pathMatches(pattern: string, path: string): boolean {
  return pattern === '*' || pattern === path || (pattern.endsWith('*') && path.startsWith(pattern.replace(/\*+$/, '')));
}

/** The parts of `wanted` that no rule of `held` covers: what granting `wanted` would add. Empty: no escalation. */
export function notCovered(held: readonly PolicyRule[], wanted: readonly PolicyRule[]): PolicyRule[] {
  const missing = wanted.flatMap(atoms).filter((atom) => !held.some((rule) => covers(rule, atom)));
  return compacted(missing);
}

/** A rule as rules of one verb, one group and one resource (and one name), or one verb and one path. */
function atoms(rule: PolicyRule): PolicyRule[] {
  const of = rule.verbs.flatMap((verb) => (rule.apiGroups ?? []).flatMap((group) => (rule.resources ?? []).flatMap((resource): PolicyRule[] => {
    const atom = { verbs: [verb], apiGroups: [group], resources: [resource] };
    const names = rule.resourceNames ?? [];
    return names.length === 0 ? [atom] : names.map((name) => ({ ...atom, resourceNames: [name] }));
  })));
  const paths = rule.verbs.flatMap((verb) => (rule.nonResourceURLs ?? []).map((path): PolicyRule => ({ verbs: [verb], nonResourceURLs: [path] })));
  return [...of, ...paths];
}

function covers(rule: PolicyRule, atom: PolicyRule): boolean {
  if (!atom.verbs.every((verb) => has(rule.verbs, verb))) return false;
  const [path] = atom.nonResourceURLs ?? [];
  if (path !== undefined) return (rule.nonResourceURLs ?? []).some((pattern) => pathMatches(pattern, path));
  const names = rule.resourceNames ?? [];
  if (names.length > 0 && atom.resourceNames?.every((name) => names.includes(name)) !== true) return false;
  return (atom.apiGroups ?? []).every((group) => has(rule.apiGroups ?? [], group))
    && (atom.resources ?? []).every((resource) => resourceCovered(rule.resources ?? [], resource));
}

function resourceCovered(held: readonly string[], resource: string): boolean {
  if (has(held, resource)) return true;
  const slash = resource.indexOf('/');
  return slash > 0 && held.includes(`*${resource.slice(slash)}`);
}

/** Atoms that differ in the verb only become one rule again. */
function compacted(rules: readonly PolicyRule[]): PolicyRule[] {
  const merged = new Map<string, { rule: PolicyRule; verbs: string[] }>();
  for (const rule of rules) {
    const { verbs, ...rest } = rule;
    const key = JSON.stringify(rest);
    const found = merged.get(key) ?? { rule, verbs: [] };
    found.verbs.push(...verbs.filter((verb) => !found.verbs.includes(verb)));
    merged.set(key, found);
  }
  return [...merged.values()].map(({ rule, verbs }) => ({ ...rule, verbs }));
}

/** `{APIGroups:["apps"], Resources:["deployments"], Verbs:["get" "list"]}`: how messages show a rule. */
export function formatRule(rule: PolicyRule): string {
  const parts: readonly (readonly [string, readonly string[] | undefined])[] = [
    ['APIGroups', rule.apiGroups], ['Resources', rule.resources], ['ResourceNames', rule.resourceNames], ['NonResourceURLs', rule.nonResourceURLs], ['Verbs', rule.verbs],
  ];
  const shown = parts.filter(([, values]) => values !== undefined && values.length > 0)
    .map(([name, values = []]) => `${name}:[${values.map((value) => JSON.stringify(value)).join(' ')}]`);
  return `{${shown.join(', ')}}`;
}
