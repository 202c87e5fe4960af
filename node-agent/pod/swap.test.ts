import { describe, expect, it } from 'vitest';
import type { Container, Pod } from '../../machinery/kinds/core.ts';
import { containerSwap, podSwap } from './swap.ts';

const gi = 1024 ** 3;
const noSwap = { behavior: 'NoSwap' } as const;
const limited = (memory: number, swap: number) => ({ behavior: 'LimitedSwap', memoryBytes: memory * gi, swapBytes: swap * gi } as const);
const container = (request: string | undefined, limit?: string, cpu?: string): Container => ({
  name: 'c',
  resources: {
    requests: { ...(request === undefined ? {} : { memory: request }), ...(cpu === undefined ? {} : { cpu }) }, limits: { ...(limit === undefined ? {} : { memory: limit }), ...(cpu === undefined ? {} : { cpu }) },
  },
});
const podOf = (...containers: readonly Container[]): Pod => ({ spec: { containers: [...containers] } });

describe('what a container may swap', () => {
  it.each([['1Gi', limited(80, 4), 53_687_091], ['2Gi', limited(40, 2), 107_374_182], ['5Gi', limited(150, 40), 1_431_655_765]] as const)('is a Burstable pod\'s share by its request: %s', (request, swap, bytes) => {
    expect(containerSwap(podOf(container(request)), container(request), swap)).toBe(bytes);
  });

  it.each<[string, Pod, Container]>([
    ['of a Guaranteed pod', podOf(container('1Gi', '1Gi', '1')), container('1Gi', '1Gi', '1')],
    ['of a BestEffort pod', podOf({ name: 'c' }), { name: 'c' }],
    ['whose limit is its request', podOf(container('1Gi', '1Gi')), container('1024Mi', '1Gi')],
    ['that asks for none', podOf(container('1Gi'), container(undefined)), container(undefined)],
    ['of a critical pod', { spec: { priority: 2_000_000_000, containers: [container('1Gi')] } }, container('1Gi')],
  ])('is nothing %s', (_name, pod, one) => {
    expect(containerSwap(pod, one, limited(8, 8))).toBe(0);
  });

  it('is nothing where nobody swaps', () => {
    expect(containerSwap(podOf(container('1Gi')), container('1Gi'), noSwap)).toBe(0);
  });
});

it('a pod may swap what its containers may together, and nothing is said of it where nobody swaps', () => {
  expect(podSwap(podOf(container('1Gi'), container('2Gi')), limited(8, 4))).toBe(1.5 * gi);
  expect(podSwap(podOf({ name: 'c' }), limited(8, 4))).toBe(0);
  expect(podSwap(podOf(container('1Gi')), noSwap)).toBeUndefined();
});
