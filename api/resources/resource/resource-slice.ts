import { invalid, Path, required, type FieldError } from '../../../machinery/field-path.ts';
import { ResourceSlice } from '../../../machinery/kinds/dynamic-resources.ts';
import { text } from '../columns.ts';
import { age, defineResource, name } from '../define.ts';
import { immutable } from '../immutable.ts';
import { validateDriverName } from '../storage/names.ts';
import { placed, validateCounterSet, validateDevice } from './device.ts';
import { boundedSet, validatePool } from './names.ts';

type Spec = ResourceSlice['spec'];

const maxDevices = 128;
/** Devices with taints or counters take more room. */
const maxRichDevices = 64;
const maxCounterSets = 8;

/** Source: "Dynamic resource allocation". */
export const resourceSlice = defineResource(ResourceSlice, {
  generation: true,
  fields: { 'spec.nodeName': (object) => object.spec?.nodeName ?? '', 'spec.driver': (object) => object.spec?.driver ?? '' },
  columns: [
    name(),
    text('Node', 'Where its devices are.', (object) => object.spec?.nodeName ?? ''),
    text('Driver', 'Who serves them.', (object) => object.spec?.driver ?? ''),
    text('Pool', 'Which pool it is a part of.', (object) => object.spec?.pool?.name ?? ''),
    age(),
  ],
  prepareForCreate(draft) {
    const now = draft.metadata?.creationTimestamp;
    if (now === undefined) return;
    for (const device of draft.spec?.devices ?? []) for (const taint of device.taints ?? []) taint.timeAdded ??= now;
  },
  validate: ({ spec }) => validateSpec(spec ?? {}, new Path('spec')),
  validateUpdate({ spec }, { spec: before }) {
    const path = new Path('spec');
    return [
      ...immutable(spec?.pool?.name, before?.pool?.name, path.child('pool', 'name')),
      ...immutable(spec?.driver, before?.driver, path.child('driver')),
      ...immutable(spec?.nodeName, before?.nodeName, path.child('nodeName')),
    ];
  },
});

function validateSpec(spec: Partial<Spec>, path: Path): FieldError[] {
  const { driver, pool, devices, sharedCounters, perDeviceNodeSelection } = spec;
  const isRich = (devices ?? []).some(({ taints = [], consumesCounters = [] }) => taints.length + consumesCounters.length > 0);
  return [
    ...validateDriverName(driver, path.child('driver')),
    ...validateResourcePool(pool ?? {}, path.child('pool')),
    ...validatePlace(spec, path),
    ...(sharedCounters !== undefined && devices !== undefined ? [invalid(path, '', 'only one of `sharedCounters` or `devices` is allowed')] : []),
    ...boundedSet(devices, isRich ? maxRichDevices : maxDevices, path.child('devices'), (device) => device.name ?? '', (device, at) =>
      validateDevice(device, perDeviceNodeSelection === true, at)),
    ...boundedSet(sharedCounters, maxCounterSets, path.child('sharedCounters'), (set) => set.name ?? '', validateCounterSet),
  ];
}

function validateResourcePool({ name: own, resourceSliceCount = 0, generation = 0 }: Partial<Spec['pool']>, path: Path): FieldError[] {
  return [
    ...validatePool(own, path.child('name')),
    ...(resourceSliceCount <= 0 ? [invalid(path.child('resourceSliceCount'), resourceSliceCount, 'must be greater than zero')] : []),
    ...(generation < 0 ? [invalid(path.child('generation'), generation, 'must be greater than or equal to zero')] : []),
  ];
}

const oneOfThem = 'exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required';

function validatePlace({ perDeviceNodeSelection, ...place }: Partial<Spec>, path: Path): FieldError[] {
  const { set, errors } = placed(place, 'must be either unset or set to a non-empty string', path);
  const all = [...set, ...(perDeviceNodeSelection === true ? ['`perDeviceNodeSelection`'] : [])];
  const terms = place.nodeSelector?.nodeSelectorTerms;
  return [
    ...errors,
    // One term only: selectors of several slices are joined.
    ...(place.nodeSelector !== undefined && terms?.length !== 1 ? [invalid(path.child('nodeSelector', 'nodeSelectorTerms'), terms, 'must have exactly one node selector term')] : []),
    ...(perDeviceNodeSelection === false ? [invalid(path.child('perDeviceNodeSelection'), perDeviceNodeSelection, 'must be either unset or set to true')] : []),
    ...(all.length === 0 ? [required(path, oneOfThem)] : []),
    ...(all.length > 1 ? [invalid(path, `{${all.join(', ')}}`, `${oneOfThem}, but multiple fields are set`)] : []),
  ];
}
