import { findCondition } from '../../machinery/conditions.ts';
import type { Job } from '../../machinery/kinds/batch.ts';
import type { Pod } from '../../machinery/kinds/core.ts';
import { hasCondition, type Ending } from './conditions.ts';
import { isFailed } from './ended-pods.ts';
import { countOf, countShared, parseIndexes, type Indexes } from './indexes.ts';
import { meaningOf } from './pod-failure-policy.ts';
import { isSuspended, type IndexTally, type Tally } from './tally.ts';

/** Is the Job decided before its work is done? What was announced stays. Source: "Jobs"; reasons and messages: Kubernetes' Job controller, as observed. */
export function verdict(tally: Tally): Ending | undefined {
  const { job, pods, indexes } = tally;
  return announced(job) ?? failedByPolicy(job, pods) ?? overLimit(tally) ?? (indexes === undefined ? undefined : ofIndexes(job, indexes));
}

/** All the work is done; `active`: pods that are left. */
export function completion({ job, succeeded }: Tally, active: number): Ending | undefined {
  const { completions } = job.spec ?? {};
  const enough = completions === undefined ? succeeded > 0 : succeeded >= completions;
  return enough && active === 0 ? { type: 'SuccessCriteriaMet', reason: 'CompletionsReached', message: 'Reached expected number of succeeded pods' } : undefined;
}

function announced(job: Job): Ending | undefined {
  for (const type of ['SuccessCriteriaMet', 'FailureTarget'] as const) {
    if (!hasCondition(job, type)) continue;
    const { reason, message } = findCondition(job.status?.conditions, type) ?? {};
    return { type, ...(reason === undefined ? {} : { reason }), ...(message === undefined ? {} : { message }) };
  }
  return undefined;
}

function failure(reason: string, message: string): Ending {
  return { type: 'FailureTarget', reason, message };
}

function failedByPolicy(job: Job, pods: readonly Pod[]): Ending | undefined {
  const policy = job.spec?.podFailurePolicy;
  if (policy === undefined) return undefined;
  for (const pod of pods) {
    const message = isFailed(pod, job) ? meaningOf(pod, policy).failsJob : undefined;
    if (message !== undefined) return failure('PodFailurePolicy', message);
  }
  return undefined;
}

function overLimit({ job, pods, failed, now }: Tally): Ending | undefined {
  const { backoffLimit = 6 } = job.spec ?? {};
  if (failed > backoffLimit || restartsOver(job, pods, backoffLimit)) return failure('BackoffLimitExceeded', 'Job has reached the specified backoff limit');
  const left = deadlineLeft(job, now);
  return left !== undefined && left <= 0 ? failure('DeadlineExceeded', 'Job was active longer than specified deadline') : undefined;
}

/** Containers that are restarted in their pod count like failed pods, while the pod lives. */
function restartsOver({ spec }: Job, pods: readonly Pod[], limit: number): boolean {
  if (spec?.template.spec?.restartPolicy !== 'OnFailure') return false;
  const restarts = pods.filter(({ status }) => status?.phase === 'Running' || status?.phase === 'Pending')
    .flatMap(({ status }) => [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])])
    .reduce((sum, { restartCount }) => sum + restartCount, 0);
  return limit === 0 ? restarts > 0 : restarts >= limit;
}

/** Milliseconds until the Job has been active for too long; undefined while nothing counts them. */
export function deadlineLeft(job: Job, now: number): number | undefined {
  const { activeDeadlineSeconds } = job.spec ?? {};
  if (activeDeadlineSeconds === undefined || isSuspended(job)) return undefined;
  const startedAt = job.status?.startTime === undefined ? now : Date.parse(job.status.startTime);
  return startedAt + activeDeadlineSeconds * 1000 - now;
}

function ofIndexes({ spec }: Job, { completed, failed }: IndexTally): Ending | undefined {
  const { completions = 0, maxFailedIndexes } = spec ?? {};
  const failures = failed === undefined ? 0 : countOf(failed);
  if (maxFailedIndexes !== undefined && failures > maxFailedIndexes) {
    return failure('MaxFailedIndexesExceeded', 'Job has exceeded the specified maximal number of failed indexes');
  }
  if (failures > 0 && failures + countOf(completed) >= completions) return failure('FailedIndexes', 'Job has failed indexes');
  const rule = (spec?.successPolicy?.rules ?? []).findIndex((one) => suffices(one, completed, completions));
  return rule < 0 ? undefined : { type: 'SuccessCriteriaMet', reason: 'SuccessPolicy', message: `Matched rules at index ${rule}` };
}

type SuccessRule = NonNullable<NonNullable<Job['spec']>['successPolicy']>['rules'][number];

function suffices({ succeededIndexes, succeededCount }: SuccessRule, completed: Indexes, completions: number): boolean {
  if (completed.length === 0) return false;
  if (succeededIndexes === undefined) return succeededCount !== undefined && countOf(completed) >= succeededCount;
  const required = parseIndexes(succeededIndexes, completions);
  return required.length > 0 && countShared(required, completed) >= (succeededCount ?? countOf(required));
}
