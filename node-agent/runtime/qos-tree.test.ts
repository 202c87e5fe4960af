import { describe, expect, it } from 'vitest';
import { nothingReserved } from '../node/reserved.ts';
import { qosTree, sandboxCgroup, sharesOf, swaplessPods } from './qos-tree.ts';

const v1 = { version: 1 as const, hierarchies: [{ controllers: ['cpu', 'cpuacct'], mount: '/cg/cpu' }, { controllers: ['memory'], mount: '/cg/memory' }], others: [] };
const v2 = { version: 2 as const, hierarchies: [{ controllers: ['cpu', 'memory', 'pids'], mount: '/cg' }], others: [] };

it.each([['Guaranteed', 'k1'], ['Burstable', 'burstable/k1'], ['BestEffort', 'besteffort/k1']] as const)('a %s pod is at %s', (qos, path) => {
  expect(sandboxCgroup(qos, 'k1')).toBe(path);
});

it.each([[0, 2], [1, 2], [250, 256], [1000, 1024], [1_000_000, 262_144]])('%i thousandths of a core are %i shares', (millis, shares) => {
  expect(sharesOf(millis)).toBe(shares);
});

describe('the cgroups above the pods\'', () => {
  it('weigh what the machine has, what burstable pods ask for and next to nothing, on v1', () => {
    expect(qosTree(v1, 'coracle-a1', { cpus: 4, memoryBytes: 1000, reserved: nothingReserved, swaps: false }, { burstableCpuMillis: 1500, guaranteedMemoryBytes: 7, burstableMemoryBytes: 8 })).toEqual([
      { controllers: ['cpu', 'cpuacct'], path: '/cg/cpu/coracle-a1', files: [{ name: 'cpu.shares', value: '4096' }] },
      { controllers: ['cpu', 'cpuacct'], path: '/cg/cpu/coracle-a1/burstable', files: [{ name: 'cpu.shares', value: '1536' }] },
      { controllers: ['cpu', 'cpuacct'], path: '/cg/cpu/coracle-a1/besteffort', files: [{ name: 'cpu.shares', value: '2' }] },
      { controllers: ['memory'], path: '/cg/memory/coracle-a1', files: [{ name: 'memory.limit_in_bytes', value: '-1' }] }, { controllers: ['memory'], path: '/cg/memory/coracle-a1/burstable', files: [] }, { controllers: ['memory'], path: '/cg/memory/coracle-a1/besteffort', files: [] },
    ]);
  });

  it('do on v2, keep pods from swapping, and are left what is below them', () => {
    expect(qosTree(v2, 'coracle-a1', { cpus: 4, memoryBytes: 1000, reserved: nothingReserved, swaps: false }, { burstableCpuMillis: 0, guaranteedMemoryBytes: 100, burstableMemoryBytes: 20 })).toEqual([
      { controllers: ['cpu', 'memory', 'pids'], path: '/cg/coracle-a1', files: [{ name: 'cpu.weight', value: '157' }, { name: 'memory.swap.max', value: '0' }, { name: 'memory.min', value: '100' }, { name: 'memory.low', value: '120' }, { name: 'memory.max', value: 'max' }] },
      { controllers: ['cpu', 'memory', 'pids'], path: '/cg/coracle-a1/burstable', files: [{ name: 'cpu.weight', value: '1' }, { name: 'memory.low', value: '20' }] },
      { controllers: ['cpu', 'memory', 'pids'], path: '/cg/coracle-a1/besteffort', files: [{ name: 'cpu.weight', value: '1' }] },
    ]);
  });
});

describe('what the machine keeps', () => {
  it.each([[v1, ['cpu.shares', '3584'], ['memory.limit_in_bytes', '700']], [v2, ['cpu.weight', '137'], ['memory.max', '700']]] as const)('is not for pods together', (layout, cpu, memory) => {
    const requests = { burstableCpuMillis: 0, guaranteedMemoryBytes: 0, burstableMemoryBytes: 0 };
    const reserved = { cpuMillis: 500, memoryBytes: 300, storageBytes: 0 };
    const files = qosTree(layout, 'coracle-a1', { cpus: 4, memoryBytes: 1000, reserved, swaps: false }, requests).filter(({ path }) => path.endsWith('coracle-a1')).flatMap((each) => each.files.map(({ name, value }) => [name, value]));
    expect(files).toEqual(expect.arrayContaining([cpu, memory]));
  });
});

describe('pods that swap', () => {
  it('are let by the instance', () => {
    const files = qosTree(v2, 'coracle-a1', { cpus: 1, memoryBytes: 1000, reserved: nothingReserved, swaps: true }, { burstableCpuMillis: 0, guaranteedMemoryBytes: 0, burstableMemoryBytes: 0 })[0]?.files;
    expect(files).toContainEqual({ name: 'memory.swap.max', value: 'max' });
  });

  it('are none of those that were started while none did', () => {
    const sandboxes = [{ cgroup: 'burstable/old', memorySwapBytes: undefined }, { cgroup: 'burstable/new', memorySwapBytes: 0 }];
    expect(swaplessPods(v2, 'coracle-a1', sandboxes)).toEqual([{ controllers: ['cpu', 'memory', 'pids'], path: '/cg/coracle-a1/burstable/old', files: [{ name: 'memory.swap.max', value: '0' }] }]);
    expect(swaplessPods(v1, 'coracle-a1', sandboxes)).toEqual([]);
  });
});
