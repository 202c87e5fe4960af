import type { OwnerReference } from '../../machinery/kinds/core.ts';
import type { GraphNode } from './graph.ts';

/** What becomes of an object, given its owners and what it owns. Source: "Garbage Collection"; "Owners and Dependents". Pure. */

/** How an owner stands: there; there, but waiting for its dependents to go; gone; or nobody can say, for want of its kind. */
export type OwnerState = 'solid' | 'waiting' | 'absent' | 'unknown';

export interface Family {
  readonly node: GraphNode;
  readonly owners: readonly { readonly reference: OwnerReference; readonly state: OwnerState }[];
  readonly dependents: readonly GraphNode[];
}

export type Decision =
  | { readonly type: 'keep' }
  /** Other owners hold it: only the references to the others go. */
  | { readonly type: 'dropOwners'; readonly uids: readonly string[] }
  | { readonly type: 'delete'; readonly policy: 'Background' | 'Orphan' }
  /** `unblock`: its owners are no longer to wait for it. */
  | { readonly type: 'delete'; readonly policy: 'Foreground'; readonly unblock: boolean }
  /** It waits for these to go first. */
  | { readonly type: 'deleteDependents'; readonly dependents: readonly GraphNode[] }
  /** Nothing that it owns holds it any longer. */
  | { readonly type: 'release' }
  /** Everything that it owns is to forget it. */
  | { readonly type: 'orphanDependents'; readonly dependents: readonly GraphNode[] };

export function decide({ node, owners, dependents }: Family): Decision {
  if (node.orphaning) return { type: 'orphanDependents', dependents };
  if (node.foreground) {
    const blocking = dependents.filter((dependent) => dependent.owners.some((owner) => owner.uid === node.uid && owner.blockOwnerDeletion === true));
    return blocking.length === 0 ? { type: 'release' } : { type: 'deleteDependents', dependents: dependents.filter(({ deleting }) => !deleting) };
  }
  if (node.deleting || owners.length === 0 || owners.some(({ state }) => state === 'unknown')) return { type: 'keep' };
  if (owners.some(({ state }) => state === 'solid')) {
    const uids = owners.filter(({ state }) => state !== 'solid').map(({ reference }) => reference.uid);
    return uids.length === 0 ? { type: 'keep' } : { type: 'dropOwners', uids };
  }
  // Its owner waits for it: it waits for its own in turn.
  const waitsInTurn = owners.some(({ state }) => state === 'waiting') && dependents.length > 0;
  if (!waitsInTurn) return node.policy === 'Foreground' ? { type: 'delete', policy: node.policy, unblock: false } : { type: 'delete', policy: node.policy };
  // A dependent that waits may be waiting, round a circle, for this one.
  return { type: 'delete', policy: 'Foreground', unblock: dependents.some(({ foreground }) => foreground) };
}
