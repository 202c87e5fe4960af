import { forbidden, invalid, required, tooLong, tooMany, type FieldError, type Path } from '../../../machinery/field-path.ts';
import type { ResourceClaim } from '../../../machinery/kinds/dynamic-resources.ts';
import type { Draft } from '../../../machinery/kinds/wire.ts';
import { dns1123Label } from '../../../machinery/names.ts';
import { chosen, faults } from '../checks.ts';
import { validateConditions } from '../conditions.ts';
import { validateNodeSelector } from '../core/pod/affinity.ts';
import { immutable } from '../immutable.ts';
import { validateDriverName } from '../storage/names.ts';
import { requestNames, validateRequestName, validateRequestNames, type RequestNames } from './claim.ts';
import { maxConfigurations, validateConfiguration, validateRaw } from './configuration.ts';
import { bounded, boundedSet, validateBinding, validatePool } from './names.ts';

/** What a claim got. Source: "Dynamic resource allocation"; wording: Kubernetes' validation. */

type Status = NonNullable<ResourceClaim['status']>;
type Allocation = NonNullable<Status['allocation']>;
type Result = NonNullable<NonNullable<Allocation['devices']>['results']>[number];
type DeviceStatus = NonNullable<Status['devices']>[number];
type Consumer = NonNullable<Status['reservedFor']>[number];

const maxConsumers = 256;
const maxResults = 32;
const maxConditions = 8;
const maxData = 10 * 1024;
const maxInterfaceName = 256;
const maxHardwareAddress = 128;
const maxAddresses = 16;

/** What is told of devices that the claim had and has no more goes with them: who takes them back needn't know of it. */
export function forgetGivenBack(draft: Draft<ResourceClaim>, old: ResourceClaim): void {
  const { status } = draft;
  if (status?.devices === undefined) return;
  status.devices = notGivenBack(status.devices, status, old.status ?? {});
  if (status.devices.length === 0) delete status.devices;
}

type Allocated = Pick<Status, 'allocation'>;

/** Those of `devices` that `status` has not given back of what `old` was allocated. */
export function notGivenBack<T extends DeviceStatus>(devices: readonly T[], status: Allocated, old: Allocated): T[] {
  const idsOf = ({ allocation }: Allocated) => (allocation?.devices?.results ?? []).map(deviceId);
  const kept = new Set(idsOf(status));
  const gone = new Set(idsOf(old).filter((id) => !kept.has(id)));
  return devices.filter((device) => !gone.has(deviceId(device)));
}

export function validateClaimStatus(object: ResourceClaim, old: ResourceClaim, path: Path): FieldError[] {
  const { reservedFor = [], allocation, devices } = object.status ?? {};
  const before = old.status?.allocation;
  const allocated = new Set((allocation?.devices?.results ?? []).map(deviceId));
  const errors = [
    ...boundedSet(reservedFor, maxConsumers, path.child('reservedFor'), ({ uid = '' }) => uid, validateConsumer),
    ...boundedSet(devices, Number.POSITIVE_INFINITY, path.child('devices'), deviceId, (one, at) => validateDeviceStatus(one, allocated, at)),
    ...validateReserved(object, old, path.child('reservedFor')),
  ];
  if (allocation === undefined) return errors;
  // What was allocated stays: only giving it up is a change.
  return [...errors, ...(before === undefined ? validateAllocation(allocation, requestNames(object.spec), path.child('allocation')) : immutable(allocation, before, path.child('allocation')))];
}

function validateReserved({ metadata, status }: ResourceClaim, old: ResourceClaim, path: Path): FieldError[] {
  const reserved = status?.reservedFor ?? [];
  if (reserved.length === 0) return [];
  if (status?.allocation === undefined) return [forbidden(path, 'may not be specified when `allocated` is not set')];
  const known = new Set((old.status?.reservedFor ?? []).map((consumer) => JSON.stringify(consumer)));
  const hasNew = metadata?.deletionTimestamp !== undefined && reserved.some((consumer) => !known.has(JSON.stringify(consumer)));
  return hasNew ? [forbidden(path, 'new entries may not be added while `deallocationRequested` or `deletionTimestamp` are set')] : [];
}

function validateConsumer(consumer: Consumer, path: Path): FieldError[] {
  return (['resource', 'name', 'uid'] as const).flatMap((field) => ((consumer[field] ?? '') === '' ? [required(path.child(field))] : []));
}

/** `driver/pool/device`, and the share if it is one of several. */
function deviceId({ driver = '', pool = '', device = '', shareID = '' }: Partial<Result | DeviceStatus>): string {
  return `${driver}/${pool}/${device}${shareID === '' ? '' : `/${shareID}`}`;
}

function validateAllocation({ devices, nodeSelector }: Allocation, names: RequestNames, path: Path): FieldError[] {
  const at = path.child('devices');
  return [
    ...bounded(devices?.results, maxResults, at.child('results'), (result, where) => [
      ...validateRequestName(result.request ?? '', names, where.child('request')),
      ...validateDevice(result, where),
      ...validateBinding(result.bindingConditions, result.bindingFailureConditions, where),
    ]),
    // Of the class and of the claim.
    ...bounded(devices?.config, 2 * maxConfigurations, at.child('config'), (config, where) => [
      ...chosen(where.child('source'), config.source, ['FromClaim', 'FromClass']),
      ...validateRequestNames(config.requests, names, where.child('requests')),
      ...validateConfiguration(config, where),
    ]),
    ...(nodeSelector === undefined ? [] : validateNodeSelector(nodeSelector, path.child('nodeSelector'))),
  ];
}

function validateDevice({ driver, pool, device = '', shareID }: Partial<Result | DeviceStatus>, path: Path): FieldError[] {
  return [
    ...validateDriverName(driver, path.child('driver')),
    ...validatePool(pool, path.child('pool')),
    ...faults(path.child('device'), device, dns1123Label(device)),
    ...(shareID === undefined || /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(shareID) ? []
      : [invalid(path.child('shareID'), shareID, 'uid must be in RFC 4122 normalized form, `xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx` with lowercase hexadecimal characters')]),
  ];
}

function validateDeviceStatus(status: DeviceStatus, allocated: ReadonlySet<string>, path: Path): FieldError[] {
  const { conditions = [], data, networkData } = status;
  return [
    ...validateDevice(status, path),
    ...(allocated.has(deviceId(status)) ? [] : [invalid(path, deviceId(status), 'must be an allocated device in the claim')]),
    ...(conditions.length > maxConditions ? [tooMany(path.child('conditions'), conditions.length, maxConditions)] : []),
    ...validateConditions(conditions, path.child('conditions')),
    ...(data === undefined ? [] : validateRaw(data, maxData, path.child('data'))),
    ...(networkData === undefined ? [] : validateNetwork(networkData, path.child('networkData'))),
  ];
}

function validateNetwork({ interfaceName = '', hardwareAddress = '', ips }: NonNullable<DeviceStatus['networkData']>, path: Path): FieldError[] {
  return [
    ...(Buffer.byteLength(interfaceName) > maxInterfaceName ? [tooLong(path.child('interfaceName'), maxInterfaceName)] : []),
    ...(Buffer.byteLength(hardwareAddress) > maxHardwareAddress ? [tooLong(path.child('hardwareAddress'), maxHardwareAddress)] : []),
    ...boundedSet(ips, maxAddresses, path.child('ips'), (address) => address, (address, at) => (/^[0-9a-f.:]+\/\d{1,3}$/.test(address) ? []
      : [invalid(at, address, 'must be a valid address in CIDR form, (e.g. 10.9.8.7/24 or 2001:db8::1/64)')])),
  ];
}
