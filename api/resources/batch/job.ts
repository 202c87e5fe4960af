import { Path } from '../../../machinery/field-path.ts';
import { Job } from '../../../machinery/kinds/batch.ts';
import { templateColumns, text, timed } from '../columns.ts';
import { hostNameWarnings, podWarnings } from '../core/pod/warnings.ts';
import { age, defineResource, humanDuration, name } from '../define.ts';
import { defaultJob, generateSelector } from './job/defaults.ts';
import { hasCondition, validateJobStatusUpdate } from './job/status.ts';
import { validateJob, validateJobUpdate } from './job/validate.ts';

const trackedCompletions = 100_000;
const trackedParallelism = 10_000;

function state(job: Job): string {
  if (hasCondition(job, 'Complete')) return 'Complete';
  if (hasCondition(job, 'Failed')) return 'Failed';
  if (job.metadata?.deletionTimestamp !== undefined) return 'Terminating';
  if (hasCondition(job, 'Suspended')) return 'Suspended';
  return hasCondition(job, 'FailureTarget') ? 'FailureTarget' : 'Running';
}

function completions({ spec, status }: Job): string {
  const succeeded = status?.succeeded ?? 0;
  if (spec?.completions !== undefined) return `${succeeded}/${spec.completions}`;
  const { parallelism = 0 } = spec ?? {};
  return parallelism > 1 ? `${succeeded}/1 of ${parallelism}` : `${succeeded}/1`;
}

function duration({ status }: Job, now: number): string {
  if (status?.startTime === undefined) return '';
  return humanDuration((status.completionTime === undefined ? now : Date.parse(status.completionTime)) - Date.parse(status.startTime));
}

/** Source: "Jobs". */
export const job = defineResource(Job, {
  categories: ['all'],
  generation: true,
  status: true,
  fields: { 'status.successful': (object) => String(object.status?.succeeded ?? 0) },
  columns: [
    name(),
    text('Status', 'Running, or how it ended.', state),
    text('Completions', 'Pods that succeeded, of those that are wanted.', completions),
    timed('Duration', 'Time from its start to its end.', duration),
    age(),
    ...templateColumns<Job>(),
  ],
  defaults: defaultJob,
  prepareForCreate(draft) {
    draft.status = {};
    generateSelector(draft);
  },
  validate: validateJob,
  validateUpdate: validateJobUpdate,
  validateStatusUpdate: validateJobStatusUpdate,
  createWarnings: ({ metadata }) => hostNameWarnings(metadata?.name),
  warnings(object) {
    const { completionMode, completions: wanted = 0, parallelism = 0 } = object.spec ?? {};
    const tooMany = completionMode === 'Indexed' && wanted > trackedCompletions && parallelism > trackedParallelism;
    return [
      ...(tooMany ? ['In Indexed Jobs with a number of completions higher than 10^5 and a parallelism higher than 10^4, Kubernetes might not be able to track completedIndexes when a big number of indexes fail'] : []),
      ...podWarnings(object.spec?.template, new Path('spec.template')),
    ];
  },
  // Pods stay unless their deletion is asked for: what batch/v1 has always done.
  deletion: {
    defaultPropagation: 'Orphan',
    warning: 'child pods are preserved by default when jobs are deleted; set propagationPolicy=Background to remove them or set propagationPolicy=Orphan to suppress this warning',
  },
});
