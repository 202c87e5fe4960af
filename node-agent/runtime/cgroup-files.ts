import type { CgroupFile, CgroupResources as NativeResources } from '../../native/container.ts';
import type { CgroupResources } from './runtime.ts';

/** What a cgroup's resources are in the protocol: numbers that a supervisor makes files of itself, and files. Pure. */
export function nativeResources({ cpus, ...numbers }: CgroupResources): NativeResources {
  const files: readonly CgroupFile[] = cpus === undefined ? [] : [{ controller: 'cpuset', name: 'cpuset.cpus', value: cpus }];
  return { ...numbers, ...(files.length === 0 ? {} : { files }) };
}
