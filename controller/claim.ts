import { matches, type Selector } from '../machinery/selectors.ts';
import { controllerOf, ownerReference } from '../machinery/owner-references.ts';
import type { Kind, KubernetesObject } from '../machinery/kinds/kind.ts';
import { at, type PatchStep } from './steps.ts';

/** Which objects an owner manages: it adopts orphans that its selector chooses, and lets go of its own that it no longer chooses. */

export interface Claim<T> {
  /** What the owner manages once the steps are done. */
  readonly claimed: readonly T[];
  readonly steps: readonly PatchStep[];
}

interface Owner {
  readonly kind: Kind;
  readonly object: KubernetesObject;
  readonly selector: Selector;
  /** What it puts on objects that it adopts, and takes off those that it lets go. */
  readonly finalizer?: string;
  /** Further conditions on what it manages; default: none. */
  readonly accepts?: (object: KubernetesObject) => boolean;
}

/** Sorts `candidates` (of one kind, in the owner's namespace). An owner that is being deleted adopts nothing. */
export function claim<T extends KubernetesObject>(owner: Owner, kind: Kind<T>, candidates: readonly T[]): Claim<T> {
  const claimed: T[] = [];
  const steps: PatchStep[] = [];
  const going = owner.object.metadata?.deletionTimestamp !== undefined;
  for (const candidate of candidates) {
    const controller = controllerOf(candidate.metadata);
    const chosen = matches(owner.selector, candidate.metadata?.labels) && (owner.accepts?.(candidate) ?? true);
    if (controller !== undefined) {
      if (controller.uid !== owner.object.metadata?.uid) continue;
      if (chosen) claimed.push(candidate);
      else if (!going) steps.push(release(owner, kind, candidate));
    } else if (chosen && !going && candidate.metadata?.deletionTimestamp === undefined) {
      claimed.push(candidate);
      steps.push(adopt(owner, kind, candidate));
    }
  }
  return { claimed, steps };
}

function adopt(owner: Owner, kind: Kind, object: KubernetesObject): PatchStep {
  const { uid = '' } = object.metadata ?? {};
  const reference = ownerReference(owner.object, owner.kind);
  return {
    type: 'patch', kind, at: at(object), patchType: 'application/strategic-merge-patch+json', goneIsFine: true,
    body: { metadata: { uid, ownerReferences: [reference], ...(owner.finalizer === undefined ? {} : { finalizers: [owner.finalizer] }) } },
    ifAlive: { kind: owner.kind, at: at(owner.object), uid: reference.uid },
  };
}

function release(owner: Owner, kind: Kind, object: KubernetesObject): PatchStep {
  const { uid = '' } = object.metadata ?? {};
  return {
    type: 'patch', kind, at: at(object), patchType: 'application/strategic-merge-patch+json', goneIsFine: true,
    body: {
      metadata: {
        uid, ownerReferences: [{ $patch: 'delete', uid: owner.object.metadata?.uid ?? '' }],
        ...(owner.finalizer === undefined ? {} : { '$deleteFromPrimitiveList/finalizers': [owner.finalizer] }),
      },
    },
  };
}
