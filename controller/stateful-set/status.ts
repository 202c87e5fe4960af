import type { StatefulSet } from '../../machinery/kinds/apps.ts';
import type { Pod } from '../../machinery/kinds/core.ts';
import { counts } from '../counts.ts';
import { isRunningAndAvailable, isRunningAndReady, isTerminating } from './health.ts';
import { desiredReplicas, revisionOf } from './identity.ts';

type Status = NonNullable<StatefulSet['status']>;

/** What a StatefulSet says of its pods. `now` in milliseconds. Source: "StatefulSetStatus", apps/v1. */
export function statusOf(set: StatefulSet, pods: readonly Pod[], revisions: { readonly current: string; readonly update: string; readonly collisionCount: number }, now: number): Status {
  const staying = pods.filter((pod) => !isTerminating(pod));
  const of = (revision: string): number => staying.filter((pod) => revisionOf(pod) === revision).length;
  const readyReplicas = pods.filter(isRunningAndReady).length;
  const updatedReplicas = of(revisions.update);
  const complete = isRolling(set) && [updatedReplicas, readyReplicas, pods.length].every((count) => count === desiredReplicas(set));
  const currentReplicas = complete ? updatedReplicas : of(revisions.current);
  const observedGeneration = set.metadata?.generation;
  return {
    replicas: pods.length,
    ...counts({ readyReplicas, currentReplicas, updatedReplicas }),
    availableReplicas: pods.filter((pod) => isRunningAndAvailable(pod, set.spec?.minReadySeconds ?? 0, now)).length,
    currentRevision: complete ? revisions.update : revisions.current,
    updateRevision: revisions.update,
    collisionCount: revisions.collisionCount,
    ...(observedGeneration === undefined ? {} : { observedGeneration }),
    ...(set.status?.conditions === undefined ? {} : { conditions: set.status.conditions }),
  };
}

function isRolling(set: StatefulSet): boolean {
  return set.spec?.updateStrategy?.type !== 'OnDelete';
}
