import { describe, expect, it } from 'vitest';
import { timestamp } from '../../machinery/conditions.ts';
import type { CronJob, Job } from '../../machinery/kinds/batch.ts';
import type { Step } from '../steps.ts';
import { plan } from './cron-job.ts';

type Spec = NonNullable<CronJob['spec']>;

const time = (clock: string): number => Date.parse(`2026-01-01T${clock}Z`);
const minutes = (clock: string): number => time(clock) / 60_000;

function cronJob(spec: Partial<Spec> = {}, status: CronJob['status'] = {}): CronJob {
  const template = { metadata: { labels: { app: 'tick' }, annotations: { a: 'b' } }, spec: { template: { spec: { containers: [] } } } };
  return {
    metadata: { namespace: 'default', name: 'tick', uid: 'cj', creationTimestamp: timestamp(time('09:00:10')) }, status,
    spec: { schedule: '0 * * * *', concurrencyPolicy: 'Allow', suspend: false, successfulJobsHistoryLimit: 3, failedJobsHistoryLimit: 1, jobTemplate: template, ...spec },
  };
}

/** Of the CronJob for a time, unless `name` says otherwise. */
function job(clock: string, ended?: 'Complete' | 'Failed', name = `tick-${minutes(clock)}`): Job {
  const completionTime = timestamp(time(clock) + 30_000);
  return {
    metadata: { namespace: 'default', name, uid: name, annotations: name.startsWith('tick-') ? { 'batch.kubernetes.io/cronjob-scheduled-timestamp': timestamp(time(clock)) } : {} },
    status: { startTime: timestamp(time(clock)), ...(ended === undefined ? {} : { conditions: [{ type: ended, status: 'True' }], ...(ended === 'Complete' ? { completionTime } : {}) }) },
  };
}

const reference = (clock: string) => ({ kind: 'Job', apiVersion: 'batch/v1', namespace: 'default', name: `tick-${minutes(clock)}`, uid: `tick-${minutes(clock)}` });

/** Steps in brief: what is made and removed, the events' reasons, and when to look again. */
function brief(steps: readonly Step[]): readonly string[] {
  return steps.flatMap((step) => {
    switch (step.type) {
      case 'create': return [`+${step.object.metadata?.name}`];
      case 'delete': return [`-${step.at.name} ${step.propagationPolicy}`];
      case 'event': return [step.reason];
      case 'requeueAfter': return [`in ${step.ms}`];
      default: return [];
    }
  });
}

function statusOf(steps: readonly Step[]): unknown {
  const step = steps.find(({ type }) => type === 'status');
  return step?.type === 'status' ? step.status : undefined;
}

const ten = `+tick-${minutes('10:00:00')}`;
const toEleven = 3_600_000 + 100 - 5000;

describe('a CronJob', () => {
  it.each<[string, CronJob, readonly Job[], string, readonly string[]]>([
    ['waits for its first time', cronJob(), [], '09:30:00', ['in 1800100']],
    ['makes a Job when its time has come', cronJob(), [], '10:00:05', [ten, `in ${toEleven}`]],
    ['makes one Job however many times it missed', cronJob(), [], '15:00:05', [`+tick-${minutes('15:00:00')}`, `in ${toEleven}`]],
    ['says when it missed very many', cronJob({ schedule: '* * * * *' }), [], '15:00:05', ['TooManyMissedTimes', `+tick-${minutes('15:00:00')}`, 'in 55100']],
    ['makes one Job for each time', cronJob({}, { lastScheduleTime: timestamp(time('10:00:00')) }), [], '10:00:05', [`in ${toEleven}`]],
    ['knows a Job that it made just before it was killed', cronJob(), [job('10:00:00')], '10:00:05', [`in ${toEleven}`]],
    ['is too late after its deadline', cronJob({ startingDeadlineSeconds: 100 }), [], '10:30:00', ['MissSchedule', 'in 1800100']],
    ['is not too late before its deadline', cronJob({ startingDeadlineSeconds: 100 }), [], '10:01:00', [ten, 'in 3540100']],
    ['counts none before its deadline as missed', cronJob({ schedule: '* * * * *', startingDeadlineSeconds: 200 }), [], '15:00:05', [`+tick-${minutes('15:00:00')}`, 'in 55100']],
    ['does nothing while it is suspended', cronJob({ suspend: true }), [], '10:00:05', []],
    ['lets Jobs run side by side', cronJob({}, { active: [reference('10:00:00')] }), [job('10:00:00')], '11:00:05', [`+tick-${minutes('11:00:00')}`, `in ${toEleven}`]],
    ['waits for the one before, when told to', cronJob({ concurrencyPolicy: 'Forbid' }, { active: [reference('10:00:00')] }), [job('10:00:00')], '11:00:05', ['JobAlreadyActive', `in ${toEleven}`]],
    ['replaces the one before, when told to', cronJob({ concurrencyPolicy: 'Replace' }, { active: [reference('10:00:00')] }), [job('10:00:00')], '11:00:05',
      [`-tick-${minutes('10:00:00')} Background`, `+tick-${minutes('11:00:00')}`, `in ${toEleven}`]],
    ['says that a Job has ended', cronJob({}, { active: [reference('10:00:00')] }), [job('10:00:00', 'Complete')], '10:00:05', ['SawCompletedJob', `in ${toEleven}`]],
    ['says that a Job is gone', cronJob({}, { active: [reference('10:00:00')], lastScheduleTime: timestamp(time('10:00:00')) }), [], '10:00:05', ['MissingJob', `in ${toEleven}`]],
    ['wonders at a Job that somebody else made in its name', cronJob(), [job('09:10:00', undefined, 'by-hand')], '09:30:00', ['UnexpectedJob', 'in 1800100']],
    ['keeps the last few Jobs', cronJob({}, { lastScheduleTime: timestamp(time('15:00:00')) }),
      [job('10:00:00', 'Complete'), job('11:00:00', 'Failed'), job('12:00:00', 'Failed'), job('13:00:00', 'Complete'), job('14:00:00', 'Complete'), job('15:00:00', 'Complete')], '15:00:05',
      [`-tick-${minutes('10:00:00')} Background`, `-tick-${minutes('11:00:00')} Background`, `in ${toEleven}`]],
    ['says that its schedule never comes', cronJob({ schedule: '59 23 31 2 *' }), [], '10:00:05', ['InvalidSchedule']],
    ['says that its schedule is none', cronJob({ schedule: 'often' }), [], '10:00:05', ['UnparseableSchedule']],
    ['says that its zone is none', cronJob({ timeZone: 'Mars/Olympus' }), [], '10:00:05', ['UnknownTimeZone']],
    ['makes nothing while it is being deleted', { ...cronJob(), metadata: { ...cronJob().metadata, deletionTimestamp: timestamp(0) } }, [], '10:00:05', []],
  ])('%s', (_name, object, jobs, at, expected) => {
    expect(brief(plan(object, { jobs, rescheduledAt: 0 }, time(at)))).toEqual(expected);
  });

  it('starts nothing for times of a schedule that it didn’t have then', () => {
    const changed = cronJob({ schedule: '*/5 * * * *' });
    expect(brief(plan(changed, { jobs: [], rescheduledAt: time('09:31:00') }, time('09:31:00')))).toEqual(['in 240100']);
    expect(brief(plan(changed, { jobs: [], rescheduledAt: time('09:31:00') }, time('09:35:01')))).toEqual([`+tick-${minutes('09:35:00')}`, 'in 299100']);
  });

  it('makes Jobs as its template says, and tells them what time they are for', () => {
    const made = plan(cronJob({ timeZone: 'Europe/Berlin' }), { jobs: [], rescheduledAt: 0 }, time('10:00:05')).find(({ type }) => type === 'create');
    expect(made).toMatchObject({
      existingIsFine: true,
      object: {
        metadata: {
          namespace: 'default', labels: { app: 'tick' }, annotations: { a: 'b', 'batch.kubernetes.io/cronjob-scheduled-timestamp': '2026-01-01T11:00:00+01:00' },
          ownerReferences: [{ apiVersion: 'batch/v1', kind: 'CronJob', name: 'tick', uid: 'cj', controller: true, blockOwnerDeletion: true }],
        },
        spec: { template: { spec: { containers: [] } } },
      },
    });
  });

  it('tells what its Jobs have said', () => {
    const jobs = [job('10:00:00', 'Complete'), job('11:00:00')];
    expect(statusOf(plan(cronJob({}, { active: [reference('10:00:00')] }), { jobs, rescheduledAt: 0 }, time('11:00:05')))).toEqual({
      active: [reference('11:00:00')], lastScheduleTime: '2026-01-01T11:00:00Z', lastSuccessfulTime: '2026-01-01T10:00:30Z',
    });
  });
});
