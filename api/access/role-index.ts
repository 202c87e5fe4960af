import type { PolicyRule } from '../../machinery/kinds/cluster.ts';
import { ClusterRole, ClusterRoleBinding, Role, RoleBinding } from '../../machinery/kinds/cluster.ts';
import type { User } from '../request.ts';
import type { Caches, Entry } from '../store/cache.ts';
import { follow, type Follower } from './follow.ts';

/** Who is bound to which role: bindings by subject, kept current by watching. Roles are read from their caches. */

/** One subject of one binding. */
export interface Grant {
  /** '' for a ClusterRoleBinding: it holds everywhere. */
  readonly namespace: string;
  readonly role: { readonly kind: string; readonly name: string };
  /** As reasons show it: `ClusterRoleBinding "a" of ClusterRole "b" to User "c"`. */
  readonly text: string;
}

export interface RoleIndex {
  /** Grows with each change of a role or binding. */
  readonly generation: number;
  grantsOf(user: User): Grant[];
  /** Undefined: the role does not exist. */
  rulesOf(grant: Pick<Grant, 'namespace' | 'role'>): readonly PolicyRule[] | undefined;
  /** Resolves when roles and bindings that the caches hold count. */
  caughtUp(): Promise<void>;
  close(): void;
}

type Binding = RoleBinding | ClusterRoleBinding;
type Subjects = Map<string, Map<string, Grant>>;

/** Starts following; `close()` ends it. */
export function createRoleIndex(caches: Caches): RoleIndex {
  let generation = 0;
  const changed = (): void => { generation++; };
  const cluster: Subjects = new Map();
  const namespaced: Subjects = new Map();
  const roles = caches.of(Role);
  const clusterRoles = caches.of(ClusterRole);
  const onlyCount = { reset: changed, set: changed, remove: changed };
  const follows = [
    follow(caches, Role, onlyCount),
    follow(caches, ClusterRole, onlyCount),
    follow(caches, ClusterRoleBinding, bindingFollower(cluster, changed)),
    follow(caches, RoleBinding, bindingFollower(namespaced, changed)),
  ];
  return {
    get generation() { return generation; },
    grantsOf(user) {
      const keys = [subjectKey('User', user.name), ...user.groups.map((group) => subjectKey('Group', group))];
      return [cluster, namespaced].flatMap((subjects) => keys.flatMap((key) => [...(subjects.get(key)?.values() ?? [])]));
    },
    rulesOf({ namespace, role }) {
      const entry = role.kind === 'ClusterRole' ? clusterRoles.get(undefined, role.name) : roles.get(namespace, role.name);
      return entry === undefined ? undefined : (entry.object.rules ?? []);
    },
    caughtUp: async () => void (await Promise.all(follows.map((one) => one.caughtUp()))),
    close() {
      for (const one of follows) one.close();
    },
  };
}

/** Files each binding under its subjects: `subjects` maps a subject to its grants by binding and position. */
function bindingFollower(subjects: Subjects, changed: () => void): Follower<Binding> {
  const filed = new Map<string, readonly string[]>();
  const unfile = (entry: Entry): void => {
    for (const subject of filed.get(entry.key) ?? []) {
      const grants = subjects.get(subject);
      grants?.delete(entry.key);
      if (grants?.size === 0) subjects.delete(subject);
    }
    filed.delete(entry.key);
  };
  return {
    reset() {
      subjects.clear();
      filed.clear();
      changed();
    },
    set(entry) {
      unfile(entry);
      const grants = grantsBy(entry.object, entry);
      filed.set(entry.key, [...grants.keys()]);
      for (const [subject, grant] of grants) {
        const filedUnder = subjects.get(subject) ?? new Map<string, Grant>();
        subjects.set(subject, filedUnder.set(entry.key, grant));
      }
      changed();
    },
    remove(entry) {
      unfile(entry);
      changed();
    },
  };
}

/** What a binding grants, by subject. */
function grantsBy(binding: Binding, { namespace, name }: Pick<Entry, 'namespace' | 'name'>): Map<string, Grant> {
  const { roleRef } = binding;
  const shown = namespace === '' ? `ClusterRoleBinding ${JSON.stringify(name)}` : `RoleBinding ${JSON.stringify(`${name}/${namespace}`)}`;
  const grants = new Map<string, Grant>();
  for (const subject of binding.subjects ?? []) {
    const isAccount = subject.kind === 'ServiceAccount';
    // A service account without a namespace is one of the binding's own; a ClusterRoleBinding has none.
    const home = subject.namespace ?? namespace;
    if (isAccount && home === '') continue;
    const key = isAccount ? subjectKey('User', `system:serviceaccount:${home}:${subject.name}`) : subjectKey(subject.kind, subject.name);
    const who = isAccount ? `${subject.name}/${home}` : subject.name;
    const text = `${shown} of ${roleRef.kind} ${JSON.stringify(roleRef.name)} to ${subject.kind} ${JSON.stringify(who)}`;
    grants.set(key, { namespace, role: { kind: roleRef.kind, name: roleRef.name }, text });
  }
  return grants;
}

function subjectKey(kind: string, name: string): string {
  return `${kind} ${name}`;
}
