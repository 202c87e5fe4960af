import type { OwnerReference } from '../../machinery/kinds/core.ts';
import type { Kind, KubernetesObject } from '../../machinery/kinds/kind.ts';
import { groupOf } from '../../machinery/owner-references.ts';

/** Who owns whom, over all kinds, by uid. */

export interface GraphNode {
  readonly uid: string;
  readonly kind: Kind;
  readonly namespace: string;
  readonly name: string;
  readonly owners: readonly OwnerReference[];
  readonly deleting: boolean;
  /** Being deleted, and waiting for what it owns to go first. */
  readonly foreground: boolean;
  /** Being deleted, and waiting for what it owns to be set free. */
  readonly orphaning: boolean;
  /** What its finalizers say is to become of what it owns when it is deleted. */
  readonly policy: 'Background' | 'Foreground' | 'Orphan';
}

export interface Graph {
  get(uid: string): GraphNode | undefined;
  /** Objects that name `uid` as an owner, whether it exists or not. */
  dependentsOf(uid: string): readonly GraphNode[];
  set(node: GraphNode): void;
  delete(uid: string): void;
}

export const foregroundFinalizer = 'foregroundDeletion';
export const orphanFinalizer = 'orphan';

export function nodeOf(kind: Kind, object: KubernetesObject): GraphNode {
  const { uid = '', namespace = '', name = '', ownerReferences = [], deletionTimestamp, finalizers = [] } = object.metadata ?? {};
  const deleting = deletionTimestamp !== undefined;
  const policy = finalizers.includes(orphanFinalizer) ? 'Orphan' : finalizers.includes(foregroundFinalizer) ? 'Foreground' : 'Background';
  return {
    uid, kind, namespace, name, owners: ownerReferences, deleting, policy,
    foreground: deleting && finalizers.includes(foregroundFinalizer), orphaning: deleting && finalizers.includes(orphanFinalizer),
  };
}

/** Is the object with a reference's uid the one that the reference names, seen from its dependent? Versions of a kind are one. */
export function isNamed(owner: GraphNode, { apiVersion, kind, name }: OwnerReference, dependent: GraphNode): boolean {
  return owner.kind.group === groupOf(apiVersion) && owner.kind.kind === kind && owner.name === name && isReachable(owner, dependent);
}

/** A reference across namespaces never holds. */
export function isReachable(owner: GraphNode, dependent: GraphNode): boolean {
  return owner.kind.scope === 'Cluster' || owner.namespace === dependent.namespace;
}

export function createGraph(): Graph {
  const nodes = new Map<string, GraphNode>();
  const dependents = new Map<string, Set<string>>();
  const unlink = (node: GraphNode): void => {
    for (const { uid } of node.owners) {
      const found = dependents.get(uid);
      found?.delete(node.uid);
      if (found?.size === 0) dependents.delete(uid);
    }
  };
  return {
    get: (uid) => nodes.get(uid),
    dependentsOf: (uid) => [...dependents.get(uid) ?? []].flatMap((dependent) => nodes.get(dependent) ?? []),
    set(node) {
      const before = nodes.get(node.uid);
      if (before !== undefined) unlink(before);
      nodes.set(node.uid, node);
      for (const { uid } of node.owners) {
        const found = dependents.get(uid);
        if (found === undefined) dependents.set(uid, new Set([node.uid]));
        else found.add(node.uid);
      }
    },
    delete(uid) {
      const node = nodes.get(uid);
      if (node !== undefined) unlink(node);
      nodes.delete(uid);
    },
  };
}
