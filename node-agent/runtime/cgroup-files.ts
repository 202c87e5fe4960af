import type { CgroupFile, CgroupResources as NativeResources } from '../../native/container.ts';
import { kernelSize } from '../huge-pages.ts';
import type { CgroupResources } from './runtime.ts';

/** What a cgroup's resources are in the protocol: numbers that a supervisor makes files of itself, and files. Pure. */
export function nativeResources(version: 1 | 2, { cpus, hugeBytes = new Map(), memorySwapBytes, memoryMinBytes, memoryLowBytes, memoryHighBytes, ...numbers }: CgroupResources): NativeResources {
  const files = [
    ...(cpus === undefined ? [] : [{ controller: 'cpuset', name: 'cpuset.cpus', value: cpus }]),
    ...[...hugeBytes].map(([size, bytes]): CgroupFile => ({ controller: 'hugetlb', name: `hugetlb.${kernelSize(size)}.${version === 1 ? 'limit_in_bytes' : 'max'}`, value: String(bytes), isOptional: true })),
    ...(version === 1 ? memoryFile('memory.memsw.limit_in_bytes', sumOf(numbers.memoryLimitBytes, memorySwapBytes)) : memoryFile('memory.swap.max', memorySwapBytes)),
    ...(version === 1 ? [] : [...memoryFile('memory.min', memoryMinBytes), ...memoryFile('memory.low', memoryLowBytes), ...memoryFile('memory.high', memoryHighBytes)]),
  ];
  return { ...numbers, ...(files.length === 0 ? {} : { files }) };
}

/** v1 counts memory and swap together. */
function sumOf(memoryBytes: number | undefined, swapBytes: number | undefined): number | undefined {
  return memoryBytes === undefined || swapBytes === undefined ? undefined : memoryBytes + swapBytes;
}

/** Pods that an older version has started go on without. */
function memoryFile(name: string, bytes: number | undefined): readonly CgroupFile[] {
  return bytes === undefined ? [] : [{ controller: 'memory', name, value: bytes === Infinity ? 'max' : String(Math.trunc(bytes)), isOptional: true }];
}
