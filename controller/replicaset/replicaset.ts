import { ApiError } from '../../machinery/status.ts';
import { setCondition, withoutCondition } from '../../machinery/conditions.ts';
import { ReplicaSet, type ReplicaSetCondition } from '../../machinery/kinds/apps.ts';
import { Pod, ReplicationController } from '../../machinery/kinds/core.ts';
import type { Kind } from '../../machinery/kinds/kind.ts';
import type { Wire } from '../../machinery/kinds/wire.ts';
import { controllerOf, ownerReference } from '../../machinery/owner-references.ts';
import { isActive, isAvailable, isReady, isTerminal } from '../../machinery/pod/readiness.ts';
import { matches, selectorOf, selectorOfMap, type Selector } from '../../machinery/selectors.ts';
import type { V1ReplicaSetStatus } from '@kubernetes/client-node';
import { keyOf } from '../../client/informer-store.ts';
import { referenceTo } from '../../client/events.ts';
import { untilAvailable } from '../availability.ts';
import type { Caches } from '../caches.ts';
import { claim, type Claim } from '../claim.ts';
import { counts } from '../counts.ts';
import { defineController, owns, watching, type Controller } from '../define.ts';
import { podFromTemplate } from '../pod-template.ts';
import { at, event, status, type CreateStep, type DeleteStep, type Step } from '../steps.ts';
import { leastWanted } from './least-wanted.ts';

/**
 * Brings the pods of a ReplicaSet or a ReplicationController to `spec.replicas`: the same rules for both.
 * Behaviour: ReplicaSet, apps/v1; who dies first: "pod deletion cost".
 */

type ReplicaSetStatus = Wire<V1ReplicaSetStatus>;

type Set = ReplicaSet | ReplicationController;

/** What differs between the two kinds. */
export interface ReplicaKind<S extends Set> {
  readonly name: string;
  readonly kind: Kind<S>;
  selector(set: S): Selector;
  /** Does its status count pods that are being deleted? */
  readonly countsTerminating: boolean;
}

export const replicaSets: ReplicaKind<ReplicaSet> = {
  name: 'replicaset', kind: ReplicaSet, countsTerminating: true, selector: (set) => selectorOf(set.spec?.selector),
};

export const replicationControllers: ReplicaKind<ReplicationController> = {
  name: 'replication', kind: ReplicationController, countsTerminating: false, selector: (set) => selectorOfMap(set.spec?.selector ?? {}),
};

export interface Observed {
  /** Of the namespace: the set's own, and those that nobody manages. */
  readonly candidates: readonly Pod[];
  /** Active pods of all sets under the same owner: how crowded a node is. Only when there are too many. */
  readonly related: readonly Pod[];
}

/** Pods made or removed in one pass. */
const burst = 500;

export const replicaSetController = replicaController(replicaSets);
export const replicationController = replicaController(replicationControllers);

function replicaController<S extends Set>(of: ReplicaKind<S>): Controller {
  return defineController<S, Observed>({
    name: of.name,
    primary: of.kind,
    watches: [owns(Pod, of.kind), watching(Pod, (pod, caches) => setsWanting(of, pod, caches))],
    observe(set, { caches }) {
      const candidates = candidatesOf(of, set, caches);
      const tooMany = candidates.filter(isActive).length > desiredReplicas(set);
      return { candidates, related: tooMany ? relatedPods(of, set, caches) : [] };
    },
    plan: (set, observed, now) => plan(of, set, observed, now),
    planFailure: (set, observed, failure, now) => planFailure(of, set, observed, failure, now),
  });
}

/** A pod that nobody manages concerns every set that would choose it. */
function setsWanting<S extends Set>(of: ReplicaKind<S>, pod: Pod, caches: Caches): readonly string[] {
  if (controllerOf(pod.metadata) !== undefined) return [];
  return caches.of(of.kind).inNamespace(pod.metadata?.namespace ?? '').filter((set) => matches(of.selector(set), pod.metadata?.labels)).map(keyOf);
}

function candidatesOf<S extends Set>(of: ReplicaKind<S>, set: S, caches: Caches): readonly Pod[] {
  const selector = of.selector(set);
  const orphans = caches.of(Pod).orphansIn(set.metadata?.namespace ?? '').filter((pod) => matches(selector, pod.metadata?.labels));
  return [...caches.of(Pod).controlledBy(set.metadata?.uid ?? ''), ...orphans];
}

function relatedPods<S extends Set>(of: ReplicaKind<S>, set: S, caches: Caches): readonly Pod[] {
  const owner = controllerOf(set.metadata);
  const siblings = owner === undefined ? [set] : caches.of(of.kind).controlledBy(owner.uid);
  return siblings.flatMap((sibling) => caches.of(Pod).controlledBy(sibling.metadata?.uid ?? '')).filter(isActive);
}

/** Pure: what brings the set closer to its wish, then its status. */
export function plan<S extends Set>(of: ReplicaKind<S>, set: S, observed: Observed, now: number): readonly Step[] {
  const { claimed, steps } = claimedBy(of, set, observed);
  const active = claimed.filter(isActive);
  const observedStatus = statusOf(of, set, active, claimed.length - active.length, now);
  const conditions = withoutCondition(set.status?.conditions, 'ReplicaFailure');
  return [
    ...steps,
    ...(set.metadata?.deletionTimestamp === undefined ? manage(of.kind, set, active, observed.related, now) : []),
    status<Set>(of.kind, set, { ...observedStatus, ...(conditions.length === 0 ? {} : { conditions }) }),
    ...untilAvailable(active, set.spec?.minReadySeconds ?? 0, now),
  ];
}

function claimedBy<S extends Set>(of: ReplicaKind<S>, set: S, { candidates }: Observed): Claim<Pod> {
  return claim({ kind: of.kind, object: set, selector: of.selector(set) }, Pod, candidates.filter((pod) => !isTerminal(pod)));
}

function desiredReplicas(set: Set): number {
  return set.spec?.replicas ?? 1;
}

function manage(kind: Kind, set: Set, active: readonly Pod[], related: readonly Pod[], now: number): readonly Step[] {
  const missing = desiredReplicas(set) - active.length;
  if (missing > 0) return [{ type: 'slowStart', steps: Array.from({ length: Math.min(missing, burst) }, () => createPod(kind, set)) }];
  if (missing < 0) return [{ type: 'together', steps: leastWanted(active, related, Math.min(-missing, burst), now).map((pod) => deletePod(kind, set, pod)) }];
  return [];
}

function createPod(kind: Kind, set: Set): CreateStep {
  const about = referenceTo(kind, set);
  return {
    type: 'create', kind: Pod, object: podFromTemplate(set.spec?.template, set.metadata, ownerReference(set, kind)),
    done: (name) => event(about, 'Normal', 'SuccessfulCreate', `Created pod: ${name}`),
    failed: (error) => event(about, 'Warning', 'FailedCreate', `Error creating: ${error.message}`),
  };
}

function deletePod(kind: Kind, set: Set, pod: Pod): DeleteStep {
  const about = referenceTo(kind, set);
  return {
    type: 'delete', kind: Pod, at: at(pod), uid: pod.metadata?.uid ?? '',
    done: () => event(about, 'Normal', 'SuccessfulDelete', `Deleted pod: ${pod.metadata?.name}`),
    failed: (error) => event(about, 'Warning', 'FailedDelete', `Error deleting: ${error.message}`),
  };
}

function statusOf({ countsTerminating }: Pick<ReplicaKind<never>, 'countsTerminating'>, set: Set, active: readonly Pod[], terminatingReplicas: number, now: number): ReplicaSetStatus {
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
    ...(countsTerminating ? { terminatingReplicas } : {}),
    ...(observedGeneration === undefined ? {} : { observedGeneration }),
  };
}

/** Pods could not be made or removed: say so in the status, which is otherwise what was observed. */
export function planFailure<S extends Set>(of: ReplicaKind<S>, set: S, observed: Observed, failure: unknown, now: number): readonly Step[] {
  if (!(failure instanceof ApiError) || failure.reason === 'Conflict') return [];
  const { claimed } = claimedBy(of, set, observed);
  const active = claimed.filter(isActive);
  const reason = active.length < desiredReplicas(set) ? 'FailedCreate' : 'FailedDelete';
  const condition: ReplicaSetCondition = { type: 'ReplicaFailure', status: 'True', reason, message: failure.message };
  const present = set.status?.conditions?.find(({ type }) => type === 'ReplicaFailure');
  // The first failure stays: a message that changes with each attempt would be a write each.
  const conditions = present === undefined ? setCondition(set.status?.conditions, condition, now) : set.status?.conditions ?? [];
  return [status<Set>(of.kind, set, { ...statusOf(of, set, active, claimed.length - active.length, now), conditions })];
}
