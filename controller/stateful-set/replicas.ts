import type { StatefulSet } from '../../machinery/kinds/apps.ts';
import type { Pod, PodTemplateSpec } from '../../machinery/kinds/core.ts';
import type { ClaimOf } from './claims.ts';
import { isRunningAndAvailable, isTerminating } from './health.ts';
import { desiredReplicas, firstOrdinal, isWanted, ordinalOf } from './identity.ts';

/** A StatefulSet's pods, sorted into those that it wants and those beyond. */

/** The place of one pod that is wanted. */
export interface Replica {
  readonly ordinal: number;
  readonly pod: Pod | undefined;
}

/** A pod whose ordinal is not wanted (any more). */
export interface Condemned {
  readonly ordinal: number;
  readonly pod: Pod;
}

/** A revision's name, and its template: looked up when a pod is made of it. */
export interface Version {
  readonly name: string;
  template(): PodTemplateSpec;
}

export interface Ensemble {
  readonly set: StatefulSet;
  /** What pods below the partition are made of, */
  readonly current: Version;
  /** and all others. */
  readonly update: Version;
  /** By ordinal, lowest first. */
  readonly replicas: readonly Replica[];
  /** Highest ordinal first: the order in which they go. */
  readonly condemned: readonly Condemned[];
  readonly claimOf: ClaimOf;
  /** Milliseconds. */
  readonly now: number;
}

/** `pods` are all that the set manages, each with an ordinal. */
export function arrange(set: StatefulSet, pods: readonly Pod[]): Pick<Ensemble, 'replicas' | 'condemned'> {
  const placed = pods.flatMap((pod): readonly Condemned[] => {
    const ordinal = ordinalOf(set, pod);
    return ordinal === undefined ? [] : [{ ordinal, pod }];
  });
  const byOrdinal = new Map(placed.map(({ ordinal, pod }) => [ordinal, pod]));
  const first = firstOrdinal(set);
  return {
    replicas: Array.from({ length: desiredReplicas(set) }, (_unused, index) => ({ ordinal: first + index, pod: byOrdinal.get(first + index) })),
    condemned: placed.filter(({ ordinal }) => !isWanted(set, ordinal)).toSorted((a, b) => b.ordinal - a.ordinal),
  };
}

/** One after the other, each when those before it are available; otherwise all at once. */
export function isOrdered({ set }: Pick<Ensemble, 'set'>): boolean {
  return set.spec?.podManagementPolicy !== 'Parallel';
}

export function isUnavailable({ set, now }: Pick<Ensemble, 'set' | 'now'>, pod: Pod | undefined): boolean {
  return pod === undefined || isTerminating(pod) || !isRunningAndAvailable(pod, set.spec?.minReadySeconds ?? 0, now);
}

/** What a pod that is missing is made of: below a rolling update's partition the old template lives on. */
export function versionFor({ set, current, update }: Pick<Ensemble, 'set' | 'current' | 'update'>, ordinal: number): Version {
  const { type, rollingUpdate } = set.spec?.updateStrategy ?? {};
  if (type === 'OnDelete') return update;
  return ordinal < firstOrdinal(set) + (rollingUpdate?.partition ?? 0) ? current : update;
}
