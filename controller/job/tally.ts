import type { Job } from '../../machinery/kinds/batch.ts';
import type { Pod } from '../../machinery/kinds/core.ts';
import { isActive, isReady, isTerminal } from '../../machinery/pod/readiness.ts';
import { allFailures, endedAt, failuresBefore, hasPlace, indexOf, isFailed, isIndexed, isTracked } from './ended-pods.ts';
import { countOf, hasIndex, indexesOf, parseIndexes, union, type Indexes } from './indexes.ts';
import { meaningOf } from './pod-failure-policy.ts';

/** A Job and its pods, added up: what its status counts already, and what its pods show beyond that. */
export interface Tally {
  readonly job: Job;
  readonly now: number;
  readonly pods: readonly Pod[];
  readonly active: readonly Pod[];
  readonly ready: number;
  /** Pods that are being deleted and haven't ended. */
  readonly terminating: number;
  /** Uids in `status.uncountedTerminatedPods`. */
  readonly uncounted: { readonly succeeded: ReadonlySet<string>; readonly failed: ReadonlySet<string> };
  readonly succeeded: number;
  readonly failed: number;
  /** Of Indexed Jobs. */
  readonly indexes?: IndexTally;
}

export interface IndexTally {
  /** Completed as the status has it. */
  readonly before: Indexes;
  readonly completed: Indexes;
  /** Only with `backoffLimitPerIndex`. */
  readonly failed?: Indexes;
  /** The last failed pod of each index without another: its replacement must learn from it how often the index has failed. */
  readonly toReplace: ReadonlyMap<number, Pod>;
}

export function isSuspended({ spec }: Job): boolean {
  return spec?.suspend === true;
}

export function tally(job: Job, pods: readonly Pod[], now: number): Tally {
  const { succeeded = 0, failed = 0, uncountedTerminatedPods: listed } = job.status ?? {};
  const uncounted = { succeeded: new Set(listed?.succeeded), failed: new Set(listed?.failed) };
  const active = pods.filter(isActive);
  const isNew = (pod: Pod): boolean => {
    const { uid = '' } = pod.metadata ?? {};
    return isTracked(pod) && hasPlace(pod, job) && !uncounted.succeeded.has(uid) && !uncounted.failed.has(uid);
  };
  const fresh = pods.filter(isNew);
  const newlySucceeded = fresh.filter(({ status }) => status?.phase === 'Succeeded').length;
  const newlyFailed = fresh.filter((pod) => isFailed(pod, job) && meaningOf(pod, job.spec?.podFailurePolicy).counts).length;
  const indexes = isIndexed(job) ? tallyIndexes(job, pods, active) : undefined;
  return {
    job, now, pods, active, uncounted,
    ready: active.filter(isReady).length,
    terminating: pods.filter((pod) => pod.metadata?.deletionTimestamp !== undefined && !isTerminal(pod)).length,
    succeeded: indexes === undefined ? succeeded + newlySucceeded + uncounted.succeeded.size : countOf(indexes.completed),
    failed: failed + newlyFailed + uncounted.failed.size,
    ...(indexes === undefined ? {} : { indexes }),
  };
}

function tallyIndexes(job: Job, pods: readonly Pod[], active: readonly Pod[]): IndexTally {
  const { completions = 0, backoffLimitPerIndex } = job.spec ?? {};
  const before = parseIndexes(job.status?.completedIndexes, completions);
  const tracked = pods.filter((pod) => isTracked(pod) && hasPlace(pod, job));
  const indexesWhere = (condition: (pod: Pod) => boolean): Indexes => indexesOf(tracked.filter(condition).map((pod) => indexOf(pod) ?? 0));
  const completed = union(before, indexesWhere(({ status }) => status?.phase === 'Succeeded'));
  if (backoffLimitPerIndex === undefined) return { before, completed, toReplace: new Map() };
  const failed = union(parseIndexes(job.status?.failedIndexes, completions), indexesWhere((pod) => failsIndex(pod, job, backoffLimitPerIndex)));
  return { before, completed, failed, toReplace: toReplace(job, tracked, active, union(completed, failed)) };
}

function failsIndex(pod: Pod, job: Job, limit: number): boolean {
  if (!isFailed(pod, job)) return false;
  const { action, counts } = meaningOf(pod, job.spec?.podFailurePolicy);
  return action === 'FailIndex' || (counts && failuresBefore(pod).counted >= limit);
}

function toReplace(job: Job, tracked: readonly Pod[], active: readonly Pod[], done: Indexes): ReadonlyMap<number, Pod> {
  const running = new Set(active.map(indexOf));
  const last = new Map<number, Pod>();
  for (const pod of tracked) {
    const index = indexOf(pod);
    if (index === undefined || !isFailed(pod, job) || running.has(index) || hasIndex(done, index)) continue;
    const other = last.get(index);
    if (other === undefined || isLater(pod, other)) last.set(index, pod);
  }
  return last;
}

function isLater(pod: Pod, other: Pod): boolean {
  return allFailures(pod) >= allFailures(other) && endedAt(pod) >= endedAt(other);
}
