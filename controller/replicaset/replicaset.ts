import { ApiError } from '../../machinery/status.ts';
import { setCondition, withoutCondition } from '../../machinery/conditions.ts';
import { ReplicaSet, type ReplicaSetCondition } from '../../machinery/kinds/apps.ts';
import { Pod } from '../../machinery/kinds/core.ts';
import type { Wire } from '../../machinery/kinds/wire.ts';
import { controllerOf, ownerReference } from '../../machinery/owner-references.ts';
import { availableSince, isActive, isAvailable, isReady, isTerminal } from '../../machinery/pod/readiness.ts';
import { matches, selectorOf } from '../../machinery/selectors.ts';
import type { V1ReplicaSetStatus } from '@kubernetes/client-node';
import { keyOf } from '../../client/informer-store.ts';
import { referenceTo } from '../../client/events.ts';
import type { Caches } from '../caches.ts';
import { claim } from '../claim.ts';
import { defineController, owns, watching } from '../define.ts';
import { podFromTemplate } from '../pod-template.ts';
import { at, event, requeueAfter, status, type CreateStep, type DeleteStep, type Step } from '../steps.ts';
import { leastWanted } from './least-wanted.ts';

/** Brings a ReplicaSet's pods to `spec.replicas`. Behaviour: ReplicaSet, apps/v1; who dies first: "pod deletion cost". */

type ReplicaSetStatus = Wire<V1ReplicaSetStatus>;

export interface Observed {
  /** Of the namespace: the set's own, and those that nobody manages. */
  readonly candidates: readonly Pod[];
  /** Active pods of all sets under the same owner: how crowded a node is. Only when there are too many. */
  readonly related: readonly Pod[];
}

/** Pods made or removed in one pass. */
const burst = 500;

export const replicaSetController = defineController<ReplicaSet, Observed>({
  name: 'replicaset',
  primary: ReplicaSet,
  watches: [owns(Pod, ReplicaSet), watching(Pod, setsWanting)],
  observe(set, { caches }) {
    const candidates = candidatesOf(set, caches);
    const tooMany = candidates.filter(isActive).length > desiredReplicas(set);
    return { candidates, related: tooMany ? relatedPods(set, caches) : [] };
  },
  plan,
  planFailure,
});

/** A pod that nobody manages concerns every set that would choose it. */
function setsWanting(pod: Pod, caches: Caches): readonly string[] {
  if (controllerOf(pod.metadata) !== undefined) return [];
  return caches.of(ReplicaSet).inNamespace(pod.metadata?.namespace ?? '').filter((set) => matches(selectorOf(set.spec?.selector), pod.metadata?.labels)).map(keyOf);
}

function candidatesOf(set: ReplicaSet, caches: Caches): readonly Pod[] {
  const selector = selectorOf(set.spec?.selector);
  const orphans = caches.of(Pod).orphansIn(set.metadata?.namespace ?? '').filter((pod) => matches(selector, pod.metadata?.labels));
  return [...caches.of(Pod).controlledBy(set.metadata?.uid ?? ''), ...orphans];
}

function relatedPods(set: ReplicaSet, caches: Caches): readonly Pod[] {
  const owner = controllerOf(set.metadata);
  const siblings = owner === undefined ? [set] : caches.of(ReplicaSet).controlledBy(owner.uid);
  return siblings.flatMap((sibling) => caches.of(Pod).controlledBy(sibling.metadata?.uid ?? '')).filter(isActive);
}

/** Pure: what brings the set closer to its wish, then its status. */
export function plan(set: ReplicaSet, observed: Observed, now: number): readonly Step[] {
  const { claimed, steps } = claim({ kind: ReplicaSet, object: set, selector: selectorOf(set.spec?.selector) }, Pod, observed.candidates.filter((pod) => !isTerminal(pod)));
  const active = claimed.filter(isActive);
  const terminating = claimed.filter((pod) => !isActive(pod));
  const observedStatus = statusOf(set, active, terminating.length, now);
  const conditions = withoutCondition(set.status?.conditions, 'ReplicaFailure');
  return [
    ...steps,
    ...(set.metadata?.deletionTimestamp === undefined ? manage(set, active, observed.related, now) : []),
    status(ReplicaSet, set, { ...observedStatus, ...(conditions.length === 0 ? {} : { conditions }) }),
    ...untilAvailable(set, active, now),
  ];
}

function desiredReplicas(set: ReplicaSet): number {
  return set.spec?.replicas ?? 1;
}

function manage(set: ReplicaSet, active: readonly Pod[], related: readonly Pod[], now: number): readonly Step[] {
  const missing = desiredReplicas(set) - active.length;
  if (missing > 0) return [{ type: 'slowStart', steps: Array.from({ length: Math.min(missing, burst) }, () => createPod(set)) }];
  if (missing < 0) return [{ type: 'together', steps: leastWanted(active, related, Math.min(-missing, burst), now).map((pod) => deletePod(set, pod)) }];
  return [];
}

function createPod(set: ReplicaSet): CreateStep {
  const about = referenceTo(ReplicaSet, set);
  return {
    type: 'create', kind: Pod, object: podFromTemplate(set.spec?.template, set.metadata, ownerReference(set, ReplicaSet)),
    done: (name) => event(about, 'Normal', 'SuccessfulCreate', `Created pod: ${name}`),
    failed: (error) => event(about, 'Warning', 'FailedCreate', `Error creating: ${error.message}`),
  };
}

function deletePod(set: ReplicaSet, pod: Pod): DeleteStep {
  const about = referenceTo(ReplicaSet, set);
  return {
    type: 'delete', kind: Pod, at: at(pod), uid: pod.metadata?.uid ?? '',
    done: () => event(about, 'Normal', 'SuccessfulDelete', `Deleted pod: ${pod.metadata?.name}`),
    failed: (error) => event(about, 'Warning', 'FailedDelete', `Error deleting: ${error.message}`),
  };
}

function statusOf(set: ReplicaSet, active: readonly Pod[], terminatingReplicas: number, now: number): ReplicaSetStatus {
  const minReadySeconds = set.spec?.minReadySeconds ?? 0;
  const templateLabels = Object.entries(set.spec?.template?.metadata?.labels ?? {});
  const labelled = active.filter((pod) => templateLabels.every(([key, value]) => pod.metadata?.labels?.[key] === value));
  const observedGeneration = set.metadata?.generation;
  return {
    replicas: active.length,
    ...counts({
      fullyLabeledReplicas: labelled.length,
      readyReplicas: active.filter(isReady).length,
      availableReplicas: active.filter((pod) => isAvailable(pod, minReadySeconds, now)).length,
    }),
    terminatingReplicas,
    ...(observedGeneration === undefined ? {} : { observedGeneration }),
  };
}

/** Zero is written by leaving the field out. */
export function counts<K extends string>(values: Readonly<Record<K, number>>): { readonly [N in K]?: number } {
  // The entries that stay have the keys they came with.
  return Object.fromEntries(Object.entries<number>(values).filter(([, count]) => count !== 0)) as { readonly [N in K]?: number };
}

/** A pod becomes available without any event: by having been ready for long enough. */
function untilAvailable(set: ReplicaSet, active: readonly Pod[], now: number): readonly Step[] {
  const minReadySeconds = set.spec?.minReadySeconds ?? 0;
  const waits = active.flatMap((pod) => {
    const since = availableSince(pod, minReadySeconds);
    return since === undefined || since <= now ? [] : [since - now];
  });
  return waits.length === 0 ? [] : [requeueAfter(Math.min(...waits))];
}

/** Pods could not be made or removed: say so in the status, which is otherwise what was observed. */
export function planFailure(set: ReplicaSet, observed: Observed, failure: unknown, now: number): readonly Step[] {
  if (!(failure instanceof ApiError) || failure.reason === 'Conflict') return [];
  const { claimed } = claim({ kind: ReplicaSet, object: set, selector: selectorOf(set.spec?.selector) }, Pod, observed.candidates.filter((pod) => !isTerminal(pod)));
  const active = claimed.filter(isActive);
  const reason = active.length < desiredReplicas(set) ? 'FailedCreate' : 'FailedDelete';
  const condition: ReplicaSetCondition = { type: 'ReplicaFailure', status: 'True', reason, message: failure.message };
  const present = set.status?.conditions?.find(({ type }) => type === 'ReplicaFailure');
  // The first failure stays: a message that changes with each attempt would be a write each.
  const conditions = present === undefined ? setCondition(set.status?.conditions, condition, now) : set.status?.conditions ?? [];
  return [status(ReplicaSet, set, { ...statusOf(set, active, claimed.length - active.length, now), conditions })];
}
