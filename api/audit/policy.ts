/** Which requests are recorded, and how much of them. Pure. Source: "Auditing", audit.k8s.io/v1 Policy. */
import type { JsonObject } from '../../machinery/patch/json-value.ts';
import { configurationReader } from '../configuration-file.ts';
import type { RequestInfo, User } from '../request.ts';

export type Level = 'None' | 'Metadata' | 'Request' | 'RequestResponse';
export type Stage = 'RequestReceived' | 'ResponseStarted' | 'ResponseComplete' | 'Panic';

export interface Verdict {
  readonly level: Level;
  readonly omitStages: ReadonlySet<string>;
}

export type Policy = (user: User, info: RequestInfo) => Verdict;

interface GroupResources {
  readonly group: string;
  readonly resources: readonly string[];
  readonly resourceNames: readonly string[];
}

interface Rule {
  readonly level: Level;
  readonly users: readonly string[];
  readonly userGroups: readonly string[];
  readonly verbs: readonly string[];
  readonly resources: readonly GroupResources[];
  readonly namespaces: readonly string[];
  readonly nonResourceUrls: readonly string[];
  readonly omitStages: ReadonlySet<string>;
}

const levels: readonly Level[] = ['None', 'Metadata', 'Request', 'RequestResponse'];
const stages: readonly Stage[] = ['RequestReceived', 'ResponseStarted', 'ResponseComplete', 'Panic'];
const { document, object, list, text, texts: textsOf, refuse } = configurationReader('audit policy');
const nothing: Verdict = { level: 'None', omitStages: new Set() };

/** The first rule that fits decides; a request that none fits is not recorded. Throws `ConfigurationFileError`. */
export function readAuditPolicy(source: string): Policy {
  const policy = document(source, 'Policy', 'audit.k8s.io/v1');
  const omitted = stagesOf(policy, 'omitStages');
  const rules = list(policy['rules'], 'rules').map((rule, i) => ruleOf(object(rule, `rules[${i}]`), `rules[${i}]`, omitted));
  if (rules.length === 0) throw refuse('rules', 'must have a rule');
  return (user, info) => rules.find((rule) => fits(rule, user, info)) ?? nothing;
}

function ruleOf(rule: JsonObject, where: string, omitted: readonly string[]): Rule {
  const level = levels.find((each) => each === rule['level']);
  if (level === undefined) throw refuse(`${where}.level`, `must be one of ${levels.join(', ')}`);
  const texts = (name: string): readonly string[] => textsOf(rule[name], `${where}.${name}`);
  const resources = list(rule['resources'], `${where}.resources`).map((each, i): GroupResources => {
    const path = `${where}.resources[${i}]`;
    const given = object(each, path);
    return { group: text(given['group'] ?? '', `${path}.group`), resources: textsOf(given['resources'], `${path}.resources`), resourceNames: textsOf(given['resourceNames'], `${path}.resourceNames`) };
  });
  if (resources.length > 0 && texts('nonResourceURLs').length > 0) throw refuse(where, 'is about resources or about non-resource URLs, not both');
  return {
    level, resources, users: texts('users'), userGroups: texts('userGroups'), verbs: texts('verbs'), namespaces: texts('namespaces'),
    nonResourceUrls: texts('nonResourceURLs'), omitStages: new Set([...omitted, ...stagesOf(rule, 'omitStages', where)]),
  };
}

function fits(rule: Rule, user: User, info: RequestInfo): boolean {
  if (rule.users.length > 0 && !rule.users.includes(user.name)) return false;
  if (rule.userGroups.length > 0 && !user.groups.some((group) => rule.userGroups.includes(group))) return false;
  if (rule.verbs.length > 0 && !rule.verbs.includes(info.verb)) return false;
  if (rule.namespaces.length > 0 || rule.resources.length > 0) return info.isResource && fitsResource(rule, info);
  if (rule.nonResourceUrls.length > 0) return !info.isResource && rule.nonResourceUrls.some((url) => fitsUrl(url, info.path));
  return true;
}

function fitsResource({ namespaces, resources }: Rule, info: RequestInfo): boolean {
  if (namespaces.length > 0 && !namespaces.includes(info.namespace)) return false;
  if (resources.length === 0) return true;
  const combined = info.subresource === '' ? info.resource : `${info.resource}/${info.subresource}`;
  return resources.some(({ group, resources: names, resourceNames }) => {
    if (group !== info.group) return false;
    if (names.length === 0) return true;
    if (resourceNames.length > 0 && !resourceNames.includes(info.name)) return false;
    return names.some((name) => name === combined || name === '*' || name === `*/${info.subresource}` || (name.endsWith('/*') && name.slice(0, -2) === info.resource));
  });
}

/** `*` alone is every path; at the end it stands for any rest. */
function fitsUrl(url: string, path: string): boolean {
  return url === '*' || url === path || (url.endsWith('*') && path.startsWith(url.slice(0, -1).replace(/\/+$/, '')));
}

function stagesOf(from: JsonObject, name: string, where = ''): readonly string[] {
  const path = where === '' ? name : `${where}.${name}`;
  const given = textsOf(from[name], path);
  for (const stage of given) if (!(stages as readonly string[]).includes(stage)) throw refuse(path, `${JSON.stringify(stage)} is none of ${stages.join(', ')}`);
  return given;
}
