import type { Deployment, ReplicaSet } from '../../machinery/kinds/apps.ts';
import type { Step } from '../steps.ts';
import { desiredReplicas, fenceposts, isRolling } from './fenceposts.ts';
import { desiredAnnotation, isInUse, maxAnnotation, scaleTo, sizeOf, totalSize, type Rollout } from './rollout.ts';

/** Spreads a change of `spec.replicas` over the sets of a Deployment, in the middle of a rollout in proportion to their sizes. Source: "Deployments", proportional scaling. */

/** Has `spec.replicas` changed since the sets were last scaled? */
export function isScaling({ deployment, all }: Rollout): boolean {
  return all.filter(isInUse).some((set) => {
    const noted = numberIn(set, desiredAnnotation);
    return noted !== undefined && noted !== desiredReplicas(deployment);
  });
}

export function scale(rollout: Rollout): readonly Step[] {
  const { deployment, current, old } = rollout;
  const desired = desiredReplicas(deployment);
  const only = activeOrLatest(rollout);
  if (only !== undefined) return scaleTo(deployment, only, desired);
  if (isSaturated(deployment, current)) return old.filter(isInUse).flatMap((set) => scaleTo(deployment, set, 0));
  return isRolling(deployment) ? proportional(rollout) : [];
}

/** The only set with pods; without any, the present or else the newest one. */
function activeOrLatest({ current, old, all }: Rollout): ReplicaSet | undefined {
  const active = all.filter(isInUse);
  if (active.length === 0) return current ?? old.at(-1);
  return active.length === 1 ? active[0] : undefined;
}

function isSaturated(deployment: Deployment, set: ReplicaSet | undefined): boolean {
  const desired = desiredReplicas(deployment);
  return set !== undefined && sizeOf(set) === desired && numberIn(set, desiredAnnotation) === desired && (set.status?.availableReplicas ?? 0) === desired;
}

function proportional({ deployment, all }: Rollout): readonly Step[] {
  const active = all.filter(isInUse);
  const desired = desiredReplicas(deployment);
  const allowed = desired > 0 ? desired + fenceposts(deployment).maxSurge : 0;
  const change = allowed - totalSize(active);
  // The larger first; among equals the newer grows and the older shrinks first.
  const newerFirst = active.toReversed();
  const sorted = (change > 0 ? newerFirst : active).toSorted((a, b) => sizeOf(b) - sizeOf(a));
  const sizes = shares(deployment, sorted, change);
  return sorted.flatMap((set, index) => scaleTo(deployment, set, sizes[index] ?? sizeOf(set)));
}

/** Each set's new size; what rounding leaves over goes to the first. */
function shares(deployment: Deployment, sets: readonly ReplicaSet[], change: number): readonly number[] {
  let given = 0;
  const sizes = sets.map((set) => {
    const share = shareOf(deployment, set, change, given);
    given += share;
    return sizeOf(set) + share;
  });
  return sizes.map((size, index) => (index === 0 ? Math.max(0, size + change - given) : size));
}

function shareOf(deployment: Deployment, set: ReplicaSet, change: number, given: number): number {
  if (sizeOf(set) === 0 || change === 0 || change === given) return 0;
  const fraction = fractionOf(deployment, set);
  return change > 0 ? Math.min(fraction, change - given) : Math.max(fraction, change - given);
}

/** By how much the set would change if it kept its part of the whole. */
function fractionOf(deployment: Deployment, set: ReplicaSet): number {
  const desired = desiredReplicas(deployment);
  if (desired === 0) return -sizeOf(set);
  const before = numberIn(set, maxAnnotation) || (deployment.status?.replicas ?? 0);
  if (before === 0) return 0;
  return Math.round((sizeOf(set) * (desired + fenceposts(deployment).maxSurge)) / before) - sizeOf(set);
}

function numberIn(set: ReplicaSet, annotation: string): number | undefined {
  const text = set.metadata?.annotations?.[annotation];
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
}
