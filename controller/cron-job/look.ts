import { timestamp } from '../../machinery/conditions.ts';
import { CronJob, Job } from '../../machinery/kinds/batch.ts';
import { referenceTo } from '../../client/events.ts';
import { hasCondition, isFinished } from '../job/conditions.ts';
import { event, type EventStep } from '../steps.ts';
import { timeOf } from './jobs.ts';

/** What a CronJob's Jobs say. One that was made just before a crash is found here: nothing else has to remember it. */

export type Status = NonNullable<CronJob['status']>;
export type Active = NonNullable<Status['active']>[number];

export interface Look {
  readonly active: readonly Active[];
  readonly lastScheduleTime?: string;
  readonly lastSuccessfulTime?: string;
  readonly events: readonly EventStep[];
}

export function look(cronJob: CronJob, jobs: readonly Job[]): Look {
  const about = referenceTo(CronJob, cronJob);
  const { active: listed = [], lastScheduleTime, lastSuccessfulTime } = cronJob.status ?? {};
  const known = new Map(jobs.map((job) => [job.metadata?.uid, job]));
  const active: Active[] = [];
  const events: EventStep[] = [];
  for (const reference of listed) {
    const job = known.get(reference.uid);
    if (job === undefined) events.push(event(about, 'Normal', 'MissingJob', `Active job went missing: ${reference.name}`));
    else if (isFinished(job)) events.push(event(about, 'Normal', 'SawCompletedJob', `Saw completed job: ${reference.name}, condition: ${hasCondition(job, 'Complete') ? 'Complete' : 'Failed'}`));
    else active.push(reference);
  }
  for (const job of jobs.filter((one) => !isFinished(one) && !listed.some(({ uid }) => uid === one.metadata?.uid))) {
    if (timeOf(job, cronJob) !== undefined) active.push(referenceTo(Job, job));
    else events.push(event(about, 'Warning', 'UnexpectedJob', `Saw a job that the controller did not create or forgot: ${job.metadata?.name}`));
  }
  const scheduled = jobs.map((job) => timeOf(job, cronJob)).filter((at) => at !== undefined).map(timestamp);
  const succeeded = jobs.filter((job) => hasCondition(job, 'Complete')).map(({ status }) => status?.completionTime).filter((time) => time !== undefined);
  return { active, events, ...latest('lastScheduleTime', [lastScheduleTime, ...scheduled]), ...latest('lastSuccessfulTime', [lastSuccessfulTime, ...succeeded]) };
}

function latest<K extends string>(field: K, times: readonly (string | undefined)[]): { readonly [N in K]?: string } {
  const last = times.filter((time) => time !== undefined).toSorted().at(-1);
  // One entry, of that name.
  return (last === undefined ? {} : { [field]: last }) as { readonly [N in K]?: string };
}
