import { isDeepStrictEqual } from 'node:util';
import { ClusterRole, type PolicyRule, type RoleBinding } from '../../machinery/kinds/cluster.ts';
import { failure } from '../../machinery/status.ts';
import type { ClusterAuthorizer } from '../access/rbac.ts';
import { refused } from '../access/refused.ts';
import { formatRule, isSuperuser, notCovered } from '../access/rules.ts';
import type { RequestInfo } from '../request.ts';
import { targetOf, type Admitted, type AdmissionPlugin } from './admission.ts';

/** Nobody grants more than they hold, unless they may `escalate` roles or `bind` the role. Source: "Using RBAC authorization", privilege escalation prevention. */

type Rbac = Pick<ClusterAuthorizer, 'authorize' | 'rulesFor' | 'rulesOfRole'>;
const plurals: ReadonlySet<string> = new Set(['roles', 'clusterroles', 'rolebindings', 'clusterrolebindings']);
const isBinding = (plural: string): boolean => plural.endsWith('bindings');

export function rbacEscalation(rbac: Rbac): AdmissionPlugin {
  return {
    name: 'RbacEscalation',
    handles: ({ operation, resource, user }) =>
      operation !== 'DELETE' && resource.group === ClusterRole.group && plurals.has(resource.plural) && !isSuperuser(user),
    validate(write, object) {
      if (isBinding(write.resource.plural)) checkBinding(rbac, write, object as RoleBinding);
      else checkRole(rbac, write, object as ClusterRole);
    },
  };
}

function checkRole(rbac: Rbac, write: Admitted, role: ClusterRole): void {
  const old = write.old as ClusterRole | undefined;
  const sameRules = old !== undefined && isDeepStrictEqual(old.rules ?? [], role.rules ?? []);
  if (sameRules && isDeepStrictEqual(old.aggregationRule, role.aggregationRule)) return;
  const may = rbac.authorize(write.user, asking('escalate', write.resource.plural, write.namespace, write.name)).allowed;
  if (may) return;
  if (!sameRules) checkHeld(rbac, write, role.rules ?? []);
  // Whatever is aggregated some day would come with it: only who holds everything may let that happen.
  if (role.aggregationRule !== undefined) checkHeld(rbac, write, [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }, { verbs: ['*'], nonResourceURLs: ['*'] }]);
}

function checkBinding(rbac: Rbac, write: Admitted, binding: RoleBinding): void {
  const old = write.old as RoleBinding | undefined;
  if (old !== undefined && isDeepStrictEqual(old.roleRef, binding.roleRef) && isDeepStrictEqual(old.subjects ?? [], binding.subjects ?? [])) return;
  const { kind, name } = binding.roleRef;
  const plural = kind === 'ClusterRole' ? 'clusterroles' : 'roles';
  if (rbac.authorize(write.user, asking('bind', plural, write.namespace, name)).allowed) return;
  const rules = rbac.rulesOfRole(write.namespace, binding.roleRef);
  if (rules === undefined) {
    throw failure('NotFound', `${plural}.${ClusterRole.group} ${JSON.stringify(name)} not found`, { name, group: ClusterRole.group, kind: plural });
  }
  checkHeld(rbac, write, rules);
}

function checkHeld(rbac: Rbac, write: Admitted, wanted: readonly PolicyRule[]): void {
  const missing = notCovered(rbac.rulesFor(write.user, write.namespace), wanted);
  if (missing.length === 0) return;
  const { name, groups } = write.user;
  const who = `user ${JSON.stringify(name)} (groups=[${groups.map((group) => JSON.stringify(group)).join(' ')}])`;
  const lines = missing.map(formatRule).toSorted().join('\n');
  throw refused(
    targetOf(write),
    `${who} is attempting to grant RBAC permissions not currently held:\n${lines}`,
  );
}

function asking(verb: string, resource: string, namespace: string, name: string): RequestInfo {
  return { path: '', isResource: true, verb, group: ClusterRole.group, version: '*', resource, subresource: '', namespace, name };
}
