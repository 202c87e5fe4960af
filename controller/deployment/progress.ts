import type { V1DeploymentStatus } from '@kubernetes/client-node';
import { findCondition, timestamp, withoutCondition } from '../../machinery/conditions.ts';
import { Deployment, type DeploymentCondition } from '../../machinery/kinds/apps.ts';
import type { Wire } from '../../machinery/kinds/wire.ts';
import { requeueAfter, status, type Step } from '../steps.ts';
import { desiredReplicas, fenceposts } from './fenceposts.ts';
import { totalOf, totalSize, type Rollout } from './rollout.ts';

/** What a Deployment's status says of its rollout. Source: "Deployments", Deployment status; reasons as kubectl reads them. */

type DeploymentStatus = Wire<V1DeploymentStatus>;
type Conditions = readonly DeploymentCondition[];

const timedOutReason = 'ProgressDeadlineExceeded';
const completeReason = 'NewReplicaSetAvailable';
/** The API's way of saying that there is no deadline. */
const noDeadline = 2 ** 31 - 1;

function deadlineMs(deployment: Deployment): number | undefined {
  const seconds = deployment.spec?.progressDeadlineSeconds;
  return seconds === undefined || seconds === noDeadline ? undefined : seconds * 1000;
}

/** The list with the condition set; unchanged when its status and reason are what they were. */
export function noteCondition(conditions: Conditions, type: string, value: 'True' | 'False' | 'Unknown', reason: string, message: string, now: number): Conditions {
  const old = findCondition(conditions, type);
  if (old?.status === value && old.reason === reason) return conditions;
  const transition = old?.status === value ? old.lastTransitionTime : undefined;
  const condition: DeploymentCondition = { type, status: value, reason, message, lastUpdateTime: timestamp(now), lastTransitionTime: transition ?? timestamp(now) };
  return [...withoutCondition(conditions, type), condition];
}

/** Conditions as the pass begins: was the rollout paused or resumed, is its set new? */
export function openingConditions({ deployment, current }: Rollout, now: number): Conditions {
  const before: Conditions = deployment.status?.conditions ?? [];
  if (deadlineMs(deployment) === undefined) return before;
  const progressing = findCondition(before, 'Progressing');
  const paused = deployment.spec?.paused === true;
  const wasPaused = progressing?.reason === 'DeploymentPaused';
  if (progressing?.reason !== timedOutReason && paused && !wasPaused) return noteCondition(before, 'Progressing', 'Unknown', 'DeploymentPaused', 'Deployment is paused', now);
  if (!paused && wasPaused) return noteCondition(before, 'Progressing', 'Unknown', 'DeploymentResumed', 'Deployment is resumed', now);
  if (progressing === undefined && current !== undefined) {
    return noteCondition(before, 'Progressing', 'True', 'FoundNewReplicaSet', `Found new replica set "${current.metadata?.name}"`, now);
  }
  return before;
}

/** The set of the present template is being made in this pass. */
export function createdCondition(deployment: Deployment, conditions: Conditions, name: string | undefined, now: number): Conditions {
  if (deadlineMs(deployment) === undefined) return conditions;
  return noteCondition(conditions, 'Progressing', 'True', 'NewReplicaSetCreated', `Created new replica set "${name}"`, now);
}

/** The counts, and whether enough is available. */
export function observe({ deployment, all, current }: Rollout, conditions: Conditions, now: number): DeploymentStatus {
  const available = totalOf(all, 'availableReplicas');
  const enough = available >= desiredReplicas(deployment) - fenceposts(deployment).maxUnavailable;
  const noted = enough
    ? noteCondition(conditions, 'Available', 'True', 'MinimumReplicasAvailable', 'Deployment has minimum availability.', now)
    : noteCondition(conditions, 'Available', 'False', 'MinimumReplicasUnavailable', 'Deployment does not have minimum availability.', now);
  const { collisionCount } = deployment.status ?? {};
  const observedGeneration = deployment.metadata?.generation;
  const counts = {
    replicas: totalOf(all, 'replicas'), updatedReplicas: current?.status?.replicas ?? 0, readyReplicas: totalOf(all, 'readyReplicas'),
    availableReplicas: available, unavailableReplicas: Math.max(0, totalSize(all) - available),
  };
  return {
    // Zero is written by leaving the field out; of terminating replicas zero is said.
    ...Object.fromEntries(Object.entries(counts).filter(([, count]) => count !== 0)),
    terminatingReplicas: totalOf(all, 'terminatingReplicas'),
    ...(observedGeneration === undefined ? {} : { observedGeneration }),
    ...(collisionCount === undefined ? {} : { collisionCount }),
    conditions: noted,
  };
}

/** Status while paused or scaling: no word on progress. */
export function plainStatus(rollout: Rollout, conditions: Conditions, now: number): readonly Step[] {
  return [status(Deployment, rollout.deployment, observe(rollout, conditions, now))];
}

/** Status of a rollout under way, and when to look again if nothing moves. */
export function rolloutStatus(rollout: Rollout, conditions: Conditions, now: number): readonly Step[] {
  const { deployment } = rollout;
  const observed = observe(rollout, conditions, now);
  const progressed = progress(rollout, observed, now);
  const next = { ...observed, conditions: withReplicaFailure(rollout, progressed, now) };
  return [status(Deployment, deployment, next), ...lookAgain(deployment, next, now)];
}

export function isComplete(deployment: Deployment, observed: DeploymentStatus): boolean {
  const desired = desiredReplicas(deployment);
  return (observed.updatedReplicas ?? 0) === desired && (observed.replicas ?? 0) === desired && (observed.availableReplicas ?? 0) === desired
    && (observed.observedGeneration ?? 0) >= (deployment.metadata?.generation ?? 0);
}

function progress({ deployment, current }: Rollout, observed: DeploymentStatus, now: number): Conditions {
  const conditions: Conditions = observed.conditions ?? [];
  const deadline = deadlineMs(deployment);
  if (deadline === undefined) return withoutCondition(conditions, 'Progressing');
  const present = findCondition(conditions, 'Progressing');
  if (observed.replicas === observed.updatedReplicas && present?.reason === completeReason) return conditions;
  const subject = current === undefined ? `Deployment "${deployment.metadata?.name}"` : `ReplicaSet "${current.metadata?.name}"`;
  if (isComplete(deployment, observed)) return noteCondition(conditions, 'Progressing', 'True', completeReason, `${subject} has successfully progressed.`, now);
  if (isProgressing(deployment, observed)) {
    const transition = present?.status === 'True' ? present.lastTransitionTime : undefined;
    const condition: DeploymentCondition = {
      type: 'Progressing', status: 'True', reason: 'ReplicaSetUpdated', message: `${subject} is progressing.`,
      lastUpdateTime: timestamp(now), lastTransitionTime: transition ?? timestamp(now),
    };
    // Each step forward starts the deadline anew, hence a new update time.
    return [...withoutCondition(conditions, 'Progressing'), condition];
  }
  if (isLate(present, deadline, now)) return noteCondition(conditions, 'Progressing', 'False', timedOutReason, `${subject} has timed out progressing.`, now);
  return conditions;
}

function isProgressing(deployment: Deployment, next: DeploymentStatus): boolean {
  const before: DeploymentStatus = deployment.status ?? {};
  const oldPods = (counted: DeploymentStatus): number => (counted.replicas ?? 0) - (counted.updatedReplicas ?? 0);
  const grew = (field: 'updatedReplicas' | 'readyReplicas' | 'availableReplicas'): boolean => (next[field] ?? 0) > (before[field] ?? 0);
  return grew('updatedReplicas') || oldPods(next) < oldPods(before) || grew('readyReplicas') || grew('availableReplicas');
}

function isLate(progressing: DeploymentCondition | undefined, deadline: number, now: number): boolean {
  if (progressing === undefined || progressing.reason === completeReason) return false;
  if (progressing.reason === timedOutReason) return true;
  return progressing.lastUpdateTime !== undefined && Date.parse(progressing.lastUpdateTime) + deadline < now;
}

/** A set that can't make pods is the Deployment's failure too; the present set's first. */
function withReplicaFailure({ current, old }: Rollout, conditions: Conditions, now: number): Conditions {
  const sets = current === undefined ? old : [current, ...old];
  const first = sets.flatMap((set) => findCondition(set.status?.conditions, 'ReplicaFailure') ?? [])[0];
  if (first === undefined) return withoutCondition(conditions, 'ReplicaFailure');
  return noteCondition(conditions, 'ReplicaFailure', first.status === 'True' ? 'True' : 'False', first.reason ?? '', first.message ?? '', now);
}

/** The deadline passes without any event. */
function lookAgain(deployment: Deployment, next: DeploymentStatus, now: number): readonly Step[] {
  const deadline = deadlineMs(deployment);
  const progressing = findCondition(next.conditions, 'Progressing');
  if (deadline === undefined || progressing?.lastUpdateTime === undefined) return [];
  if (progressing.reason === timedOutReason || isComplete(deployment, next)) return [];
  // Timestamps are whole seconds: one more, so that the deadline has passed by then.
  return [requeueAfter(Math.max(0, Date.parse(progressing.lastUpdateTime) + deadline - now) + 1000)];
}
