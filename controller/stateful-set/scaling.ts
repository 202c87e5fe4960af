import { referenceTo } from '../../client/events.ts';
import { StatefulSet } from '../../machinery/kinds/apps.ts';
import { Pod } from '../../machinery/kinds/core.ts';
import { isTerminal } from '../../machinery/pod/readiness.ts';
import { at, event, type CreateStep, type DeleteStep, type EventStep, type PatchStep, type Step } from '../steps.ts';
import { createMissing, goingClaim, hasStaleClaim, syncOwners } from './claims.ts';
import { isTerminating } from './health.ts';
import { missingIdentity, podName, podOf } from './identity.ts';
import { isOrdered, isUnavailable, versionFor, type Condemned, type Ensemble, type Replica } from './replicas.ts';

/**
 * Makes the pods that a StatefulSet wants and removes those beyond: one after the other, or with `podManagementPolicy: Parallel` all
 * at once. Source: "StatefulSets", deployment and scaling guarantees.
 */

export interface Scaling {
  readonly steps: readonly Step[];
  /** May the pods that are there be updated? Only once nothing of the scaling waits. */
  readonly done: boolean;
}

export function scale(ensemble: Ensemble): Scaling {
  return isOrdered(ensemble) ? inOrder(ensemble) : atOnce(ensemble);
}

/** Of one pod: what to do about it, and whether those after it have to wait. */
interface Turn {
  readonly steps: readonly Step[];
  readonly wait: boolean;
}

function inOrder(ensemble: Ensemble): Scaling {
  const { replicas, condemned } = ensemble;
  const first = firstUnavailable(ensemble);
  const turns = function* turns(): Generator<Turn> {
    for (const replica of replicas) yield replicaTurn(ensemble, replica);
    for (const one of condemned) yield { steps: syncOwners(ensemble.set, one.ordinal, one.pod, ensemble.claimOf), wait: false };
    for (const one of condemned) yield condemnedTurn(ensemble, one, first);
  };
  const steps: Step[] = [];
  for (const turn of turns()) {
    steps.push(...turn.steps);
    if (turn.wait) return { steps, done: false };
  }
  return { steps, done: true };
}

function atOnce(ensemble: Ensemble): Scaling {
  const { set, replicas, condemned, claimOf } = ensemble;
  const wanted = replicas.map((replica) => replicaSteps(ensemble, replica)).filter((steps) => steps.length > 0);
  const owners = condemned.flatMap(({ ordinal, pod }) => syncOwners(set, ordinal, pod, claimOf));
  const removed = condemned.filter(({ pod }) => !isTerminating(pod)).map(({ pod }) => deletePod(set, pod));
  const steps: readonly Step[] = [
    ...(wanted.length === 0 ? [] : [{ type: 'slowStart', steps: wanted.map(inSequence) } as const]),
    ...owners,
    ...(removed.length === 0 ? [] : [{ type: 'slowStart', steps: removed } as const]),
  ];
  return { steps, done: steps.length === 0 };
}

/** A pod's claims come before it. */
function inSequence(steps: readonly Step[]): Step {
  const [only] = steps;
  return steps.length === 1 && only !== undefined ? only : { type: 'sequence', steps };
}

function replicaTurn(ensemble: Ensemble, replica: Replica): Turn {
  const { pod } = replica;
  return { steps: replicaSteps(ensemble, replica), wait: pod === undefined || isTerminal(pod) || isUnavailable(ensemble, pod) };
}

function replicaSteps(ensemble: Ensemble, { ordinal, pod }: Replica): readonly Step[] {
  const { set, claimOf } = ensemble;
  if (pod === undefined) return createReplica(ensemble, ordinal);
  // Its name is free for the next one when it is gone.
  if (isTerminal(pod)) return isTerminating(pod) ? [] : recreate(set, pod);
  const claims = pod.status?.phase === 'Pending' ? createMissing(set, ordinal, claimOf) : [];
  if (isOrdered(ensemble) && isUnavailable(ensemble, pod)) return claims;
  return [...claims, ...syncIdentity(set, ordinal, pod), ...syncOwners(set, ordinal, pod, claimOf)];
}

function createReplica(ensemble: Ensemble, ordinal: number): readonly Step[] {
  const { set, claimOf } = ensemble;
  const name = podName(set, ordinal);
  if (hasStaleClaim(set, ordinal, claimOf)) return [];
  const going = goingClaim(set, ordinal, claimOf);
  if (going !== undefined) return [refused(set, 'create', name, `pvc ${going.metadata?.name} is being deleted`)];
  const version = versionFor(ensemble, ordinal);
  const create: CreateStep = {
    type: 'create', kind: Pod, object: podOf(set, ordinal, version.name, version.template()),
    done: () => succeeded(set, 'create', name),
    failed: (error) => refused(set, 'create', name, error.message),
  };
  return [...createMissing(set, ordinal, claimOf), create];
}

/** An ended pod is replaced however it ended: by whom or what an evicted one was stopped decides its phase, not whether it is wanted. */
function recreate(set: StatefulSet, pod: Pod): readonly Step[] {
  const { namespace, name } = set.metadata ?? {};
  const failed = pod.status?.phase === 'Failed';
  const told = failed
    ? event(referenceTo(StatefulSet, set), 'Warning', 'RecreatingFailedPod', `StatefulSet ${namespace}/${name} is recreating failed Pod ${pod.metadata?.name}`)
    : event(referenceTo(StatefulSet, set), 'Normal', 'RecreatingTerminatedPod', `StatefulSet ${namespace}/${name} is recreating terminated Pod ${pod.metadata?.name}`);
  return [told, deletePod(set, pod)];
}

function syncIdentity(set: StatefulSet, ordinal: number, pod: Pod): readonly Step[] {
  const labels = missingIdentity(set, ordinal, pod);
  if (labels === undefined) return [];
  const { uid } = pod.metadata ?? {};
  const patch: PatchStep = { type: 'patch', kind: Pod, at: at(pod), patchType: 'application/merge-patch+json', body: { metadata: { uid, labels } }, goneIsFine: true };
  return [patch];
}

/** The one with the lowest ordinal among those wanted, else among those to go. */
function firstUnavailable(ensemble: Ensemble): Pod | undefined {
  const { replicas, condemned } = ensemble;
  const waiting = replicas.find(({ pod }) => isUnavailable(ensemble, pod));
  return waiting === undefined ? condemned.findLast(({ pod }) => isUnavailable(ensemble, pod))?.pod : waiting.pod;
}

/** The highest goes first, once it is available: only a set's sole unavailable pod may go as it is. */
function condemnedTurn(ensemble: Ensemble, { pod }: Condemned, first: Pod | undefined): Turn {
  if (isTerminating(pod) || (isUnavailable(ensemble, pod) && pod !== first)) return { steps: [], wait: true };
  return { steps: [deletePod(ensemble.set, pod)], wait: true };
}

export function deletePod(set: StatefulSet, pod: Pod): DeleteStep {
  const name = pod.metadata?.name ?? '';
  return {
    type: 'delete', kind: Pod, at: at(pod), uid: pod.metadata?.uid ?? '',
    done: () => succeeded(set, 'delete', name),
    failed: (error) => refused(set, 'delete', name, error.message),
  };
}

const reasons = { create: ['SuccessfulCreate', 'FailedCreate'], delete: ['SuccessfulDelete', 'FailedDelete'] } as const;

function succeeded(set: StatefulSet, verb: keyof typeof reasons, pod: string): EventStep {
  return event(referenceTo(StatefulSet, set), 'Normal', reasons[verb][0], `${verb} Pod ${pod} in StatefulSet ${set.metadata?.name} successful`);
}

function refused(set: StatefulSet, verb: keyof typeof reasons, pod: string, why: string): EventStep {
  return event(referenceTo(StatefulSet, set), 'Warning', reasons[verb][1], `${verb} Pod ${pod} in StatefulSet ${set.metadata?.name} failed error: ${why}`);
}
