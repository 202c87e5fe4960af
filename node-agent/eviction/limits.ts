import type { Pod } from '../../machinery/kinds/core.ts';
import { podLimits } from '../../machinery/pod/requests.ts';
import { canonical, formatOf, formatQuantity, parseQuantity, toUnits } from '../../machinery/quantity.ts';
import { sumOf } from '../stats/disk-usage.ts';
import { ephemeralStorage, type PodStorage } from '../stats/storage.ts';
import { containerExceeds, podExceeds, volumeExceeds } from './messages.ts';

/** The limits that a pod sets itself on the node's disk, and which it broke. Pure. Source: "Local ephemeral storage", emptyDir's `sizeLimit`. */

const resource = 'ephemeral-storage';

/** Has the pod any such limit? Others needn't be measured for it. */
export function hasStorageLimits({ spec }: Pod): boolean {
  const all = [...spec?.containers ?? [], ...spec?.initContainers ?? []];
  return all.some(({ resources }) => resources?.limits?.[resource] !== undefined) || spec?.volumes?.some(({ emptyDir }) => emptyDir?.sizeLimit !== undefined) === true;
}

/** Why the pod must go; undefined: it keeps to its limits. */
export function brokenLimit(pod: Pod, storage: PodStorage): string | undefined {
  return brokenVolume(pod, storage) ?? brokenTotal(pod, storage) ?? brokenContainer(pod, storage);
}

function brokenVolume(pod: Pod, { volumes }: PodStorage): string | undefined {
  const broken = pod.spec?.volumes?.find(({ name, emptyDir }) => exceeds(volumes.get(name)?.bytes, emptyDir?.sizeLimit));
  return broken === undefined ? undefined : volumeExceeds(broken.name, canonical(broken.emptyDir?.sizeLimit ?? '') ?? '');
}

/** 0 of a volume is no limit. */
function exceeds(bytes: number | undefined, limit: string | undefined): boolean {
  const most = parseQuantity(limit ?? '');
  return bytes !== undefined && most !== undefined && most.nanos > 0n && bytes > toUnits(most);
}

function brokenTotal(pod: Pod, storage: PodStorage): string | undefined {
  const { spec } = pod;
  const limit = podLimits(spec ?? { containers: [] }).get(resource);
  if (limit === undefined || ephemeralStorage(pod, storage).bytes <= toUnits(limit)) return undefined;
  // A sum is written as its first part was.
  const [first = ''] = (spec?.containers ?? []).flatMap(({ resources }) => resources?.limits?.[resource] ?? []);
  return podExceeds(formatQuantity(limit, formatOf(first)));
}

function brokenContainer(pod: Pod, { containers }: PodStorage): string | undefined {
  const broken = pod.spec?.containers.find(({ name, resources }) => {
    const used = containers.get(name);
    return used !== undefined && exceeds(sumOf([used.rootfs, used.logs]).bytes, resources?.limits?.[resource]);
  });
  return broken === undefined ? undefined : containerExceeds(broken.name, canonical(broken.resources?.limits?.[resource] ?? '') ?? '');
}
