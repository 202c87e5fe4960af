import { forbidden, Path } from '../../../machinery/field-path.ts';
import { VolumeAttributesClass } from '../../../machinery/kinds/storage.ts';
import { text } from '../columns.ts';
import { age, defineResource, name } from '../define.ts';
import { same } from '../immutable.ts';
import { validateParameters, validateProvisioner } from './names.ts';

/** Source: "Volume attributes classes". */
export const volumeAttributesClass = defineResource(VolumeAttributesClass, {
  shortNames: ['vac'],
  columns: [name(), text('DriverName', 'Which CSI driver knows it.', (object) => object.driverName ?? ''), age()],
  validate: (object) => [
    ...validateProvisioner(object.driverName, new Path('driverName')),
    ...validateParameters(object.parameters, true, new Path('parameters')),
  ],
  validateUpdate: (object, old) => (['driverName', 'parameters'] as const).flatMap((field) =>
    (same(object[field], old[field]) ? [] : [forbidden(new Path(field), `updates to ${field} are forbidden.`)])),
});
