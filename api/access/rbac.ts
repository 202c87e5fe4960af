import type { PolicyRule } from '../../machinery/kinds/cluster.ts';
import type { RequestInfo, User } from '../request.ts';
import type { Caches } from '../store/cache.ts';
import type { Authorizer, Decision } from './access.ts';
import { createNodeAuthorizer, nodeNameOf } from './node-authorizer.ts';
import { createRoleIndex, type Grant, type RoleIndex } from './role-index.ts';
import { has, isSuperuser, resourceMatches, ruleAllows } from './rules.ts';

/** Decides from roles and bindings in the watch cache, and remembers what it decided until one of them changes. */

export interface ClusterAuthorizer extends Authorizer {
  /** What the user may do in a namespace ('': the cluster-wide part only), by roles alone. */
  rulesFor(user: User, namespace: string): PolicyRule[];
  /** The rules of a role; undefined when it does not exist. */
  rulesOfRole(namespace: string, role: { readonly kind: string; readonly name: string }): readonly PolicyRule[] | undefined;
  /** Resolves when roles and bindings that the caches hold count. */
  caughtUp(): Promise<void>;
  close(): void;
}

const allowedAsSuperuser: Decision = { allowed: true, reason: '' };
const everything: readonly PolicyRule[] = [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }, { verbs: ['*'], nonResourceURLs: ['*'] }];
/** Users and decisions remembered, at most; beyond, the memory starts afresh. */
const maxUsers = 4096;
const maxDecisions = 2048;

/** The authorizers in order: superusers, nodes (what their pods need), roles. Starts following the caches; `close()` ends it. */
export function createAuthorizer(caches: Caches): ClusterAuthorizer {
  const index = createRoleIndex(caches);
  const nodes = createNodeAuthorizer(caches);
  const roles = createRoleDecisions(index);
  return {
    authorize(user, info) {
      if (isSuperuser(user)) return allowedAsSuperuser;
      const nodeName = nodeNameOf(user);
      if (nodeName !== undefined) {
        const decision = nodes.authorize(nodeName, info);
        if (decision.allowed) return decision;
        const byRole = roles(user, info);
        return byRole.allowed || byRole.reason !== '' ? byRole : decision;
      }
      return roles(user, info);
    },
    rulesFor: (user, namespace) => (isSuperuser(user) ? [...everything] : rulesFor(index, user, namespace)),
    rulesOfRole: (namespace, role) => index.rulesOf({ namespace, role }),
    caughtUp: () => index.caughtUp(),
    close() {
      index.close();
      nodes.close();
    },
  };
}

function rulesFor(index: RoleIndex, user: User, namespace: string): PolicyRule[] {
  const grants = index.grantsOf(user).filter((grant) => grant.namespace === '' || grant.namespace === namespace);
  return grants.flatMap((grant) => {
    const rules = index.rulesOf(grant) ?? [];
    // Paths are granted cluster-wide only.
    return grant.namespace === '' ? rules : rules.filter((rule) => (rule.nonResourceURLs ?? []).length === 0);
  });
}

/** The answer for every name of one resource, verb and namespace. */
interface Answer {
  readonly anyName: Decision;
  /** Allowed by rules that name objects. */
  readonly named: ReadonlyMap<string, Decision> | undefined;
}

interface Memory {
  readonly generation: number;
  readonly grants: readonly Grant[];
  readonly answers: Map<string, Answer>;
}

/** Decisions from roles. Remembered per user and request, names aside, until the index's generation changes. */
function createRoleDecisions(index: RoleIndex): Authorizer['authorize'] {
  const byObject = new WeakMap<User, Memory>();
  const byIdentity = new Map<string, Memory>();
  const memoryOf = (user: User): Memory => {
    const known = byObject.get(user);
    if (known?.generation === index.generation) return known;
    const identity = JSON.stringify([user.name, user.groups]);
    let memory = byIdentity.get(identity);
    if (memory?.generation !== index.generation) {
      if (byIdentity.size >= maxUsers) byIdentity.clear();
      memory = { generation: index.generation, grants: index.grantsOf(user), answers: new Map() };
      byIdentity.set(identity, memory);
    }
    byObject.set(user, memory);
    return memory;
  };
  return (user, info) => {
    const memory = memoryOf(user);
    const key = info.isResource ? `${info.verb} ${info.namespace} ${info.group} ${info.resource} ${info.subresource}` : `${info.verb} ${info.path}`;
    let answer = memory.answers.get(key);
    if (answer === undefined) {
      if (memory.answers.size >= maxDecisions) memory.answers.clear();
      answer = decide(index, memory.grants, info);
      memory.answers.set(key, answer);
    }
    return answer.anyName.allowed ? answer.anyName : (answer.named?.get(info.name) ?? answer.anyName);
  };
}

function decide(index: RoleIndex, grants: readonly Grant[], info: RequestInfo): Answer {
  const named = new Map<string, Decision>();
  const lost: string[] = [];
  for (const grant of grants) {
    if (grant.namespace !== '' && (!info.isResource || grant.namespace !== info.namespace)) continue;
    const rules = index.rulesOf(grant);
    if (rules === undefined) lost.push(`${grant.role.kind.toLowerCase()}.rbac.authorization.k8s.io ${JSON.stringify(grant.role.name)} not found`);
    const allowed: Decision = { allowed: true, reason: `RBAC: allowed by ${grant.text}` };
    for (const rule of rules ?? []) {
      const names = rule.resourceNames ?? [];
      if (!info.isResource || names.length === 0) {
        if (ruleAllows(rule, info)) return { anyName: allowed, named: undefined };
      } else if (has(rule.verbs, info.verb) && resourceMatches(rule, info)) {
        for (const name of names) if (!named.has(name)) named.set(name, allowed);
      }
    }
  }
  const anyName: Decision = { allowed: false, reason: lost.length === 0 ? '' : `RBAC: ${lost.length === 1 ? (lost[0] ?? '') : `[${lost.join(', ')}]`}` };
  return { anyName, named: named.size === 0 ? undefined : named };
}
