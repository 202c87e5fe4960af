import { Job } from '../../machinery/kinds/batch.ts';
import { Pod } from '../../machinery/kinds/core.ts';
import { controllerOf } from '../../machinery/owner-references.ts';
import { matches, selectorOf } from '../../machinery/selectors.ts';
import { ApiError } from '../../machinery/status.ts';
import { keyOf } from '../../client/informer-store.ts';
import type { Caches } from '../caches.ts';
import { claim, type Claim } from '../claim.ts';
import { defineController, owns, watching } from '../define.ts';
import { requeueAfter, type Step } from '../steps.ts';
import { isFinished } from './conditions.ts';
import { end, manage, unmanaged } from './manage.ts';
import { ownManager, trackingFinalizer } from './names.ts';
import { report } from './report.ts';
import { tally, type Tally } from './tally.ts';
import { completion, deadlineLeft, verdict } from './verdict.ts';

/** Runs a Job's pods until enough of them have succeeded, or too many failed. Source: "Jobs"; "Job", batch/v1. */

export interface Observed {
  /** Its own, ended ones too, and those of the namespace that nobody manages. */
  readonly candidates: readonly Pod[];
}

export const jobController = defineController<Job, Observed>({
  name: 'job',
  primary: Job,
  watches: [owns(Pod, Job), watching(Pod, jobsWanting)],
  selects: isOurs,
  observe(job, { caches }) {
    const selector = selectorOf(job.spec?.selector);
    const orphans = caches.of(Pod).orphansIn(job.metadata?.namespace ?? '').filter((pod) => matches(selector, pod.metadata?.labels));
    return { candidates: [...caches.of(Pod).controlledBy(job.metadata?.uid ?? ''), ...orphans] };
  },
  plan,
  planFailure,
});

/** Jobs may be left to another controller, which then does all of this. Source: "Jobs: delegation of managing a Job object to external controller". */
export function isOurs({ spec }: Job): boolean {
  return spec?.managedBy === undefined || spec.managedBy === ownManager;
}

function jobsWanting(pod: Pod, caches: Caches): readonly string[] {
  if (controllerOf(pod.metadata) !== undefined) return [];
  return caches.of(Job).inNamespace(pod.metadata?.namespace ?? '').filter((job) => matches(selectorOf(job.spec?.selector), pod.metadata?.labels)).map(keyOf);
}

/** Pure: pods to make or remove, then what to tell, then the pods that were told of. */
export function plan(job: Job, { candidates }: Observed, now: number): readonly Step[] {
  if (!isOurs(job) || isFinished(job)) return [];
  const { claimed, steps } = claimedBy(job, candidates);
  // Who belongs to the Job decides everything else: that follows when the caches show it.
  if (steps.length > 0) return steps;
  const state = tally(job, claimed, now);
  const decided = verdict(state);
  const isManaged = decided === undefined && job.metadata?.deletionTimestamp === undefined;
  const managed = decided === undefined ? (isManaged ? manage(state) : unmanaged(state)) : end(state);
  const ending = decided ?? completion(state, managed.active);
  return [...managed.steps, ...report(state, { managed, ending, isManaged }), ...untilDeadline(state)];
}

function claimedBy(job: Job, candidates: readonly Pod[]): Claim<Pod> {
  return claim({ kind: Job, object: job, selector: selectorOf(job.spec?.selector), finalizer: trackingFinalizer }, Pod, candidates);
}

function untilDeadline({ job, now }: Tally): readonly Step[] {
  const left = deadlineLeft(job, now);
  return left === undefined || left <= 0 ? [] : [requeueAfter(left)];
}

/** Pods could not be made or removed: those that ended are counted all the same, and nothing is decided yet. */
export function planFailure(job: Job, { candidates }: Observed, failure: unknown, now: number): readonly Step[] {
  if (!(failure instanceof ApiError) || failure.reason === 'Conflict') return [];
  const state = tally(job, claimedBy(job, candidates).claimed, now);
  return report(state, { managed: unmanaged(state), ending: undefined, isManaged: false });
}
