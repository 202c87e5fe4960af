import { invalid, Path, type FieldError } from '../../../machinery/field-path.ts';
import { CSIStorageCapacity } from '../../../machinery/kinds/storage.ts';
import { validateLabelSelector } from '../../../machinery/labels.ts';
import { dns1123Subdomain } from '../../../machinery/names.ts';
import { compare, parseQuantity, zero } from '../../../machinery/quantity.ts';
import { faults } from '../checks.ts';
import { text } from '../columns.ts';
import { defineResource, name } from '../define.ts';
import { immutable } from '../immutable.ts';
import { oldLabelsInSelector } from '../label-warnings.ts';

/** Source: "Storage capacity". */
export const csiStorageCapacity = defineResource(CSIStorageCapacity, {
  updatesNameVersion: true,
  columns: [
    name(),
    text('StorageClassName', 'Of which class.', (object) => object.storageClassName ?? ''),
    text('Capacity', 'How much there is.', (object) => object.capacity ?? '<unset>'),
  ],
  validate: (object) => [
    ...validateLabelSelector(object.nodeTopology, new Path('nodeTopology')),
    ...faults(new Path('storageClassName'), object.storageClassName ?? '', dns1123Subdomain(object.storageClassName ?? '')),
    ...notNegative(object.capacity, new Path('capacity')),
  ],
  validateUpdate: (object, old) => [
    ...immutable(object.nodeTopology, old.nodeTopology, new Path('nodeTopology')),
    ...immutable(object.storageClassName, old.storageClassName, new Path('storageClassName')),
  ],
  warnings: (object) => oldLabelsInSelector(object.nodeTopology, new Path('nodeTopology')),
});

function notNegative(amount: string | undefined, path: Path): FieldError[] {
  const quantity = amount === undefined ? undefined : parseQuantity(amount);
  return quantity === undefined || compare(quantity, zero) >= 0 ? [] : [invalid(path, amount, 'must be greater than or equal to 0')];
}
