import { duplicate, Path, type FieldError } from '../../../machinery/field-path.ts';
import { RuntimeClass } from '../../../machinery/kinds/runtime-class.ts';
import { validateLabels } from '../../../machinery/labels.ts';
import { dns1123Label } from '../../../machinery/names.ts';
import { faults } from '../checks.ts';
import { text } from '../columns.ts';
import { validateResources } from '../core/pod/resources.ts';
import { validateTolerations } from '../core/pod/scheduling.ts';
import { age, defineResource, name } from '../define.ts';
import { immutable } from '../immutable.ts';
import { oldLabel } from '../label-warnings.ts';

type Tolerations = NonNullable<NonNullable<RuntimeClass['scheduling']>['tolerations']>;

/** Source: "Runtime class". */
export const runtimeClass = defineResource(RuntimeClass, {
  updatesNameVersion: true,
  columns: [name(), text('Handler', 'What runs its pods.', (object) => object.handler ?? ''), age()],
  validate({ handler = '', overhead, scheduling }) {
    const path = new Path('scheduling');
    return [
      ...faults(new Path('handler'), handler, dns1123Label(handler)),
      ...(overhead === undefined ? [] : validateResources({ limits: overhead.podFixed ?? {} }, new Set(), new Path('overhead'))),
      ...validateLabels(scheduling?.nodeSelector, path.child('nodeSelector')),
      ...validateUnique(scheduling?.tolerations ?? [], path.child('tolerations')),
    ];
  },
  validateUpdate: (object, old) => immutable(object.handler, old.handler, new Path('handler')),
  warnings: (object) => Object.keys(object.scheduling?.nodeSelector ?? {}).flatMap((key) => oldLabel(key, new Path('scheduling.nodeSelector'))),
});

function validateUnique(tolerations: Tolerations, path: Path): FieldError[] {
  const keys = tolerations.map(({ key = '', operator = '', value = '', effect = '' }) => JSON.stringify([key, operator, value, effect]));
  return [
    ...validateTolerations(tolerations, path),
    ...tolerations.flatMap((toleration, index) => (keys.indexOf(keys[index] ?? '') < index ? [duplicate(path.index(index), toleration)] : [])),
  ];
}
