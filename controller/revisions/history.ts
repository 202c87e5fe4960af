import { ControllerRevision } from '../../machinery/kinds/apps.ts';
import type { PodTemplateSpec } from '../../machinery/kinds/core.ts';
import type { Kind, KubernetesObject } from '../../machinery/kinds/kind.ts';
import { ownerReference } from '../../machinery/owner-references.ts';
import { templateHash } from '../template-hash.ts';
import { at, update, type Step } from '../steps.ts';
import { holds, snapshotOf } from './snapshot.ts';

/**
 * The templates that a StatefulSet or a DaemonSet has had, numbered, as ControllerRevisions: what its pods are told apart by, what
 * users look back at and go back to. Source: "Perform a Rollback on a DaemonSet"; "StatefulSets", revision history.
 */

/** A set, as far as its history needs to know it. */
export interface Revised {
  readonly kind: Kind;
  readonly object: KubernetesObject & { readonly spec?: { readonly template: PodTemplateSpec }; readonly status?: { readonly collisionCount?: number } };
  /** The label under which a revision carries its hash. */
  readonly hashLabel: string;
}

export interface History {
  /** The revision of the present template: there already, or made by `steps`. */
  readonly present: ControllerRevision;
  /** The others that the set owns, lowest number first. */
  readonly others: readonly ControllerRevision[];
  /** What makes or renumbers the present one: a template that comes back gets the highest number. */
  readonly steps: readonly Step[];
  /** How often the name for a new revision was taken: part of the hash, so it has to be remembered. */
  readonly collisionCount: number | undefined;
}

/** `own` are the set's revisions; `taken` answers whether the namespace has a revision of a name, whosever it is. */
export function historyOf(set: Revised, own: readonly ControllerRevision[], taken: (name: string) => boolean): History {
  const sorted = own.toSorted(byNumber);
  const present = sorted.findLast((revision) => holds(revision, set.object.spec?.template));
  const others = sorted.filter((revision) => revision !== present);
  const number = numberOf(others.at(-1)) + 1;
  const { collisionCount } = set.object.status ?? {};
  if (present === undefined) return { ...created(set, number, taken), others };
  const renumbered: ControllerRevision = { ...present, revision: number };
  return numberOf(present) >= number
    ? { present, others, steps: [], collisionCount }
    : { present: renumbered, others, steps: [update(ControllerRevision, renumbered)], collisionCount };
}

function created(set: Revised, revision: number, taken: (name: string) => boolean): Pick<History, 'present' | 'steps' | 'collisionCount'> {
  let { collisionCount } = set.object.status ?? {};
  while (taken(nameOf(set, collisionCount))) collisionCount = (collisionCount ?? 0) + 1;
  const { namespace, annotations } = set.object.metadata ?? {};
  const { template } = set.object.spec ?? {};
  const present: ControllerRevision = {
    metadata: {
      name: nameOf(set, collisionCount),
      ...(namespace === undefined ? {} : { namespace }),
      labels: { ...template?.metadata?.labels, [set.hashLabel]: templateHash(template, collisionCount) },
      ...(annotations === undefined ? {} : { annotations }),
      ownerReferences: [ownerReference(set.object, set.kind)],
    },
    data: snapshotOf(template),
    revision,
  };
  return { present, steps: [{ type: 'create', kind: ControllerRevision, object: present }], collisionCount };
}

/** Leaves room for the hash in a name of at most 253 characters. */
const longestPrefix = 223;

function nameOf({ object }: Revised, collisionCount: number | undefined): string {
  return `${(object.metadata?.name ?? '').slice(0, longestPrefix)}-${templateHash(object.spec?.template, collisionCount)}`;
}

export function numberOf(revision: ControllerRevision | undefined): number {
  return revision?.revision ?? 0;
}

function byNumber(a: ControllerRevision, b: ControllerRevision): number {
  return numberOf(a) - numberOf(b)
    || (a.metadata?.creationTimestamp ?? '').localeCompare(b.metadata?.creationTimestamp ?? '') || (a.metadata?.name ?? '').localeCompare(b.metadata?.name ?? '');
}

export function remove(revision: ControllerRevision): Step {
  return { type: 'delete', kind: ControllerRevision, at: at(revision), uid: revision.metadata?.uid ?? '' };
}
