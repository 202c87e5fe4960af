import { Path, invalid, required, type FieldError } from '../../../../machinery/field-path.ts';
import type { CronJob } from '../../../../machinery/kinds/batch.ts';
import { chosen, notNegative } from '../../checks.ts';
import { validateJobSpec, validateTemplateSelector } from '../job/validate.ts';
import { scheduleFault } from './schedule.ts';

/** Source: "CronJobSpec", batch/v1; wording: Kubernetes' validation. */

const path = new Path('spec');
/** Eleven characters for the time of a run, and a label's 63. */
const longestName = 52;
/** A part of a name in the IANA database. Source: "Theory and pragmatics of the tz code and data". */
const zonePart = /^[A-Za-z.\-_0-9+]{1,14}$/;

/** All but the zone, which updates check only when it changes. */
export function validateCronJob({ spec }: CronJob): FieldError[] {
  if (spec === undefined) return [required(path)];
  const template = path.child('jobTemplate', 'spec');
  const { schedule = '', jobTemplate } = spec;
  const job = jobTemplate?.spec ?? { template: {} };
  return [
    ...(schedule === '' ? [required(path.child('schedule'))] : validateSchedule(schedule)),
    ...notNegative(path.child('startingDeadlineSeconds'), spec.startingDeadlineSeconds),
    ...chosen(path.child('concurrencyPolicy'), spec.concurrencyPolicy, ['Allow', 'Forbid', 'Replace']),
    ...validateJobSpec(job, template),
    ...validateTemplateSelector(job, template),
    ...notNegative(path.child('successfulJobsHistoryLimit'), spec.successfulJobsHistoryLimit),
    ...notNegative(path.child('failedJobsHistoryLimit'), spec.failedJobsHistoryLimit),
  ];
}

export function validateNewCronJob({ metadata, spec }: CronJob): FieldError[] {
  const { name = '' } = metadata ?? {};
  const long = name.length > longestName ? [invalid(new Path('metadata.name'), name, `must be no more than ${longestName} characters`)] : [];
  return [...validateZone(spec?.timeZone), ...long];
}

export function validateCronJobUpdate(object: CronJob, old: CronJob): FieldError[] {
  return object.spec?.timeZone === old.spec?.timeZone ? [] : validateZone(object.spec?.timeZone);
}

function validateSchedule(schedule: string): FieldError[] {
  const at = path.child('schedule');
  const fault = scheduleFault(schedule);
  return [
    ...(fault === undefined ? [] : [invalid(at, schedule, fault)]),
    ...(schedule.includes('TZ') ? [invalid(at, schedule, 'cannot use TZ or CRON_TZ in schedule, use timeZone field instead')] : []),
  ];
}

function validateZone(zone: string | undefined): FieldError[] {
  const at = path.child('timeZone');
  if (zone === undefined) return [];
  if (zone === '') return [invalid(at, zone, 'timeZone must be nil or non-empty string')];
  const unknown = [invalid(at, zone, `unknown time zone ${zone}`)];
  if (zone.split('/').some((part) => part === '.' || part === '..' || part.startsWith('-') || !zonePart.test(part))) return unknown;
  if (zone.toLowerCase() === 'local') return [invalid(at, zone, 'timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones')];
  return isKnownZone(zone) ? [] : unknown;
}

function isKnownZone(zone: string): boolean {
  try {
    // An offset is a zone to ECMAScript, not to the database.
    return new Intl.DateTimeFormat('en', { timeZone: zone }).resolvedOptions().timeZone !== '' && !/^[+-]/.test(zone);
  } catch {
    return false;
  }
}
