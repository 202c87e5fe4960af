import { describe, expect, it } from 'vitest';
import type { Container, Pod } from '../../machinery/kinds/core.ts';
import { containerMemoryQos, noMemoryQos, podMemoryQos } from './memory-qos.ts';

const mi = 1024 ** 2;
const allocatable = 1000 * mi;
const memory = (request: string | undefined, limit: string | undefined): Container => ({
  name: 'c', resources: { ...(request === undefined ? {} : { requests: { memory: request } }), ...(limit === undefined ? {} : { limits: { memory: limit } }) },
});
const podOf = (container: Container): Pod => ({ spec: { containers: [container] } });
const guaranteed: Container = { name: 'c', resources: { requests: { cpu: '1', memory: '100Mi' }, limits: { cpu: '1', memory: '100Mi' } } };
const both = { throttlingFactor: 0.9, reserves: true };

describe('what the kernel is told of a container\'s memory', () => {
  it.each<[string, Container, object]>([
    ['of a Guaranteed pod: its request is its own, and nothing slows it down', guaranteed, { memoryMinBytes: 100 * mi }],
    ['of a Burstable pod with a limit: the KEP\'s formula', memory('500Mi', '1000Mi'), { memoryLowBytes: 500 * mi, memoryHighBytes: 950 * mi }],
    ['of a Burstable pod without one: the node\'s memory stands for it', memory('100Mi', undefined), { memoryLowBytes: 100 * mi, memoryHighBytes: 910 * mi }],
    ['that has its limit as its request: nothing slows it down', memory('100Mi', '100Mi'), { memoryLowBytes: 100 * mi, memoryHighBytes: Infinity }],
    ['that asks for more than there is: nothing slows it down', memory('2000Mi', undefined), { memoryLowBytes: 2000 * mi, memoryHighBytes: Infinity }],
    ['of a BestEffort pod: nothing is left with it', { name: 'c' }, { memoryHighBytes: 900 * mi }],
    ['is in whole pages', memory('1', '10000'), { memoryLowBytes: 1, memoryHighBytes: 8192 }],
  ])('%s', (_name, container, told) => {
    expect(containerMemoryQos(podOf(container), container, both, allocatable)).toEqual(told);
  });

  it('is what is asked for alone', () => {
    const container = memory('500Mi', '1000Mi');
    expect(containerMemoryQos(podOf(container), container, noMemoryQos, allocatable)).toEqual({});
    expect(containerMemoryQos(podOf(container), container, { throttlingFactor: 0.5, reserves: false }, allocatable)).toEqual({ memoryHighBytes: 750 * mi });
    expect(containerMemoryQos(podOf(container), container, { reserves: true }, allocatable)).toEqual({ memoryLowBytes: 500 * mi });
  });
});

describe('what it is told of a pod\'s', () => {
  it.each<[string, Pod, object]>([
    ['Guaranteed', podOf(guaranteed), { memoryMinBytes: 100 * mi }],
    ['Burstable, with what its sidecars ask for', { spec: { containers: [memory('10Mi', undefined)], initContainers: [{ ...memory('20Mi', undefined), restartPolicy: 'Always' }, memory('25Mi', undefined)] } }, { memoryLowBytes: 45 * mi }],
    ['BestEffort', podOf({ name: 'c' }), {}],
  ])('%s', (_name, pod, told) => {
    expect(podMemoryQos(pod, both)).toEqual(told);
    expect(podMemoryQos(pod, { throttlingFactor: 0.9, reserves: false })).toEqual({});
  });
});
