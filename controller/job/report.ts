import { timestamp } from '../../machinery/conditions.ts';
import { Job, type JobCondition } from '../../machinery/kinds/batch.ts';
import { referenceTo } from '../../client/events.ts';
import { counts } from '../counts.ts';
import { event, status, type EventStep, type Step } from '../steps.ts';
import { noted, type Ending, type JobStatus } from './conditions.ts';
import { count } from './count.ts';
import { isIndexed } from './ended-pods.ts';
import { formatIndexes } from './indexes.ts';
import { release, type Managed } from './manage.ts';
import { isSuspended, type Tally } from './tally.ts';

/** What a Job tells of itself, and what follows once it is told: ended pods may go, and a Job is over. */

type Condition = Pick<JobCondition, 'type' | 'status' | 'reason' | 'message'>;

export interface Outcome {
  /** The pods there are once the steps before are carried out. */
  readonly managed: Omit<Managed, 'steps'>;
  readonly ending: Ending | undefined;
  /** Were its pods brought to what its spec says, suspended or not? */
  readonly isManaged: boolean;
}

export function report(tally: Tally, { managed, ending, isManaged }: Outcome): readonly Step[] {
  const { job, now } = tally;
  const present = job.status?.conditions ?? [];
  const counted = count(tally, ending);
  const turn = isManaged && ending === undefined ? turned(job, present, now) : undefined;
  // The status that announces the end is written before the last pods go.
  const over = ending !== undefined && counted.isAll && managed.active + managed.terminating === 0 ? ending : undefined;
  const news = [...(turn === undefined ? [] : [turn]), ...(ending === undefined ? [] : [announcement(ending)]), ...(over === undefined ? [] : [conclusion(over)])];
  const conditions = news.reduce((list, condition) => noted(list, condition, now), present);
  const wanted: JobStatus = {
    ...times(tally, turn, over),
    ...counts({ active: managed.active, succeeded: counted.succeeded, failed: counted.failed }),
    ready: managed.ready, terminating: managed.terminating, uncountedTerminatedPods: counted.uncounted,
    ...indexStatus(tally),
    ...(conditions.length === 0 ? {} : { conditions }),
  };
  return [
    status(Job, job, wanted),
    ...(counted.released.length === 0 ? [] : [{ type: 'together', steps: counted.released.map(release) } as const]),
    ...(turn === undefined ? [] : [event(referenceTo(Job, job), 'Normal', turn.status === 'True' ? 'Suspended' : 'Resumed', turn.message ?? '')]),
    ...(over === undefined ? [] : farewell(job, over, counted.succeeded)),
  ];
}

/** The condition that tells of a change from running to suspended or back; undefined while it stays as it is. */
function turned(job: Job, present: readonly JobCondition[], now: number): Condition | undefined {
  const condition = isSuspended(job)
    ? { type: 'Suspended', status: 'True', reason: 'JobSuspended', message: 'Job suspended' }
    : { type: 'Suspended', status: 'False', reason: 'JobResumed', message: 'Job resumed' };
  return noted(present, condition, now) === present ? undefined : condition;
}

function announcement(ending: Ending): Condition {
  return { ...ending, status: 'True' };
}

function conclusion(ending: Ending): Condition {
  return { ...ending, type: ending.type === 'FailureTarget' ? 'Failed' : 'Complete', status: 'True' };
}

/** It starts when it is first seen, and again when it is resumed: its deadline counts from there. */
function times({ job, now }: Tally, turn: Condition | undefined, over: Ending | undefined): Pick<JobStatus, 'startTime' | 'completionTime'> {
  const starts = turn?.status === 'False' || (job.status?.startTime === undefined && !isSuspended(job));
  const startTime = starts ? timestamp(now) : job.status?.startTime;
  return { ...(startTime === undefined ? {} : { startTime }), ...(over?.type === 'SuccessCriteriaMet' ? { completionTime: timestamp(now) } : {}) };
}

function indexStatus({ job, indexes }: Tally): Pick<JobStatus, 'completedIndexes' | 'failedIndexes'> {
  if (indexes === undefined || !isIndexed(job)) return {};
  const completedIndexes = formatIndexes(indexes.completed);
  return { ...(completedIndexes === '' ? {} : { completedIndexes }), ...(indexes.failed === undefined ? {} : { failedIndexes: formatIndexes(indexes.failed) }) };
}

function farewell(job: Job, { type, reason = '', message = '' }: Ending, succeeded: number): readonly EventStep[] {
  const about = referenceTo(Job, job);
  if (type === 'FailureTarget') return [event(about, 'Warning', reason, message)];
  const tooMany = job.spec?.completions !== undefined && succeeded > job.spec.completions;
  return [
    ...(tooMany ? [event(about, 'Warning', 'TooManySucceededPods', 'Too many succeeded pods running after completion count reached')] : []),
    event(about, 'Normal', 'Completed', 'Job completed'),
  ];
}
