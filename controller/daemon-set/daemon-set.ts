import { isDeepStrictEqual } from 'node:util';
import { keyOf } from '../../client/informer-store.ts';
import { referenceTo } from '../../client/events.ts';
import { ControllerRevision, DaemonSet } from '../../machinery/kinds/apps.ts';
import { Node, Pod } from '../../machinery/kinds/core.ts';
import type { KubernetesObject } from '../../machinery/kinds/kind.ts';
import { controllerOf } from '../../machinery/owner-references.ts';
import { matches, selectorOf } from '../../machinery/selectors.ts';
import { isReason } from '../../machinery/status.ts';
import { untilAvailable } from '../availability.ts';
import type { Caches } from '../caches.ts';
import { claim } from '../claim.ts';
import { defineController, owns, watching, type Controller } from '../define.ts';
import { historyOf, remove, type History } from '../revisions/history.ts';
import { event, status, type Step } from '../steps.ts';
import { createFailedPods } from './failed-pods.ts';
import { arrange, hashLabel, type Fleet } from './fleet.ts';
import { manage, type WaitOf } from './manage.ts';
import { nodeOf } from './placement.ts';
import { roll } from './rolling-update.ts';
import { statusOf } from './status.ts';

/** Keeps one pod of a DaemonSet on each node that it is meant for, and moves them to a new template. Source: "DaemonSet". */

export interface Observed {
  /** Of the namespace: the set's own, and those that nobody manages. */
  readonly pods: readonly Pod[];
  readonly revisions: readonly ControllerRevision[];
  readonly nodes: readonly Node[];
  /** Does the namespace have a revision of this name? */
  readonly taken: (revision: string) => boolean;
  readonly waitOf: WaitOf;
}

export function daemonSetController(): Controller {
  const failedPods = createFailedPods();
  return defineController<DaemonSet, Observed>({
    name: 'daemonset',
    primary: DaemonSet,
    watches: [
      owns(Pod, DaemonSet),
      watching(Pod, setsWanting),
      owns(ControllerRevision, DaemonSet),
      watching(Node, (_node, caches) => caches.of(DaemonSet).list().map(keyOf), placementChanged),
    ],
    observe(set, { caches, now }) {
      const { uid = '', namespace = '' } = set.metadata ?? {};
      const chosen = (object: KubernetesObject): boolean => matches(selectorOf(set.spec?.selector), object.metadata?.labels);
      const own = caches.of(Pod).controlledBy(uid);
      const waits = new Map(nodesOfFailed(own).map((node) => [node, failedPods.ask(`${uid}/${set.status?.observedGeneration}/${node}`, now)]));
      return {
        pods: [...own, ...caches.of(Pod).orphansIn(namespace).filter(chosen)],
        revisions: [...caches.of(ControllerRevision).controlledBy(uid), ...caches.of(ControllerRevision).orphansIn(namespace).filter(chosen)],
        nodes: caches.of(Node).list(),
        taken: (name) => caches.of(ControllerRevision).get(namespace, name) !== undefined,
        waitOf: (node) => waits.get(node) ?? 0,
      };
    },
    plan,
    planFailure,
  });
}

/** Each node once. */
function nodesOfFailed(pods: readonly Pod[]): readonly string[] {
  const failed = pods.filter(({ status: given, metadata }) => given?.phase === 'Failed' && metadata?.deletionTimestamp === undefined);
  return [...new Set(failed.flatMap((pod) => nodeOf(pod) ?? []))];
}

function setsWanting(pod: Pod, caches: Caches): readonly string[] {
  if (controllerOf(pod.metadata) !== undefined) return [];
  return caches.of(DaemonSet).inNamespace(pod.metadata?.namespace ?? '').filter((set) => matches(selectorOf(set.spec?.selector), pod.metadata?.labels)).map(keyOf);
}

/** Could another answer come of where pods belong? A node's heartbeats and conditions don't matter. */
function placementChanged(before: KubernetesObject | undefined, after: KubernetesObject | undefined): boolean {
  return before === undefined || after === undefined || !isDeepStrictEqual(facts(before), facts(after));
}

function facts(node: Node): unknown {
  return { labels: node.metadata?.labels, taints: node.spec?.taints };
}

/** Pure: pods where they are missing and none where they shouldn't be; when all are in place, the update; then the status. */
export function plan(set: DaemonSet, observed: Observed, now: number): readonly Step[] {
  // Its pods and revisions are the garbage collector's.
  if (set.metadata?.deletionTimestamp !== undefined) return [];
  const { matchLabels = {}, matchExpressions = [] } = set.spec?.selector ?? {};
  if (Object.keys(matchLabels).length === 0 && matchExpressions.length === 0) {
    return [event(referenceTo(DaemonSet, set), 'Warning', 'SelectingAll', 'This daemon set is selecting all pods. A non-empty selector is required.')];
  }
  const { pods, history, fleet, steps } = sortedOut(set, observed, now);
  const managed = manage(fleet, observed.waitOf);
  const inPlace = managed.every(({ type }) => type === 'event' || type === 'requeueAfter');
  return [
    ...steps, ...history.steps,
    ...managed,
    ...(inPlace ? roll(fleet) : []),
    status(DaemonSet, set, statusOf(fleet, history.collisionCount)),
    ...forget(set, pods, history),
    ...untilAvailable(pods, set.spec?.minReadySeconds ?? 0, now),
  ];
}

interface SortedOut {
  readonly pods: readonly Pod[];
  readonly history: History;
  readonly fleet: Fleet;
  /** Adoptions and releases. */
  readonly steps: readonly Step[];
}

function sortedOut(set: DaemonSet, observed: Observed, now: number): SortedOut {
  const owner = { kind: DaemonSet, object: set, selector: selectorOf(set.spec?.selector) };
  const pods = claim(owner, Pod, observed.pods);
  const revisions = claim(owner, ControllerRevision, observed.revisions);
  const history = historyOf({ kind: DaemonSet, object: set, hashLabel }, revisions.claimed, observed.taken);
  const fleet = arrange(set, hashOf(history.present), observed.nodes, pods.claimed, now);
  return { pods: pods.claimed, history, fleet, steps: [...pods.steps, ...revisions.steps] };
}

function hashOf(labelled: ControllerRevision | Pod): string {
  return labelled.metadata?.labels?.[hashLabel] ?? '';
}

/** Revisions beyond the history's limit that no pod is of, oldest first. */
function forget(set: DaemonSet, pods: readonly Pod[], { others }: History): readonly Step[] {
  const surplus = others.length - (set.spec?.revisionHistoryLimit ?? 10);
  const live = new Set(pods.map(hashOf));
  return others.filter((revision) => !live.has(hashOf(revision))).slice(0, Math.max(0, surplus)).map(remove);
}

/** Whatever failed: the status tells how far it got. */
export function planFailure(set: DaemonSet, observed: Observed, failure: unknown, now: number): readonly Step[] {
  if (isReason(failure, 'Conflict') || set.metadata?.deletionTimestamp !== undefined) return [];
  const { history, fleet } = sortedOut(set, observed, now);
  return [status(DaemonSet, set, statusOf(fleet, history.collisionCount))];
}
