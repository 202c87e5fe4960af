import { keyOf } from '../../client/informer-store.ts';
import { ControllerRevision, StatefulSet } from '../../machinery/kinds/apps.ts';
import { PersistentVolumeClaim, Pod } from '../../machinery/kinds/core.ts';
import type { KubernetesObject } from '../../machinery/kinds/kind.ts';
import { controllerOf } from '../../machinery/owner-references.ts';
import { matches, selectorOf } from '../../machinery/selectors.ts';
import { isReason } from '../../machinery/status.ts';
import { untilAvailable } from '../availability.ts';
import type { Caches } from '../caches.ts';
import { claim } from '../claim.ts';
import { defineController, owns, watching } from '../define.ts';
import { historyOf, remove, type History } from '../revisions/history.ts';
import { templateOf } from '../revisions/snapshot.ts';
import { status, type Step } from '../steps.ts';
import type { ClaimOf } from './claims.ts';
import { ordinalOf, revisionOf } from './identity.ts';
import { arrange, type Ensemble, type Version } from './replicas.ts';
import { roll } from './rolling-update.ts';
import { scale } from './scaling.ts';
import { statusOf } from './status.ts';

/**
 * Runs the pods of a StatefulSet, each with a name and claims of its own that outlive it, and moves them to a new template one by one.
 * Source: "StatefulSets".
 */

export interface Observed {
  /** Of the namespace: the set's own, and those that nobody manages. */
  readonly pods: readonly Pod[];
  readonly revisions: readonly ControllerRevision[];
  readonly claimOf: ClaimOf;
  /** Does the namespace have a revision of this name? */
  readonly taken: (revision: string) => boolean;
}

export const statefulSetController = defineController<StatefulSet, Observed>({
  name: 'statefulset',
  primary: StatefulSet,
  watches: [
    owns(Pod, StatefulSet),
    watching(Pod, setsWanting),
    owns(ControllerRevision, StatefulSet),
    // A pod may wait until a claim of its name is gone.
    watching(PersistentVolumeClaim, setsNaming, (_before, after) => after === undefined),
  ],
  observe(set, { caches }) {
    const { uid = '', namespace = '' } = set.metadata ?? {};
    const chosen = (object: KubernetesObject): boolean => matches(selectorOf(set.spec?.selector), object.metadata?.labels);
    return {
      pods: [...caches.of(Pod).controlledBy(uid), ...caches.of(Pod).orphansIn(namespace).filter(chosen)],
      revisions: [...caches.of(ControllerRevision).controlledBy(uid), ...caches.of(ControllerRevision).orphansIn(namespace).filter(chosen)],
      claimOf: (name) => caches.of(PersistentVolumeClaim).get(namespace, name),
      taken: (name) => caches.of(ControllerRevision).get(namespace, name) !== undefined,
    };
  },
  plan,
  planFailure,
});

function setsWanting(pod: Pod, caches: Caches): readonly string[] {
  if (controllerOf(pod.metadata) !== undefined) return [];
  return caches.of(StatefulSet).inNamespace(pod.metadata?.namespace ?? '')
    .filter((set) => ordinalOf(set, pod) !== undefined && matches(selectorOf(set.spec?.selector), pod.metadata?.labels)).map(keyOf);
}

function setsNaming({ metadata }: PersistentVolumeClaim, caches: Caches): readonly string[] {
  return caches.of(StatefulSet).inNamespace(metadata?.namespace ?? '')
    .filter((set) => (set.spec?.volumeClaimTemplates ?? []).some((template) => metadata?.name?.startsWith(`${template.metadata?.name}-${set.metadata?.name}-`))).map(keyOf);
}

/** Pure: the next steps, then the status. Each pass goes as far as the order of the pods lets it. */
export function plan(set: StatefulSet, observed: Observed, now: number): readonly Step[] {
  if (set.metadata?.deletionTimestamp !== undefined) return farewell(set, observed, now);
  const { pods, history, current, steps } = sortedOut(set, observed);
  const ensemble: Ensemble = {
    set, now, claimOf: observed.claimOf, ...arrange(set, pods),
    current: versionOf(current), update: versionOf(history.present),
  };
  const scaling = scale(ensemble);
  return [
    ...steps, ...history.steps,
    ...scaling.steps,
    ...(scaling.done ? roll(ensemble) : []),
    status(StatefulSet, set, statusOf(set, pods, revisionsOf(set, history, current), now)),
    ...forget(set, pods, history, current),
    ...untilAvailable(pods, set.spec?.minReadySeconds ?? 0, now),
  ];
}

interface SortedOut {
  readonly pods: readonly Pod[];
  readonly history: History;
  /** The revision that the pods come from: the present one, unless an update is under way. */
  readonly current: ControllerRevision;
  /** Adoptions and releases. */
  readonly steps: readonly Step[];
}

function sortedOut(set: StatefulSet, observed: Observed): SortedOut {
  const pods = claimedPods(set, observed);
  const revisions = claim(ownerOf(set), ControllerRevision, observed.revisions);
  const history = historyOf({ kind: StatefulSet, object: set, hashLabel: 'controller.kubernetes.io/hash' }, revisions.claimed, observed.taken);
  const current = [...history.others, history.present].find(({ metadata }) => metadata?.name === set.status?.currentRevision) ?? history.present;
  return { pods: pods.claimed, history, current, steps: [...pods.steps, ...revisions.steps] };
}

function claimedPods(set: StatefulSet, { pods }: Observed): ReturnType<typeof claim<Pod>> {
  return claim({ ...ownerOf(set), accepts: (pod) => ordinalOf(set, pod) !== undefined }, Pod, pods);
}

function ownerOf(set: StatefulSet): Parameters<typeof claim>[0] {
  return { kind: StatefulSet, object: set, selector: selectorOf(set.spec?.selector) };
}

function versionOf(revision: ControllerRevision): Version {
  return { name: nameOf(revision), template: () => templateOf(revision) };
}

function nameOf(revision: ControllerRevision): string {
  return revision.metadata?.name ?? '';
}

function revisionsOf(set: StatefulSet, history: History, current: ControllerRevision): Parameters<typeof statusOf>[2] {
  return { current: nameOf(current), update: nameOf(history.present), collisionCount: history.collisionCount ?? set.status?.collisionCount ?? 0 };
}

/** Of a set that is being deleted only the numbers are kept: its pods and revisions are the garbage collector's. */
function farewell(set: StatefulSet, observed: Observed, now: number): readonly Step[] {
  const { currentRevision = '', updateRevision = '', collisionCount = 0 } = set.status ?? {};
  const { claimed } = claimedPods(set, observed);
  return [status(StatefulSet, set, statusOf(set, claimed, { current: currentRevision, update: updateRevision, collisionCount }, now))];
}

/** Revisions beyond the history's limit, those that no pod is of, oldest first. A negative limit keeps all. */
function forget(set: StatefulSet, pods: readonly Pod[], history: History, current: ControllerRevision): readonly Step[] {
  const limit = set.spec?.revisionHistoryLimit ?? 10;
  if (limit < 0) return [];
  const live = new Set([nameOf(current), ...pods.map(revisionOf)]);
  const spent = history.others.filter((revision) => !live.has(nameOf(revision)));
  return spent.slice(0, Math.max(0, spent.length - limit)).map(remove);
}

/** Whatever failed: the status tells how far it got. */
export function planFailure(set: StatefulSet, observed: Observed, failure: unknown, now: number): readonly Step[] {
  if (isReason(failure, 'Conflict') || set.metadata?.deletionTimestamp !== undefined) return [];
  const { pods, history, current } = sortedOut(set, observed);
  return [status(StatefulSet, set, statusOf(set, pods, revisionsOf(set, history, current), now))];
}
