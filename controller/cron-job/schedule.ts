import { Cron } from 'croner';
import { cronDescriptors, cronFields, cronRange, type CronField } from '../../machinery/cron.ts';
import { parseDuration } from '../../machinery/duration.ts';

/**
 * When a schedule is due. This folder makes Jobs on time. Grammar: "CronJob: schedule syntax"; days, and clocks that are put
 * forward or back: as robfig/cron v3, which Kubernetes reads schedules with, was observed to do.
 */
export interface Schedule {
  /** The first time after `after`; undefined: never. Both in milliseconds since the epoch. */
  next(after: number): number | undefined;
}

/** Throws when the schedule or the zone make no sense. `timeZone`: a name of the IANA database; absent: this machine's. */
export function parseSchedule(text: string, timeZone: string | undefined): Schedule {
  const spec = text.trim();
  if (spec.startsWith('@every ')) return every(spec.slice('@every '.length));
  const parts = (cronDescriptors[spec] ?? spec).split(/\s+/);
  if (parts.length !== cronFields.length) throw new Error(`expected exactly ${cronFields.length} fields, found ${parts.length}: [${parts.join(' ')}]`);
  return daily(parts.map((part, index) => listed(part, cronFields[index] ?? { min: 0, max: 0 })).join(' '), timeZone);
}

/** Whole seconds from the last time on, at least one. */
function every(duration: string): Schedule {
  const nanos = parseDuration(duration);
  if (nanos === undefined) throw new Error(`failed to parse duration @every ${duration}: time: invalid duration ${JSON.stringify(duration)}`);
  const seconds = Math.max(1, Number(nanos / 1_000_000_000n));
  return { next: (after) => (Math.floor(after / 1000) + seconds) * 1000 };
}

/**
 * The second half of each minute makes it a schedule of intervals to croner: then a time that the clock leaps over is left out,
 * and one that comes twice is due twice. It is passed over here.
 */
function daily(pattern: string, timeZone: string | undefined): Schedule {
  const cron = new Cron(`0,30 ${pattern}`, { paused: true, mode: '6-part', ...(timeZone === undefined ? {} : { timezone: timeZone }) });
  return {
    next(after) {
      let due = cron.nextRun(new Date(after));
      while (due !== null && due.getTime() % 60_000 !== 0) due = cron.nextRun(due);
      return due?.getTime();
    },
  };
}

/** A field as a plain list, or `*` when any value will do: with such a day of the month or of the week, the other one alone decides. */
function listed(field: string, bounds: CronField): string {
  const ranges = field.split(',').filter((one) => one !== '').map((one) => rangeOf(one, bounds));
  if (ranges.some((range) => range === '*')) return '*';
  return [...new Set(ranges.flat())].join(',');
}

function rangeOf(expression: string, bounds: CronField): readonly number[] | '*' {
  const range = cronRange(expression, bounds);
  if (typeof range === 'string') throw new Error(range);
  const { from, to, pace, isAny } = range;
  if (isAny && pace === 1) return '*';
  return Array.from({ length: Math.floor((to - from) / pace) + 1 }, (_, index) => from + index * pace);
}
