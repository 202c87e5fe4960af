import type { V1CounterSet, V1DeviceAttribute, V1DeviceTaint } from '@kubernetes/client-node';
import { invalid, required, tooLong, tooMany, type FieldError, type Path } from '../../../machinery/field-path.ts';
import type { Device } from '../../../machinery/kinds/dynamic-resources.ts';
import type { Wire } from '../../../machinery/kinds/wire.ts';
import { dns1123Label, dns1123Subdomain, labelValue } from '../../../machinery/names.ts';
import { chosen, faults } from '../checks.ts';
import { validateNodeSelector } from '../core/pod/affinity.ts';
import { validateCapacity } from './capacity.ts';
import { taintEffects } from './claim.ts';
import { bounded, boundedSet, validateAttributeName, validateBinding, validateLabelled, validateLabelName } from './names.ts';

/** One device of a slice. Source: "Dynamic resource allocation"; wording: Kubernetes' validation. */

const maxAttributes = 32;
const maxValue = 64;
const maxTaints = 16;
const maxConsumed = 2;
const maxCounters = 32;
/** Of a key in a message: longer ones are cut in the middle. */
const shownKey = 63 + 1 + 32;

const number = String.raw`(0|[1-9]\d*)`;
const preRelease = String.raw`(0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)`;
const isVersion = new RegExp(String.raw`^${number}\.${number}\.${number}(-${preRelease}(\.${preRelease})*)?(\+[0-9a-zA-Z-]+(\.[0-9a-zA-Z-]+)*)?$`);

export function validateDevice(device: Device, isPerDevice: boolean, path: Path): FieldError[] {
  const { name = '', attributes = {}, capacity = {}, allowMultipleAllocations: isShared = false } = device;
  const named = Object.keys(attributes).length + Object.keys(capacity).length;
  return [
    ...faults(path.child('name'), name, dns1123Label(name)),
    ...(named > maxAttributes ? [invalid(path, named, `the total number of attributes and capacities must not exceed ${maxAttributes}`)] : []),
    ...entries(attributes, path.child('attributes'), (key, value, at) => [...validateAttributeName(key, at), ...validateAttribute(value, at)]),
    ...entries(capacity, path.child('capacity'), (key, value, at) => [...validateAttributeName(key, at), ...validateCapacity(value, isShared, at)]),
    ...bounded(device.taints, maxTaints, path.child('taints'), validateTaint),
    ...boundedSet(device.consumesCounters, maxConsumed, path.child('consumesCounters'), ({ counterSet = '' }) => counterSet, ({ counterSet, counters }, at) => [
      ...validateLabelled(counterSet, at.child('counterSet')), ...validateCounters(counters, at.child('counters')),
    ]),
    ...(isPerDevice ? validatePlace(device, path) : validateNoPlace(device, path)),
    ...validateBinding(device.bindingConditions, device.bindingFailureConditions, path),
  ];
}

function entries<T>(map: Readonly<Record<string, T>>, path: Path, check: (key: string, value: T, path: Path) => FieldError[]): FieldError[] {
  return Object.entries(map).flatMap(([key, value]) => check(key, value, path.key(shortened(key))));
}

function shortened(key: string): string {
  if (key.length <= shownKey) return key;
  const rest = shownKey - 3;
  return `${key.slice(0, Math.ceil(rest / 2))}...${key.slice(key.length - Math.floor(rest / 2))}`;
}

function validateAttribute(attribute: Wire<V1DeviceAttribute>, path: Path): FieldError[] {
  const { string: text, version } = attribute;
  return [
    ...(text !== undefined && Buffer.byteLength(text) > maxValue ? [tooLong(path.child('string'), maxValue)] : []),
    ...(version === undefined || isVersion.test(version) ? [] : [invalid(path.child('version'), version, 'must be a string compatible with semver.org spec 2.0.0')]),
    ...(version !== undefined && Buffer.byteLength(version) > maxValue ? [tooLong(path.child('version'), maxValue)] : []),
    ...(Object.values(attribute).filter((value) => value !== undefined).length === 1 ? [] : [invalid(path, Object.keys(attribute).length === 0 ? '' : attribute, 'exactly one value must be specified')]),
  ];
}

function validateTaint({ key = '', value = '', effect }: Wire<V1DeviceTaint>, path: Path): FieldError[] {
  return [
    ...validateLabelName(key, path.child('key')),
    ...(value === '' ? [] : faults(path.child('value'), value, labelValue(value))),
    ...chosen(path.child('effect'), effect, taintEffects),
  ];
}

export function validateCounterSet({ name, counters }: Wire<V1CounterSet>, path: Path): FieldError[] {
  return [...validateLabelled(name, path.child('name')), ...validateCounters(counters, path.child('counters'))];
}

function validateCounters(counters: object | undefined, path: Path): FieldError[] {
  const keys = Object.keys(counters ?? {});
  if (keys.length === 0) return [required(path)];
  if (keys.length > maxCounters) return [tooMany(path, keys.length, maxCounters)];
  return keys.flatMap((key) => faults(path.key(shortened(key)), key, dns1123Label(key)));
}

type Place = Pick<Device, 'nodeName' | 'nodeSelector' | 'allNodes'>;

/** Which of the fields that say where a device is are set, and what is wrong with them. `empty`: how an empty name is refused. */
export function placed({ nodeName, nodeSelector, allNodes }: Place, empty: string, path: Path): { readonly set: readonly string[]; readonly errors: readonly FieldError[] } {
  const set = [...(nodeName === undefined || nodeName === '' ? [] : ['`nodeName`']), ...(nodeSelector === undefined ? [] : ['`nodeSelector`']), ...(allNodes === true ? ['`allNodes`'] : [])];
  const errors = [
    ...(nodeName === undefined ? [] : nodeName === '' ? [invalid(path.child('nodeName'), nodeName, empty)] : faults(path.child('nodeName'), nodeName, dns1123Subdomain(nodeName))),
    ...(nodeSelector === undefined ? [] : validateNodeSelector(nodeSelector, path.child('nodeSelector'))),
    ...(allNodes === false ? [invalid(path.child('allNodes'), allNodes, 'must be either unset or set to true')] : []),
  ];
  return { set, errors };
}

const oneOfThem = 'exactly one of `nodeName`, `nodeSelector`, or `allNodes` is required when `perDeviceNodeSelection` is set to true in the ResourceSlice spec';

function validatePlace(device: Place, path: Path): FieldError[] {
  const { set, errors } = placed(device, 'must not be empty', path);
  if (set.length === 1) return [...errors];
  return [...errors, set.length === 0 ? required(path, oneOfThem) : invalid(path, `{${set.join(', ')}}`, oneOfThem)];
}

function validateNoPlace({ nodeName, nodeSelector, allNodes }: Place, path: Path): FieldError[] {
  return nodeName === undefined && nodeSelector === undefined && allNodes === undefined ? []
    : [invalid(path, null, '`nodeName`, `nodeSelector` and `allNodes` can only be set if `perDeviceNodeSelection` is set to true in the ResourceSlice spec')];
}
