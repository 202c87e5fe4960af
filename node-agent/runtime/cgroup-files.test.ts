import { expect, it } from 'vitest';
import { nativeResources } from './cgroup-files.ts';

const memory = { memoryMinBytes: 10, memoryLowBytes: 0, memoryHighBytes: Infinity };

it('what v2 has files for is said by file', () => {
  expect(nativeResources(2, { memoryLimitBytes: 100, cpus: '0-1', ...memory })).toEqual({
    memoryLimitBytes: 100,
    files: [
      { controller: 'cpuset', name: 'cpuset.cpus', value: '0-1' }, { controller: 'memory', name: 'memory.min', value: '10', isOptional: true },
      { controller: 'memory', name: 'memory.low', value: '0', isOptional: true }, { controller: 'memory', name: 'memory.high', value: 'max', isOptional: true },
    ],
  });
});

it('huge pages are bounded by size, in both', () => {
  const hugeBytes = new Map([[2 << 20, 4 << 20], [1 << 30, 0]]);
  const said = (version: 1 | 2) => nativeResources(version, { hugeBytes }).files?.map(({ controller, name, value }) => `${controller} ${name} ${value}`);
  expect(said(2)).toEqual(['hugetlb hugetlb.2MB.max 4194304', 'hugetlb hugetlb.1GB.max 0']);
  expect(said(1)).toEqual(['hugetlb hugetlb.2MB.limit_in_bytes 4194304', 'hugetlb hugetlb.1GB.limit_in_bytes 0']);
});

it('v1 goes without what it has no files for', () => {
  expect(nativeResources(1, { memoryLimitBytes: 100, ...memory })).toEqual({ memoryLimitBytes: 100 });
  expect(nativeResources(1, { cpus: '1' }).files).toEqual([{ controller: 'cpuset', name: 'cpuset.cpus', value: '1' }]);
});

it('what may be swapped is said by itself on v2, and on v1 with the memory that it comes on top of', () => {
  const file = (name: string, value: string) => [{ controller: 'memory', name, value, isOptional: true }];
  expect(nativeResources(2, { memorySwapBytes: 0 }).files).toEqual(file('memory.swap.max', '0'));
  expect(nativeResources(1, { memorySwapBytes: 10, memoryLimitBytes: 100 }).files).toEqual(file('memory.memsw.limit_in_bytes', '110'));
  expect(nativeResources(1, { memorySwapBytes: 0 }).files).toBeUndefined();
});
