import type { DaemonSet } from '../../machinery/kinds/apps.ts';
import { isReady } from '../../machinery/pod/readiness.ts';
import { counts } from '../counts.ts';
import { desired, isAvailableIn, isUpdated, type Fleet } from './fleet.ts';

type Status = NonNullable<DaemonSet['status']>;

/** How many nodes have what they should have. Of several pods on a node the first counts. Source: "DaemonSetStatus", apps/v1. */
export function statusOf(fleet: Fleet, collisionCount: number | undefined): Status {
  const { set, berths } = fleet;
  const manned = berths.filter(({ placement, pods }) => placement.shouldRun && pods.length > 0);
  const firsts = manned.flatMap(({ pods }) => pods.slice(0, 1));
  const numberAvailable = firsts.filter((pod) => isReady(pod) && isAvailableIn(fleet, pod)).length;
  const observedGeneration = set.metadata?.generation;
  return {
    desiredNumberScheduled: desired(fleet),
    currentNumberScheduled: manned.length,
    numberMisscheduled: berths.filter(({ placement, pods }) => !placement.shouldRun && pods.length > 0).length,
    numberReady: firsts.filter(isReady).length,
    ...counts({ updatedNumberScheduled: firsts.filter((pod) => isUpdated(fleet, pod)).length, numberAvailable, numberUnavailable: desired(fleet) - numberAvailable }),
    ...(observedGeneration === undefined ? {} : { observedGeneration }),
    ...(collisionCount === undefined ? {} : { collisionCount }),
    ...(set.status?.conditions === undefined ? {} : { conditions: set.status.conditions }),
  };
}
