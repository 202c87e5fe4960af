import type { KubernetesObject } from '../../../machinery/kinds/kind.ts';
import type { RoleRef, Subject } from '../../../machinery/kinds/cluster.ts';
import { text } from '../columns.ts';
import { age, name, type Column } from '../define.ts';

interface Binding extends KubernetesObject {
  readonly roleRef: RoleRef;
  readonly subjects?: readonly Subject[];
}

/** The columns of RoleBinding and ClusterRoleBinding. */
export function bindingColumns<T extends Binding>(): readonly Column<T>[] {
  const of = (kind: string, shown: (subject: Subject) => string) => (binding: T): string =>
    (binding.subjects ?? []).filter((subject) => subject.kind === kind).map(shown).join(', ');
  return [
    name<T>(),
    text<T>('Role', 'The role that it gives.', ({ roleRef }) => `${roleRef.kind}/${roleRef.name}`),
    age<T>(),
    text<T>('Users', 'Users that have the role.', of('User', (subject) => subject.name), 1),
    text<T>('Groups', 'Groups that have the role.', of('Group', (subject) => subject.name), 1),
    text<T>('ServiceAccounts', 'Service accounts that have the role.', of('ServiceAccount', (subject) => `${subject.namespace ?? ''}/${subject.name}`), 1),
  ];
}
