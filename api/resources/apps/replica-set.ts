import { Path } from '../../../machinery/field-path.ts';
import { ReplicaSet } from '../../../machinery/kinds/apps.ts';
import { count, templateColumns } from '../columns.ts';
import { hostNameWarnings, podWarnings } from '../core/pod/warnings.ts';
import { age, defineResource, name } from '../define.ts';
import { validateCounts } from './counts.ts';
import { defaultReplicaSet, validateReplicaSet, validateReplicaSetUpdate } from './replica-set/rules.ts';
import { replicasScale } from './scale.ts';

/** Source: "ReplicaSet". */
export const replicaSet = defineResource(ReplicaSet, {
  shortNames: ['rs'],
  categories: ['all'],
  generation: true,
  status: true,
  fields: { 'status.replicas': (object) => String(object.status?.replicas ?? 0) },
  columns: [
    name(),
    count('Desired', 'How many pods are wanted.', (object) => object.spec?.replicas ?? 0),
    count('Current', 'How many pods there are.', (object) => object.status?.replicas ?? 0),
    count('Ready', 'How many pods are ready.', (object) => object.status?.readyReplicas ?? 0),
    age(),
    ...templateColumns<ReplicaSet>(),
  ],
  scale: replicasScale,
  defaults: defaultReplicaSet,
  prepareForCreate(draft) {
    draft.status = { replicas: 0 };
  },
  validate: validateReplicaSet,
  validateUpdate: validateReplicaSetUpdate,
  validateStatusUpdate: (object, old) => validateCounts(object.status, old.status),
  createWarnings: ({ metadata }) => hostNameWarnings(metadata?.name),
  warnings: (object) => podWarnings(object.spec?.template, new Path('spec.template')),
  deletion: { defaultPropagation: 'Background' },
});
