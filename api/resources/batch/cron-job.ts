import { Path } from '../../../machinery/field-path.ts';
import { CronJob } from '../../../machinery/kinds/batch.ts';
import { formatSelector, selectorOf } from '../../../machinery/selectors.ts';
import { count, joined, none, text, timed } from '../columns.ts';
import { hostNameWarnings, podWarnings } from '../core/pod/warnings.ts';
import { age, defineResource, name, since } from '../define.ts';
import { defaultJobTemplate } from './job/defaults.ts';
import { validateCronJob, validateCronJobUpdate, validateNewCronJob } from './cron-job/validate.ts';

const containers = ({ spec }: CronJob) => spec?.jobTemplate?.spec?.template?.spec?.containers ?? [];

/** Source: "CronJob"; which names are warned about: Kubernetes' strategy for CronJobs. */
export const cronJob = defineResource(CronJob, {
  shortNames: ['cj'],
  categories: ['all'],
  generation: true,
  status: true,
  columns: [
    name(),
    text('Schedule', 'When it runs, in Cron format.', (object) => object.spec?.schedule ?? ''),
    text('Timezone', "The schedule's time zone.", (object) => object.spec?.timeZone ?? none),
    { name: 'Suspend', type: 'boolean', description: 'Does it make no Jobs for now?', cell: (object) => (object.spec?.suspend === undefined ? '<unset>' : object.spec.suspend ? 'True' : 'False') },
    count('Active', 'Jobs that are running.', (object) => (object.status?.active ?? []).length),
    timed('Last Schedule', 'When it last made a Job.', (object, now) => (object.status?.lastScheduleTime === undefined ? none : since(object.status.lastScheduleTime, now))),
    age(),
    text('Containers', "Names of the template's containers.", (object) => joined(containers(object).map((container) => container.name)), 1),
    text('Images', "Images of the template's containers.", (object) => joined(containers(object).map((container) => container.image ?? '')), 1),
    text('Selector', 'Which pods belong to its Jobs.', (object) => {
      const selector = object.spec?.jobTemplate?.spec?.selector;
      return selector === undefined ? none : formatSelector(selectorOf(selector)) || none;
    }, 1),
  ],
  defaults(draft) {
    const spec = (draft.spec ??= { schedule: '', jobTemplate: {} });
    spec.concurrencyPolicy ??= 'Allow';
    spec.suspend ??= false;
    spec.successfulJobsHistoryLimit ??= 3;
    spec.failedJobsHistoryLimit ??= 1;
    const template = (spec.jobTemplate ??= {});
    defaultJobTemplate((template.spec ??= { template: {} }));
  },
  prepareForCreate(draft) {
    draft.status = {};
  },
  validate: validateCronJob,
  validateCreate: validateNewCronJob,
  validateUpdate: validateCronJobUpdate,
  createWarnings: ({ metadata }) => hostNameWarnings(metadata?.name),
  warnings: (object) => podWarnings(object.spec?.jobTemplate?.spec?.template, new Path('spec.jobTemplate.spec.template')),
});
