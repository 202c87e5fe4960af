import { Job } from '../../machinery/kinds/batch.ts';
import { Pod } from '../../machinery/kinds/core.ts';
import { isReady, isTerminal } from '../../machinery/pod/readiness.ts';
import { referenceTo } from '../../client/events.ts';
import { leastWanted } from '../replicaset/least-wanted.ts';
import { at, event, requeueAfter, type CreateStep, type DeleteStep, type PatchStep, type Step } from '../steps.ts';
import { backoffLeft, indexBackoffLeft } from './backoff.ts';
import { hasPlace, indexOf, isIndexed, isTracked, replacesOnlyFailed } from './ended-pods.ts';
import { firstAbsent, indexesOf, union } from './indexes.ts';
import { trackingFinalizer } from './names.ts';
import { podOf, podOfIndex } from './pods.ts';
import { isSuspended, type IndexTally, type Tally } from './tally.ts';

/** As many pods as the Job can use at a time: never more than are left to complete. Source: "Jobs: controlling parallelism". */

/** What is to be done, and the pods that there are once it is. */
export interface Managed {
  readonly steps: readonly Step[];
  readonly active: number;
  readonly ready: number;
  readonly terminating: number;
}

/** Pods made or removed in one pass. */
const burst = 500;

export function unmanaged({ active, ready, terminating }: Tally): Managed {
  return { steps: [], active: active.length, ready, terminating };
}

export function manage(tally: Tally): Managed {
  const { job, active } = tally;
  if (isSuspended(job)) return forgo(tally, active);
  const wanted = wantedActive(tally);
  const superfluous = leftOver(tally, Math.max(0, active.length - wanted)).slice(0, burst);
  // One thing at a time: with room again, the next pass makes what is missing.
  if (superfluous.length > 0) return forgo(tally, superfluous);
  const lost = active.filter((pod) => !isTracked(pod));
  if (lost.length > 0) return { ...unmanaged(tally), steps: [{ type: 'together', steps: lost.map(track) }] };
  const coming = replacesOnlyFailed(job) ? tally.terminating : 0;
  const missing = wanted - coming - active.length;
  return missing > 0 ? make(tally, missing) : unmanaged(tally);
}

/** A decided Job's pods end, and stay until they are counted. */
export function end(tally: Tally): Managed {
  return removal(tally, tally.active, [{ type: 'together', steps: tally.active.map((pod) => remove(tally.job, pod)) }]);
}

/** Pods that the Job doesn't need any longer neither failed nor succeeded: they are let go uncounted, before they are removed. */
function forgo(tally: Tally, pods: readonly Pod[]): Managed {
  return removal(tally, pods, [
    { type: 'together', steps: pods.filter(isTracked).map(release) },
    { type: 'together', steps: pods.map((pod) => remove(tally.job, pod)) },
  ]);
}

function removal({ active, ready, terminating }: Tally, pods: readonly Pod[], steps: readonly Step[]): Managed {
  return {
    steps: pods.length === 0 ? [] : steps,
    active: active.length - pods.length, ready: ready - pods.filter(isReady).length, terminating: terminating + pods.length,
  };
}

function wantedActive({ job, active, succeeded }: Tally): number {
  const { completions, parallelism = 1 } = job.spec ?? {};
  // A work queue: once one has found it empty, nobody is sent there any longer.
  if (completions === undefined) return succeeded > 0 ? active.length : parallelism;
  return Math.max(0, Math.min(parallelism, completions - succeeded));
}

/** Pods in each other's place or without one, and of the others as many as make `atLeast`. */
function leftOver({ job, active, now }: Tally, atLeast: number): readonly Pod[] {
  const misplaced = isIndexed(job) ? [...active.filter((pod) => !hasPlace(pod, job)), ...repeated(active.filter((pod) => hasPlace(pod, job)), now)] : [];
  if (misplaced.length >= atLeast) return misplaced;
  const others = active.filter((pod) => !misplaced.includes(pod));
  return [...misplaced, ...leastWanted(others, [], atLeast - misplaced.length, now)];
}

/** All but the most wanted of each index. */
function repeated(pods: readonly Pod[], now: number): readonly Pod[] {
  const byIndex = Map.groupBy(pods, indexOf);
  return [...byIndex.values()].flatMap((same) => (same.length < 2 ? [] : leastWanted(same, [], same.length - 1, now)));
}

function make(tally: Tally, missing: number): Managed {
  const { job, pods, now, active, indexes } = tally;
  const present = unmanaged(tally);
  const waitMs = indexes?.failed === undefined ? backoffLeft(job, pods, now) : 0;
  if (waitMs > 0) return { ...present, steps: [requeueAfter(waitMs)] };
  const count = Math.min(missing, burst);
  const { made, waits } = indexes === undefined ? { made: Array.from({ length: count }, () => podOf(job)), waits: [] } : ofIndexes(tally, indexes, count);
  const steps: Step[] = made.length === 0 ? [] : [{ type: 'slowStart', steps: made.map((pod) => create(job, pod)) }];
  if (waits.length > 0) steps.push(requeueAfter(Math.min(...waits)));
  return { ...present, steps, active: active.length + made.length };
}

function ofIndexes({ job, pods, active, now }: Tally, { completed, failed = [], toReplace }: IndexTally, count: number): { readonly made: readonly Pod[]; readonly waits: readonly number[] } {
  const ending = replacesOnlyFailed(job) ? pods.filter((pod) => pod.metadata?.deletionTimestamp !== undefined && !isTerminal(pod)) : [];
  const held = indexesOf([...active, ...ending].map(indexOf).filter((index) => index !== undefined));
  const missing = firstAbsent(union(completed, failed, held), count, job.spec?.completions ?? 0);
  const waits = missing.map((index) => indexBackoffLeft(toReplace.get(index), now)).filter((ms) => ms > 0);
  const ready = missing.filter((index) => indexBackoffLeft(toReplace.get(index), now) <= 0);
  return { made: ready.map((index) => podOfIndex(job, index, toReplace.get(index))), waits };
}

function create(job: Job, pod: Pod): CreateStep {
  const about = referenceTo(Job, job);
  return {
    type: 'create', kind: Pod, object: pod,
    done: (name) => event(about, 'Normal', 'SuccessfulCreate', `Created pod: ${name}`),
    failed: (error) => event(about, 'Warning', 'FailedCreate', `Error creating: ${error.message}`),
  };
}

function remove(job: Job, pod: Pod): DeleteStep {
  const about = referenceTo(Job, job);
  return {
    type: 'delete', kind: Pod, at: at(pod), uid: pod.metadata?.uid ?? '',
    done: () => event(about, 'Normal', 'SuccessfulDelete', `Deleted pod: ${pod.metadata?.name}`),
    failed: (error) => event(about, 'Warning', 'FailedDelete', `Error deleting: ${error.message}`),
  };
}

/** A pod that was let go, and is wanted after all, or that somebody took the finalizer off: it would end uncounted. */
function track(pod: Pod): PatchStep {
  return finalizers(pod, { finalizers: [trackingFinalizer] });
}

export function release(pod: Pod): PatchStep {
  return finalizers(pod, { '$deleteFromPrimitiveList/finalizers': [trackingFinalizer] });
}

function finalizers(pod: Pod, change: object): PatchStep {
  return {
    type: 'patch', kind: Pod, at: at(pod), patchType: 'application/strategic-merge-patch+json', goneIsFine: true,
    body: { metadata: { uid: pod.metadata?.uid ?? '', ...change } },
  };
}
