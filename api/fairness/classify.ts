import type { FlowSchema } from '../../machinery/kinds/flow-control.ts';
import type { RequestInfo, User } from '../request.ts';
import { byPrecedence } from '../resources/flowcontrol/flow-schema.ts';

/** Which flow a request belongs to. Pure. Source: "API priority and fairness", FlowSchema. */

/** What a request is, for the one who gives out seats. */
export interface Flow {
  readonly schema: { readonly name: string; readonly uid: string };
  /** Name of the priority level. */
  readonly level: string;
  /** Requests of one schema with the same distinguisher are one flow. */
  readonly distinguisher: string;
}

export type Classifier = (user: User, info: RequestInfo) => Flow | undefined;

type Rules = NonNullable<NonNullable<FlowSchema['spec']>['rules']>[number];
type Subject = Rules['subjects'][number];

interface Compiled {
  readonly schema: Flow['schema'];
  readonly level: string;
  readonly method: string | undefined;
  readonly rules: readonly Rules[];
}

/** Users, and requests of each, that are remembered; beyond, the memory starts afresh. */
const mostRequests = 2048;

/** The first schema that matches, by precedence and then by name. Remembers its answers as long as it knows the user. */
export function createClassifier(schemas: readonly FlowSchema[]): Classifier {
  const compiled = schemas.toSorted(byPrecedence).map(compile);
  const known = new WeakMap<User, Map<string, Compiled | undefined>>();
  return (user, info) => {
    let ofUser = known.get(user);
    if (ofUser === undefined || ofUser.size > mostRequests) {
      ofUser = new Map();
      known.set(user, ofUser);
    }
    const key = info.isResource ? `${info.verb} ${info.namespace} ${info.group} ${info.resource} ${info.subresource}` : `${info.verb} ${info.path}`;
    let found = ofUser.get(key);
    if (found === undefined && !ofUser.has(key)) {
      found = compiled.find(({ rules }) => rules.some((rule) => matches(rule, user, info)));
      ofUser.set(key, found);
    }
    if (found === undefined) return undefined;
    const distinguisher = found.method === 'ByUser' ? user.name : found.method === 'ByNamespace' ? info.namespace : '';
    return { schema: found.schema, level: found.level, distinguisher };
  };
}

function compile({ metadata, spec }: FlowSchema): Compiled {
  return {
    schema: { name: metadata?.name ?? '', uid: metadata?.uid ?? '' }, level: spec?.priorityLevelConfiguration.name ?? '',
    method: spec?.distinguisherMethod?.type, rules: spec?.rules ?? [],
  };
}

function matches({ subjects, resourceRules = [], nonResourceRules = [] }: Rules, user: User, info: RequestInfo): boolean {
  if (!subjects.some((subject) => isOf(subject, user))) return false;
  if (!info.isResource) return nonResourceRules.some((rule) => has(rule.verbs, info.verb) && rule.nonResourceURLs.some((url) => isPath(url, info.path)));
  const resource = info.subresource === '' ? info.resource : `${info.resource}/${info.subresource}`;
  return resourceRules.some((rule) => has(rule.verbs, info.verb) && has(rule.apiGroups, info.group) && has(rule.resources, resource)
    && (info.namespace === '' || info.resource === 'namespaces' ? rule.clusterScope === true : has(rule.namespaces ?? [], info.namespace)));
}

function isOf({ kind, user: named, group, serviceAccount }: Subject, user: User): boolean {
  switch (kind) {
    case 'User': return named?.name === '*' || named?.name === user.name;
    case 'Group': return group?.name === '*' || user.groups.includes(group?.name ?? '');
    case 'ServiceAccount': {
      const prefix = `system:serviceaccount:${serviceAccount?.namespace ?? ''}:`;
      return serviceAccount?.name === '*' ? user.name.startsWith(prefix) : user.name === `${prefix}${serviceAccount?.name ?? ''}`;
    }
    default: return false;
  }
}

function has(values: readonly string[], value: string): boolean {
  return values.includes('*') || values.includes(value);
}

function isPath(pattern: string, path: string): boolean {
  return pattern === '*' || pattern === path || (pattern.endsWith('/*') && path.startsWith(pattern.slice(0, -1)));
}
