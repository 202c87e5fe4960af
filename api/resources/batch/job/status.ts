import { Path, duplicate, invalid, invalidWhole, required, type FieldError } from '../../../../machinery/field-path.ts';
import type { Job } from '../../../../machinery/kinds/batch.ts';
import { notNegative } from '../../checks.ts';
import { countIndexes, firstShared } from './indexes.ts';

/** What a Job's controller may report. Source: "Jobs: terminal Job conditions"; wording: Kubernetes' validation. */

type Status = NonNullable<Job['status']>;

const path = new Path('status');
const conditions = path.child('conditions');

export function hasCondition({ status }: Job, type: string): boolean {
  return status?.conditions?.find((condition) => condition.type === type)?.status === 'True';
}

export function validateJobStatusUpdate(object: Job, old: Job): FieldError[] {
  const { status = {} } = object;
  return [
    ...(['active', 'succeeded', 'failed', 'ready', 'terminating'] as const).flatMap((field) => notNegative(path.child(field), status[field])),
    ...validateUncounted(status.uncountedTerminatedPods ?? {}),
    ...validateConditions(object),
    ...validateTimes(object),
    ...validateFinished(object),
    ...validateIndexes(object),
    ...((status.ready ?? 0) > (status.active ?? 0) ? [invalid(path.child('ready'), status.ready, 'cannot set more ready pods than active')] : []),
    ...validateProgress(object, old),
  ];
}

function validateUncounted(uncounted: NonNullable<Status['uncountedTerminatedPods']>): FieldError[] {
  const seen = new Set<string>();
  return (['succeeded', 'failed'] as const).flatMap((list) => (uncounted[list] ?? []).flatMap((uid, index) => {
    const at = path.child('uncountedTerminatedPods', list).index(index);
    if (uid === '') return [invalid(at, uid, 'must not be empty')];
    if (seen.has(uid)) return [duplicate(at, uid)];
    seen.add(uid);
    return [];
  }));
}

const exclusive = [
  ['Complete', 'Failed', 'cannot set Complete=True and Failed=true conditions'],
  ['Complete', 'FailureTarget', 'cannot set Complete=True and FailureTarget=true conditions'],
  ['SuccessCriteriaMet', 'Failed', 'cannot set SuccessCriteriaMet=True and Failed=true conditions'],
  ['SuccessCriteriaMet', 'FailureTarget', 'cannot set SuccessCriteriaMet=True and FailureTarget=true conditions'],
] as const;
const preceded = [
  ['Failed', 'FailureTarget', 'cannot set Failed=True condition without the FailureTarget=true condition'],
  ['Complete', 'SuccessCriteriaMet', 'cannot set Complete=True condition without the SuccessCriteriaMet=true condition'],
] as const;

function validateConditions(job: Job): FieldError[] {
  return [
    ...exclusive.filter(([one, other]) => hasCondition(job, one) && hasCondition(job, other)).map(([, , message]) => invalidWhole(conditions, message)),
    ...preceded.filter(([end, before]) => hasCondition(job, end) && !hasCondition(job, before)).map(([, , message]) => invalidWhole(conditions, message)),
  ];
}

function validateTimes(job: Job): FieldError[] {
  const { startTime, completionTime } = job.status ?? {};
  const at = path.child('completionTime');
  const complete = hasCondition(job, 'Complete');
  if (completionTime === undefined) return complete ? [required(at, 'completionTime is required for Complete jobs')] : [];
  return [
    ...(complete ? [] : [invalid(at, completionTime, 'cannot set completionTime when there is no Complete=True condition')]),
    ...(startTime !== undefined && completionTime < startTime ? [invalid(at, completionTime, 'completionTime cannot be set before startTime')] : []),
  ];
}

function validateFinished(job: Job): FieldError[] {
  if (!hasCondition(job, 'Complete') && !hasCondition(job, 'Failed')) return [];
  const { active = 0, startTime, uncountedTerminatedPods: uncounted, terminating = 0 } = job.status ?? {};
  return [
    ...(active > 0 ? [invalid(path.child('active'), active, 'active>0 is invalid for finished job')] : []),
    ...(startTime === undefined ? [required(path.child('startTime'), 'startTime is required for finished job')] : []),
    ...((uncounted?.succeeded ?? []).length + (uncounted?.failed ?? []).length > 0
      ? [invalid(path.child('uncountedTerminatedPods'), uncounted, 'uncountedTerminatedPods needs to be empty for finished job')] : []),
    ...(terminating > 0 ? [invalid(path.child('terminating'), terminating, 'terminating>0 is invalid for finished job')] : []),
  ];
}

function validateIndexes({ spec, status = {} }: Job): FieldError[] {
  const { completedIndexes = '', failedIndexes } = status;
  const { completions, backoffLimitPerIndex } = spec ?? {};
  const [completed, failed] = [path.child('completedIndexes'), path.child('failedIndexes')];
  const errors: FieldError[] = [];
  if (completedIndexes !== '' && spec?.completionMode !== 'Indexed') errors.push(invalid(completed, completedIndexes, 'cannot set non-empty completedIndexes when non-indexed completion mode'));
  if (failedIndexes !== undefined && backoffLimitPerIndex === undefined) errors.push(invalid(failed, failedIndexes, 'cannot set non-null failedIndexes when backoffLimitPerIndex is null'));
  if (completions === undefined) return errors;
  const counted = countIndexes(completedIndexes, completions);
  if (typeof counted === 'string') errors.push(invalid(completed, completedIndexes, `error parsing completedIndexes: ${counted}`));
  if (failedIndexes === undefined) return errors;
  const countedFailed = backoffLimitPerIndex === undefined ? 0 : countIndexes(failedIndexes, completions);
  if (typeof countedFailed === 'string') errors.push(invalid(failed, failedIndexes, `error parsing failedIndexes: ${countedFailed}`));
  const shared = firstShared(completedIndexes, failedIndexes, completions);
  return shared === undefined ? errors : [...errors, invalid(failed, failedIndexes, `failedIndexes and completedIndexes overlap at index: ${shared}`)];
}

const counters = ['failed', 'succeeded'] as const;
/** With fewer completions an Indexed Job has fewer successes. Source: "Jobs: elastic Indexed Jobs". */
const shrinkable = ['failed'] as const;

/** What was reported stays reported. */
function validateProgress(job: Job, old: Job): FieldError[] {
  const [status, before] = [job.status ?? {}, old.status ?? {}];
  const errors = ['Failed', 'Complete', 'FailureTarget'].filter((type) => hasCondition(old, type) && !hasCondition(job, type))
    .map((type) => invalidWhole(conditions, `cannot disable the terminal ${type}=True condition`));
  for (const field of job.spec?.completionMode === 'Indexed' && job.spec.completions === job.spec.parallelism ? shrinkable : counters) {
    if ((status[field] ?? 0) < (before[field] ?? 0)) errors.push(invalid(path.child(field), status[field] ?? 0, `cannot decrease the ${field} counter`));
  }
  const { completionTime, startTime } = status;
  if (completionTime !== undefined && before.completionTime !== undefined && completionTime !== before.completionTime) {
    errors.push(invalid(path.child('completionTime'), completionTime, 'completionTime cannot be mutated'));
  }
  if (before.startTime !== undefined && startTime !== before.startTime && job.spec?.suspend !== true) {
    errors.push(required(path.child('startTime'), 'startTime cannot be removed for unsuspended job'));
  }
  if (hasCondition(old, 'SuccessCriteriaMet') && !hasCondition(job, 'SuccessCriteriaMet')) errors.push(invalidWhole(conditions, 'cannot disable the SuccessCriteriaMet=True condition'));
  return errors;
}
