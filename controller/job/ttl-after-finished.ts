import { findCondition } from '../../machinery/conditions.ts';
import { Job } from '../../machinery/kinds/batch.ts';
import { defineController } from '../define.ts';
import { at, requeueAfter, type Step } from '../steps.ts';
import { isFinished } from './conditions.ts';

/** Removes Jobs, and their pods before them, some time after they ended. Source: "Automatic Cleanup for Finished Jobs". */
export const ttlAfterFinishedController = defineController<Job, undefined>({
  name: 'ttl-after-finished',
  primary: Job,
  watches: [],
  selects: ({ spec }) => spec?.ttlSecondsAfterFinished !== undefined,
  observe: () => undefined,
  plan: (job, _observed, now) => plan(job, now),
});

/** Pure. */
export function plan(job: Job, now: number): readonly Step[] {
  const { ttlSecondsAfterFinished: seconds } = job.spec ?? {};
  if (seconds === undefined || !isFinished(job) || job.metadata?.deletionTimestamp !== undefined) return [];
  const { uid = '', resourceVersion } = job.metadata ?? {};
  const left = endedAt(job) + seconds * 1000 - now;
  if (left > 0) return [requeueAfter(left)];
  // Whoever gave it more time meanwhile is heard.
  return [{ type: 'delete', kind: Job, at: at(job), uid, propagationPolicy: 'Foreground', ...(resourceVersion === undefined ? {} : { resourceVersion }) }];
}

function endedAt({ status }: Job): number {
  const ends = ['Complete', 'Failed'].map((type) => findCondition(status?.conditions, type)).filter((condition) => condition?.status === 'True');
  return Math.max(...ends.map((condition) => Date.parse(condition?.lastTransitionTime ?? '')));
}
