import type { Job } from '../../machinery/kinds/batch.ts';
import type { Pod } from '../../machinery/kinds/core.ts';
import type { Ending, JobStatus } from './conditions.ts';
import { hasPlace, indexOf, isFailed, isIndexed, isTracked } from './ended-pods.ts';
import { countOf } from './indexes.ts';
import { meaningOf } from './pod-failure-policy.ts';
import type { Tally } from './tally.ts';

/**
 * Counts ended pods once and only once. An ended pod's uid goes into `status.uncountedTerminatedPods`; then the pod loses its
 * finalizer and may go; then its uid moves into the count. Whoever is interrupted in between sees from the two where it stood.
 * Indexes need no such list: one that is completed is so however often it is said. Source: KEP-2307.
 */

export interface Counted {
  readonly succeeded: number;
  readonly failed: number;
  readonly uncounted: NonNullable<JobStatus['uncountedTerminatedPods']>;
  /** Pods that lose their finalizer once the status is written. */
  readonly released: readonly Pod[];
  /** Is no pod left to count? */
  readonly isAll: boolean;
}

/** Pods that are counted in one pass, so that the status stays small and big Jobs don't starve others. */
const mostAtOnce = 500;

export function count(tally: Tally, ending: Ending | undefined): Counted {
  const { job, pods, indexes, uncounted: listed } = tally;
  const tracked = pods.filter(isTracked);
  const held = new Set(tracked.map(uidOf));
  const succeeded = [...listed.succeeded].filter((uid) => held.has(uid));
  const failed = [...listed.failed].filter((uid) => held.has(uid));
  const counted = {
    succeeded: indexes === undefined ? (job.status?.succeeded ?? 0) + listed.succeeded.size - succeeded.length : countOf(indexes.completed),
    failed: (job.status?.failed ?? 0) + listed.failed.size - failed.length,
  };
  const released = inOrder(job, tracked).filter((pod) => mayGo(tally, pod, ending)).slice(0, mostAtOnce);
  for (const pod of released) {
    const uid = uidOf(pod);
    if (listed.succeeded.has(uid) || listed.failed.has(uid)) continue;
    if (pod.status?.phase === 'Succeeded') succeeded.push(...(isIndexed(job) ? [] : [uid]));
    else if (countsAsFailed(job, pod, ending)) failed.push(uid);
  }
  const uncounted = { ...(succeeded.length === 0 ? {} : { succeeded }), ...(failed.length === 0 ? {} : { failed }) };
  return { ...counted, uncounted, released, isAll: held.size === 0 };
}

function uidOf({ metadata }: Pod): string {
  return metadata?.uid ?? '';
}

function inOrder(job: Job, pods: readonly Pod[]): readonly Pod[] {
  return isIndexed(job) ? pods.toSorted((a, b) => (indexOf(a) ?? -1) - (indexOf(b) ?? -1)) : pods;
}

/** Ended pods, and all of a Job that is over. A pod whose replacement must learn from it stays until that is there. */
function mayGo({ job, indexes }: Tally, pod: Pod, ending: Ending | undefined): boolean {
  if (job.metadata?.deletionTimestamp !== undefined || ending !== undefined || pod.status?.phase === 'Succeeded') return true;
  if (!isFailed(pod, job)) return false;
  const index = indexOf(pod);
  return index === undefined || uidOf(indexes?.toReplace.get(index) ?? {}) !== uidOf(pod);
}

/** In a Job that has failed whatever hasn't ended has failed. */
function countsAsFailed(job: Job, pod: Pod, ending: Ending | undefined): boolean {
  if (!isFailed(pod, job) && ending?.type !== 'FailureTarget') return false;
  return hasPlace(pod, job) && meaningOf(pod, job.spec?.podFailurePolicy).counts;
}
