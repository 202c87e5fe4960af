import type { Pod } from '../../machinery/kinds/core.ts';
import { resolve } from '../int-or-percent.ts';
import type { Step } from '../steps.ts';
import { isTerminating } from './health.ts';
import { desiredReplicas, revisionOf } from './identity.ts';
import { isOrdered, isUnavailable, type Ensemble } from './replicas.ts';
import { deletePod } from './scaling.ts';

/**
 * Replaces pods of old revisions, the highest ordinal first, down to the partition, and no more than `maxUnavailable` at a time. A
 * pod is replaced by removing it: scaling makes it anew. Source: "StatefulSets", rolling updates.
 */
export function roll(ensemble: Ensemble): readonly Step[] {
  const { set, replicas, update } = ensemble;
  const { type, rollingUpdate } = set.spec?.updateStrategy ?? {};
  if (type === 'OnDelete') return [];
  const unavailable = replicas.filter(({ pod }) => isUnavailable(ensemble, pod)).length;
  const budget = Math.max(0, maxUnavailable(ensemble) - unavailable);
  const old = replicas.slice(rollingUpdate?.partition ?? 0).toReversed()
    .flatMap(({ pod }): readonly Pod[] => (pod !== undefined && !isTerminating(pod) && revisionOf(pod) !== update.name ? [pod] : []));
  // Without an order, those that serve nobody go first and cost nothing: an update must be able to mend what doesn't start.
  const broken = isOrdered(ensemble) ? [] : old.filter((pod) => isUnavailable(ensemble, pod));
  const others = old.filter((pod) => !broken.includes(pod)).slice(0, budget);
  return [...broken, ...others].map((pod) => deletePod(set, pod));
}

function maxUnavailable({ set }: Ensemble): number {
  return Math.max(1, resolve(set.spec?.updateStrategy?.rollingUpdate?.maxUnavailable ?? 1, desiredReplicas(set), Math.floor));
}
