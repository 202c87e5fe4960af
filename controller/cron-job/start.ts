import { CronJob, Job } from '../../machinery/kinds/batch.ts';
import { messageOf } from '../../machinery/thrown.ts';
import { referenceTo } from '../../client/events.ts';
import { event, requeueAfter, type DeleteStep, type EventStep, type Step } from '../steps.ts';
import { dueAt, untilNext } from './due.ts';
import { jobFor, nameFor } from './jobs.ts';
import type { Active, Look } from './look.ts';
import { parseSchedule, type Schedule } from './schedule.ts';

/** Is it time for a Job, and may it start? Source: "CronJob: concurrency policy", "deadline for delayed Job start", "schedule suspension". */

export interface Start {
  readonly steps: readonly Step[];
  /** Uids of Jobs that have to make room first. */
  readonly replaced: ReadonlySet<string>;
}

function noStart(...steps: readonly Step[]): Start {
  return { steps, replaced: new Set() };
}

export function start(cronJob: CronJob, seen: Look, rescheduledAt: number, now: number): Start {
  const { spec } = cronJob;
  if (cronJob.metadata?.deletionTimestamp !== undefined || spec?.suspend === true) return noStart();
  const schedule = read(cronJob);
  if ('type' in schedule) return noStart(schedule);
  const deadline = spec?.startingDeadlineSeconds === undefined ? 0 : now - spec.startingDeadlineSeconds * 1000;
  const due = dueAt(cronJob, { lastScheduleTime: seen.lastScheduleTime, notBefore: Math.max(rescheduledAt, deadline) }, schedule, now);
  if (typeof due === 'string') return noStart(warning(cronJob, 'InvalidSchedule', `invalid schedule: ${spec?.schedule} : ${due}`));
  const tooMany = due.at !== undefined && due.missed === 'many'
    ? [warning(cronJob, 'TooManyMissedTimes', 'too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew')] : [];
  const attempt = due.at === undefined ? undefined : attemptAt(cronJob, seen, due.at, now);
  const next = untilNext(cronJob, { lastScheduleTime: attempt?.startedAt ?? seen.lastScheduleTime, notBefore: rescheduledAt }, schedule, now);
  return {
    steps: [...tooMany, ...(attempt?.steps ?? []), ...(next === undefined ? [] : [requeueAfter(next)])],
    replaced: attempt?.replaced ?? new Set(),
  };
}

function read(cronJob: CronJob): Schedule | EventStep {
  const { schedule = '', timeZone } = cronJob.spec ?? {};
  try {
    return parseSchedule(schedule, timeZone);
  } catch (error) {
    return warning(cronJob, 'UnparseableSchedule', `unparseable schedule: ${JSON.stringify(schedule)} : ${messageOf(error)}`);
  }
}

function attemptAt(cronJob: CronJob, { active, lastScheduleTime }: Look, at: number, now: number): Start & { readonly startedAt?: string } {
  const { startingDeadlineSeconds, concurrencyPolicy } = cronJob.spec ?? {};
  if (startingDeadlineSeconds !== undefined && at + startingDeadlineSeconds * 1000 < now) {
    return noStart(warning(cronJob, 'MissSchedule', `Missed scheduled time to start a job: ${new Date(at).toUTCString().replace('GMT', '+0000')}`));
  }
  if (active.some(({ name }) => name === nameFor(cronJob, at)) || Date.parse(lastScheduleTime ?? '') === at) return noStart();
  if (concurrencyPolicy === 'Forbid' && active.length > 0) {
    return noStart(event(referenceTo(CronJob, cronJob), 'Normal', 'JobAlreadyActive', 'Not starting job because prior execution is running and concurrency policy is Forbid'));
  }
  const replaced = concurrencyPolicy === 'Replace' ? active : [];
  return {
    steps: [...replaced.map((job) => removeJob(cronJob, job)), create(cronJob, at)],
    replaced: new Set(replaced.map(({ uid = '' }) => uid)), startedAt: new Date(at).toISOString(),
  };
}

function create(cronJob: CronJob, at: number): Step {
  return {
    type: 'create', kind: Job, object: jobFor(cronJob, at), existingIsFine: true,
    done: (name) => event(referenceTo(CronJob, cronJob), 'Normal', 'SuccessfulCreate', `Created job ${name}`),
    failed: (error) => warning(cronJob, 'FailedCreate', `Error creating job: ${error.message}`),
  };
}

/** Its pods go with it. */
export function removeJob(cronJob: CronJob, { namespace = '', name = '', uid = '' }: Active): DeleteStep {
  return {
    type: 'delete', kind: Job, at: { namespace, name }, uid, propagationPolicy: 'Background',
    done: () => event(referenceTo(CronJob, cronJob), 'Normal', 'SuccessfulDelete', `Deleted job ${name}`),
    failed: (error) => warning(cronJob, 'FailedDelete', `Deleted job: ${error.message}`),
  };
}

function warning(cronJob: CronJob, reason: string, message: string): EventStep {
  return event(referenceTo(CronJob, cronJob), 'Warning', reason, message);
}
