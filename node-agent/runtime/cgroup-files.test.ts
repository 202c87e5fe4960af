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

it('v1 goes without what it has no files for', () => {
  expect(nativeResources(1, { memoryLimitBytes: 100, ...memory })).toEqual({ memoryLimitBytes: 100 });
  expect(nativeResources(1, { cpus: '1' }).files).toEqual([{ controller: 'cpuset', name: 'cpuset.cpus', value: '1' }]);
});
