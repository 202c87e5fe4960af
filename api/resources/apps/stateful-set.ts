import { Path } from '../../../machinery/field-path.ts';
import { StatefulSet } from '../../../machinery/kinds/apps.ts';
import { dns1123Label } from '../../../machinery/names.ts';
import { templateColumns, text } from '../columns.ts';
import { claimSpecWarnings } from '../core/persistent-volume-claim/warnings.ts';
import { podWarnings } from '../core/pod/warnings.ts';
import { age, defineResource, name } from '../define.ts';
import { validateCounts } from './counts.ts';
import { replicasScale } from './scale.ts';
import { defaultStatefulSet } from './stateful-set/defaults.ts';
import { validateStatefulSet, validateStatefulSetUpdate } from './stateful-set/validate.ts';

/** Source: "StatefulSets". */
export const statefulSet = defineResource<StatefulSet>(StatefulSet, {
  shortNames: ['sts'],
  categories: ['all'],
  generation: true,
  status: true,
  columns: [
    name(),
    text('Ready', 'Ready pods of those that are wanted.', (object) => `${object.status?.readyReplicas ?? 0}/${object.spec?.replicas ?? 0}`),
    age(),
    ...templateColumns<StatefulSet>().filter((column) => column.name !== 'Selector'),
  ],
  scale: replicasScale,
  // Its pods' hostnames begin with it.
  validateName: dns1123Label,
  defaults: defaultStatefulSet,
  prepareForCreate(draft) {
    draft.status = { replicas: 0 };
  },
  validate: validateStatefulSet,
  validateUpdate: validateStatefulSetUpdate,
  validateStatusUpdate: (object, old) => validateCounts(object.status, { collisionCount: old.status?.collisionCount ?? 0 }, 'status.readyReplicas'),
  warnings({ spec }) {
    const templates = spec?.volumeClaimTemplates ?? [];
    return [
      ...podWarnings(spec?.template, new Path('spec.template')),
      ...templates.flatMap((claim, index) => claimSpecWarnings(claim.spec, new Path('spec.volumeClaimTemplates').index(index))),
      ...((spec?.revisionHistoryLimit ?? 0) < 0 ? ['spec.revisionHistoryLimit: a negative value retains all historical revisions; a value >= 0 is recommended'] : []),
    ];
  },
});
