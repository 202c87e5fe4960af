import { findCondition, timestamp } from '../../machinery/conditions.ts';
import type { Job, JobCondition } from '../../machinery/kinds/batch.ts';

/** What a Job's status says of it. Source: "Jobs: terminal Job conditions"; reasons and messages: Kubernetes' Job controller, as observed. */

export type JobStatus = NonNullable<Job['status']>;

/** How a Job ends: first announced, and true once its last pod is counted and gone. */
export interface Ending {
  readonly type: 'SuccessCriteriaMet' | 'FailureTarget';
  readonly reason?: string;
  readonly message?: string;
}

export function hasCondition({ status }: Job, type: string): boolean {
  return findCondition(status?.conditions, type)?.status === 'True';
}

export function isFinished(job: Job): boolean {
  return hasCondition(job, 'Complete') || hasCondition(job, 'Failed');
}

/** The list with the condition in it, stamped with `now` (milliseconds) when it changes; the same list when it doesn't. What is not so and never was is left out. */
export function noted(list: readonly JobCondition[], condition: Pick<JobCondition, 'type' | 'status' | 'reason' | 'message'>, now: number): readonly JobCondition[] {
  const present = findCondition(list, condition.type);
  if (present === undefined && condition.status === 'False') return list;
  if (present?.status === condition.status && present.reason === condition.reason && present.message === condition.message) return list;
  const stamped: JobCondition = { ...condition, lastProbeTime: timestamp(now), lastTransitionTime: timestamp(now) };
  return present === undefined ? [...list, stamped] : list.map((one) => (one === present ? stamped : one));
}
