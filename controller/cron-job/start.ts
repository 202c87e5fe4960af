import { CronJob, Job } from '../../machinery/kinds/batch.ts';
import { messageOf } from '../../machinery/thrown.ts';
import { referenceTo } from '../../client/events.ts';
import { event, requeueAfter, type DeleteStep, type EventStep, type Step } from '../steps.ts';
import { dueAt, untilNext, type Due } from './due.ts';
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
  const from = { lastScheduleTime: seen.lastScheduleTime, notBefore: rescheduledAt };
  const deadline = spec?.startingDeadlineSeconds === undefined ? 0 : now - spec.startingDeadlineSeconds * 1000;
  const due = dueAt(cronJob, { ...from, notBefore: Math.max(rescheduledAt, deadline) }, schedule, now);
  if (typeof due === 'string') return noStart(warning(cronJob, 'InvalidSchedule', `invalid schedule: ${spec?.schedule} : ${due}`));
  const tooMany = due.at !== undefined && due.missed === 'many'
    ? [warning(cronJob, 'TooManyMissedTimes', 'too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew')] : [];
  const attempt = due.at === undefined ? missed(cronJob, dueAt(cronJob, from, schedule, now)) : attemptAt(cronJob, seen, due.at);
  const next = untilNext(cronJob, { ...from, lastScheduleTime: attempt.startedAt ?? seen.lastScheduleTime }, schedule, now);
  return {
    steps: [...tooMany, ...attempt.steps, ...(next === undefined ? [] : [requeueAfter(next)])],
    replaced: attempt.replaced,
  };
}

function read(cronJob: CronJob): Schedule | EventStep {
  const { schedule = '', timeZone } = cronJob.spec ?? {};
  const zoneFault = faultOf(timeZone);
  if (zoneFault !== undefined) return warning(cronJob, 'UnknownTimeZone', `invalid timeZone: ${JSON.stringify(timeZone)}: ${zoneFault}`);
  try {
    return parseSchedule(schedule, timeZone);
  } catch (error) {
    return warning(cronJob, 'UnparseableSchedule', `unparseable schedule: ${JSON.stringify(schedule)} : ${messageOf(error)}`);
  }
}

/** What the machine can't make of a zone: its database may be older than the one that the zone was checked by. */
function faultOf(timeZone: string | undefined): string | undefined {
  try {
    Temporal.Instant.fromEpochMilliseconds(0).toZonedDateTimeISO(timeZone ?? 'UTC');
    return undefined;
  } catch {
    return `unknown time zone ${timeZone}`;
  }
}

interface Attempt extends Start {
  readonly startedAt?: string;
}

/** It had a time that is now past its deadline. */
function missed(cronJob: CronJob, due: Due | string): Attempt {
  if (typeof due === 'string' || due.at === undefined) return noStart();
  return noStart(warning(cronJob, 'MissSchedule', `Missed scheduled time to start a job: ${new Date(due.at).toUTCString().replace('GMT', '+0000')}`));
}

function attemptAt(cronJob: CronJob, { active, lastScheduleTime }: Look, at: number): Attempt {
  const { concurrencyPolicy } = cronJob.spec ?? {};
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
