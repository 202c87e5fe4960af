import { CronJob, Job } from '../../machinery/kinds/batch.ts';
import { referenceTo } from '../../client/events.ts';
import type { Caches } from '../caches.ts';
import { defineController, owns, type Controller } from '../define.ts';
import { hasCondition } from '../job/conditions.ts';
import { status, type Step } from '../steps.ts';
import { look, type Status } from './look.ts';
import { removeJob, start } from './start.ts';

/** Makes Jobs at the times of a schedule, and keeps the last few of them. Source: "CronJob"; reasons and messages: Kubernetes' CronJob controller, as observed. */

export interface Observed {
  /** Those that it manages. */
  readonly jobs: readonly Job[];
  /** Its schedule is another one since then (milliseconds): earlier times are not its. 0: not that anybody knows. */
  readonly rescheduledAt: number;
}

export function cronJobController(): Controller {
  const schedules = new Map<string, { readonly schedule: string; readonly rescheduledAt: number }>();
  return defineController<CronJob, Observed>({
    name: 'cronjob',
    component: 'cronjob-controller',
    primary: CronJob,
    watches: [owns(Job, CronJob)],
    observe(cronJob, { caches, now }) {
      forgetGone(schedules, caches);
      const { uid = '' } = cronJob.metadata ?? {};
      const schedule = `${cronJob.spec?.timeZone ?? ''} ${cronJob.spec?.schedule ?? ''}`;
      const known = schedules.get(uid);
      const rescheduledAt = known === undefined || known.schedule === schedule ? known?.rescheduledAt ?? 0 : now;
      schedules.set(uid, { schedule, rescheduledAt });
      return { jobs: caches.of(Job).controlledBy(uid), rescheduledAt };
    },
    plan,
  });
}

function forgetGone(schedules: Map<string, unknown>, caches: Caches): void {
  const present = caches.of(CronJob).list();
  if (schedules.size <= present.length) return;
  const uids = new Set(present.map(({ metadata }) => metadata?.uid));
  for (const uid of schedules.keys()) if (!uids.has(uid)) schedules.delete(uid);
}

/** Pure: what is known of its Jobs is told, then old ones go, then a new one may start. */
export function plan(cronJob: CronJob, { jobs, rescheduledAt }: Observed, now: number): readonly Step[] {
  const seen = look(cronJob, jobs);
  const { steps, replaced } = start(cronJob, seen, rescheduledAt, now);
  const { active, lastScheduleTime, lastSuccessfulTime } = seen;
  const left = active.filter(({ uid = '' }) => !replaced.has(uid));
  const wanted: Status = {
    ...(left.length === 0 ? {} : { active: left }),
    ...(lastScheduleTime === undefined ? {} : { lastScheduleTime }),
    ...(lastSuccessfulTime === undefined ? {} : { lastSuccessfulTime }),
  };
  // Told first: a Job that is gone can't be asked any longer what it was for.
  return [status(CronJob, cronJob, wanted), ...seen.events, ...pastHistory(cronJob, jobs).map((job) => removeJob(cronJob, referenceTo(Job, job))), ...steps];
}

/** Source: "CronJob: Jobs history limits". */
function pastHistory({ spec }: CronJob, jobs: readonly Job[]): readonly Job[] {
  const past = (type: string, limit: number | undefined): readonly Job[] => {
    const ended = jobs.filter((job) => hasCondition(job, type) && job.metadata?.deletionTimestamp === undefined).toSorted(byStart);
    return limit === undefined ? [] : ended.slice(0, Math.max(0, ended.length - limit));
  };
  return [...past('Complete', spec?.successfulJobsHistoryLimit), ...past('Failed', spec?.failedJobsHistoryLimit)];
}

function byStart(a: Job, b: Job): number {
  return startOf(a) < startOf(b) ? -1 : 1;
}

/** Times of one form are ordered as texts; what never started is the newest. */
function startOf({ metadata, status: given }: Job): string {
  return `${given?.startTime ?? '~'} ${metadata?.name}`;
}
