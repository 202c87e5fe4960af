import { duplicate, invalid, Path, required, type FieldError } from '../../../machinery/field-path.ts';
import { CSINode } from '../../../machinery/kinds/storage.ts';
import { qualifiedName } from '../../../machinery/names.ts';
import { faults, notNegative } from '../checks.ts';
import { count } from '../columns.ts';
import { age, defineResource, name } from '../define.ts';
import { immutable } from '../immutable.ts';
import { validateDriverName } from './names.ts';

type Driver = CSINode['spec']['drivers'][number];

const maxNodeId = 256;

/** Source: "CSINode", Kubernetes CSI developer documentation. */
export const csiNode = defineResource(CSINode, {
  updatesNameVersion: true,
  columns: [name(), count('Drivers', 'How many CSI drivers the node has.', (object) => object.spec?.drivers?.length ?? 0), age()],
  validate(object) {
    const path = new Path('spec.drivers');
    const drivers = object.spec?.drivers ?? [];
    const names = drivers.map((driver) => driver.name ?? '');
    return drivers.flatMap((driver, index) => [
      ...validateDriver(driver, path.index(index)),
      ...(names.indexOf(names[index] ?? '') < index ? [duplicate(path.index(index).child('name'), names[index])] : []),
      ...validateTopology(driver.topologyKeys ?? [], path.index(index)),
    ]);
  },
  /** A driver on a node keeps what it is; how many volumes it takes may change. */
  validateUpdate: (object, old) => (old.spec?.drivers ?? []).flatMap((before) => (object.spec?.drivers ?? []).flatMap((driver) =>
    (driver.name === before.name ? immutable({ ...driver, allocatable: undefined }, { ...before, allocatable: undefined }, new Path('spec.drivers')) : []))),
});

function validateDriver({ name: driver, nodeID = '', allocatable }: Driver, path: Path): FieldError[] {
  return [
    ...validateDriverName(driver, path.child('name')),
    ...(nodeID === '' ? [required(path.child('nodeID'))] : []),
    ...(nodeID.length > maxNodeId ? [invalid(path.child('nodeID'), nodeID, `must be ${maxNodeId} characters or less`)] : []),
    ...notNegative(path.child('allocatable', 'count'), allocatable?.count),
  ];
}

function validateTopology(keys: readonly string[], path: Path): FieldError[] {
  return keys.flatMap((key, index) => [
    ...(key === '' ? [required(path)] : []),
    ...(keys.indexOf(key) < index ? [duplicate(path, key)] : []),
    ...faults(path, key, qualifiedName(key)),
  ]);
}
