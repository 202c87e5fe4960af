import type { CronJob } from '../../machinery/kinds/batch.ts';
import type { Schedule } from './schedule.ts';

/** Which of its times a CronJob is to make a Job for now: the last one that has come, if any. Source: "CronJob: Job creation", "schedule". */

export interface Due {
  /** Milliseconds; undefined: nothing is due. */
  readonly at?: number;
  readonly missed: 'none' | 'few' | 'many';
  /** Times count from here. */
  readonly since: number;
}

/** More than these, and something is wrong. */
const manyMissed = 100;
/** Clocks differ a little: what is asked for on the second must not be early. */
const lateMs = 100;

export interface From {
  readonly lastScheduleTime: string | undefined;
  /** Times before this one are left out (milliseconds). */
  readonly notBefore: number;
}

/** A text: why the schedule makes no sense. */
export function dueAt(cronJob: CronJob, { lastScheduleTime, notBefore }: From, schedule: Schedule, now: number): Due | string {
  const since = Math.max(Date.parse(lastScheduleTime ?? cronJob.metadata?.creationTimestamp ?? ''), notBefore);
  const first = schedule.next(since);
  const second = first === undefined ? undefined : schedule.next(first);
  if (first !== undefined && now < first) return { since, missed: 'none' };
  if (first !== undefined && second !== undefined && now < second) return { since, missed: 'none', at: first };
  if (first === undefined || second === undefined || second - first < 1000) return 'time difference between two schedules is less than 1 second';
  // Counted by the first interval: exact enough to tell few from many, and bounded however long ago the last time was.
  const interval = second - first;
  const count = Math.floor((now - first) / interval) + 1;
  return { since, missed: count > manyMissed ? 'many' : 'few', ...lastUntil(schedule, first + (count - 2) * interval, now) };
}

function lastUntil(schedule: Schedule, from: number, now: number): { readonly at?: number } {
  let last: number | undefined;
  for (let next = schedule.next(from); next !== undefined && next <= now; next = schedule.next(next)) last = next;
  return last === undefined ? {} : { at: last };
}

/** Milliseconds until the next time that hasn't come yet; undefined: never. */
export function untilNext(cronJob: CronJob, from: From, schedule: Schedule, now: number): number | undefined {
  const due = dueAt(cronJob, from, schedule, now);
  const last = typeof due === 'string' ? now : due.at ?? (due.missed === 'none' ? due.since : now);
  const next = schedule.next(last);
  return next === undefined ? undefined : Math.max(0, next + lateMs - now);
}
