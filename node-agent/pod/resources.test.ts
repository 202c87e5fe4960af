import { describe, expect, it } from 'vitest';
import type { Container, Pod } from '../../machinery/kinds/core.ts';
import type { NodeContext, PodHandle } from './handle.ts';
import { givenToContainer, givenToPod } from './resources.ts';
import { newState, type PodState } from './state.ts';

const mi = 1024 ** 2;
const swap = { behavior: 'NoSwap' } as const;
const memoryQos = { throttlingFactor: 0.5, reserves: true };
const container: Container = { name: 'c', resources: { requests: { cpu: '250m', memory: '32Mi' }, limits: { cpu: '1', memory: '64Mi' } } };
const pod: Pod = { spec: { containers: [container] } };

function handleOf(changes: Partial<NodeContext> = {}, state: Partial<PodState> = {}): Pick<PodHandle, 'node' | 'pod' | 'state'> {
  const node: Partial<NodeContext> = { memoryQos: { reserves: false }, swap, allocatable: () => ({ memory: '1Gi' }), memoryCapacityBytes: 1, hugePageSizes: [], ...changes };
  return { node: node as NodeContext, pod: () => pod, state: () => ({ ...newState(0), ...state }) };
}

describe('a container\'s cgroup', () => {
  it('is given its share and limits', () => {
    expect(givenToContainer(handleOf(), container)).toEqual({ cpuRequestMillis: 250, cpuLimitMillis: 1000, memoryLimitBytes: 64 * mi, memorySwapBytes: 0 });
  });

  it('has no huge pages that it does not ask for, where the node has some', () => {
    expect(givenToContainer(handleOf({ hugePageSizes: [2 * mi, 1024 * mi] }), { name: 'c', resources: { limits: { 'hugepages-2Mi': '6Mi' } } }).hugeBytes).toEqual(new Map([[2 * mi, 6 * mi], [1024 * mi, 0]]));
  });

  it('has no quota of processors that are its own', () => {
    expect(givenToContainer(handleOf({}, { cpus: { c: '1' } }), container)).toEqual({ cpuRequestMillis: 250, memoryLimitBytes: 64 * mi, memorySwapBytes: 0 });
    expect(givenToContainer(handleOf({}, { cpus: {} }), container).cpuLimitMillis).toBe(1000);
  });

  it('is told more of memory where the node is asked to', () => {
    expect(givenToContainer(handleOf({ memoryQos }), container)).toMatchObject({ memoryLowBytes: 32 * mi, memoryHighBytes: 48 * mi });
    expect(givenToContainer(handleOf({ memoryQos }), { name: 'free' })).toEqual({ memoryLowBytes: 0, memoryHighBytes: 512 * mi, memorySwapBytes: 0 });
  });
});

it('a pod\'s cgroup is given what its containers are together', () => {
  expect(givenToPod(pod, { memoryQos, swap })).toEqual({ cpuRequestMillis: 250, memoryLimitBytes: 64 * mi, memoryLowBytes: 32 * mi });
});

it('what may be swapped is said of both', () => {
  const limited = { behavior: 'LimitedSwap', memoryBytes: 128 * mi, swapBytes: 64 * mi } as const;
  expect(givenToContainer(handleOf({ swap: limited }), container).memorySwapBytes).toBe(16 * mi);
  expect(givenToPod(pod, { memoryQos, swap: limited }).memorySwapBytes).toBe(16 * mi);
});
