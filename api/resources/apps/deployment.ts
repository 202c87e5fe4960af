import { Path } from '../../../machinery/field-path.ts';
import { Deployment } from '../../../machinery/kinds/apps.ts';
import { count, templateColumns, text } from '../columns.ts';
import { hostNameWarnings, podWarnings } from '../core/pod/warnings.ts';
import { age, defineResource, name } from '../define.ts';
import { validateCounts } from './counts.ts';
import { defaultDeployment } from './deployment/defaults.ts';
import { validateDeployment, validateDeploymentUpdate } from './deployment/validate.ts';
import { replicasScale } from './scale.ts';

/** Source: "Deployments". */
export const deployment = defineResource(Deployment, {
  shortNames: ['deploy'],
  categories: ['all'],
  generation: true,
  status: true,
  columns: [
    name(),
    text('Ready', 'Ready pods of those that are wanted.', (object) => `${object.status?.readyReplicas ?? 0}/${object.spec?.replicas ?? 0}`),
    count('Up-to-date', 'Pods of the newest template.', (object) => object.status?.updatedReplicas ?? 0),
    count('Available', 'Pods that have been ready for long enough.', (object) => object.status?.availableReplicas ?? 0),
    age(),
    ...templateColumns<Deployment>(),
  ],
  scale: replicasScale,
  defaults: defaultDeployment,
  prepareForCreate(draft) {
    draft.status = {};
  },
  validate: validateDeployment,
  validateUpdate: validateDeploymentUpdate,
  validateStatusUpdate: (object, old) => validateCounts(object.status, old.status),
  createWarnings: ({ metadata }) => hostNameWarnings(metadata?.name),
  warnings: (object) => podWarnings(object.spec?.template, new Path('spec.template')),
  deletion: { defaultPropagation: 'Background' },
});
