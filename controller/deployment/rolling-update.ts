import type { ReplicaSet } from '../../machinery/kinds/apps.ts';
import type { Step } from '../steps.ts';
import { desiredReplicas, fenceposts, isRolling } from './fenceposts.ts';
import { isInUse, scaleTo, sizeOf, totalOf, totalSize, type Rollout } from './rollout.ts';

/** Replaces old pods by new ones a few at a time, never below `replicas - maxUnavailable` available nor above `replicas + maxSurge` in all. */

/** The next scaling of a rolling update; empty when there is none to do now. The set of the present template exists. */
export function roll(rollout: Rollout, current: ReplicaSet): readonly Step[] {
  const size = currentSize(rollout, current);
  if (size !== sizeOf(current)) return scaleTo(rollout.deployment, current, size);
  return shrinkOld(rollout, current);
}

/** How large the present template's set should be now, given all others. */
export function currentSize({ deployment, all }: Rollout, current: ReplicaSet | undefined): number {
  const desired = desiredReplicas(deployment);
  const size = sizeOf(current);
  if (!isRolling(deployment) || size >= desired) return desired;
  const room = desired + fenceposts(deployment).maxSurge - totalSize(all);
  return room <= 0 ? size : size + Math.min(room, desired - size);
}

function shrinkOld({ deployment, old, all }: Rollout, current: ReplicaSet): readonly Step[] {
  const inUse = old.filter(isInUse);
  if (inUse.length === 0) return [];
  const minAvailable = desiredReplicas(deployment) - fenceposts(deployment).maxUnavailable;
  const currentUnavailable = sizeOf(current) - (current.status?.availableReplicas ?? 0);
  const most = totalSize(all) - minAvailable - currentUnavailable;
  if (most <= 0) return [];
  const cleaned = dropUnhealthy(inUse, most);
  const spare = totalOf(all, 'availableReplicas') - minAvailable;
  const sizes = dropHealthy(inUse, cleaned, spare);
  return inUse.flatMap((set, index) => {
    const size = sizes[index] ?? sizeOf(set);
    return size === sizeOf(set) ? [] : scaleTo(deployment, set, size);
  });
}

/** Pods that aren't available go first: they serve nobody. The answer is each set's size afterwards. */
function dropUnhealthy(sets: readonly ReplicaSet[], most: number): readonly number[] {
  let left = most;
  return sets.map((set) => {
    const size = sizeOf(set);
    const drop = Math.max(0, Math.min(left, size - (set.status?.availableReplicas ?? 0)));
    left -= drop;
    return size - drop;
  });
}

/** Then as many as can be spared, oldest set first. */
function dropHealthy(sets: readonly ReplicaSet[], sizes: readonly number[], spare: number): readonly number[] {
  let left = Math.max(0, spare);
  return sets.map((set, index) => {
    const size = sizes[index] ?? sizeOf(set);
    const drop = Math.min(left, size);
    left -= drop;
    return size - drop;
  });
}
