import { describe, expect, it } from 'vitest';
import type { Container, PodSpec } from '../../../machinery/kinds/core.ts';
import { noMemoryQos } from '../memory-qos.ts';
import { sandboxSpec } from './sandbox.ts';

const limited: Container = { name: 'a', resources: { requests: { cpu: '100m' }, limits: { cpu: '200m', memory: '64Mi' } } };

const node = { memoryQos: noMemoryQos, swap: { behavior: 'NoSwap' } } as const;

describe('a pod\'s cgroup', () => {
  it.each<[string, PodSpec, object]>([
    ['bounds memory when every container does, and leaves their processors to them', { containers: [limited, limited] }, { cpuRequestMillis: 200, memoryLimitBytes: 128 * 1024 ** 2 }],
    ['bounds nothing when one container is free', { containers: [limited, { name: 'b' }] }, { cpuRequestMillis: 100 }],
    ['has the limits that the pod itself asks for', { containers: [{ name: 'b' }], resources: { limits: { cpu: '1', memory: '1Gi' } } }, { cpuLimitMillis: 1000, memoryLimitBytes: 1024 ** 3 }],
  ])('%s', (_name, spec, resources) => {
    expect(sandboxSpec({ metadata: { name: 'p', namespace: 'n' }, spec }, 'u', node).resources).toEqual(resources);
  });
});

it.each([[undefined, true], [true, true], [false, false]])('of a pod with hostUsers %s has the host\'s users: %s', (hostUsers, expected) => {
  expect(sandboxSpec({ metadata: { name: 'p', namespace: 'n' }, spec: { ...(hostUsers === undefined ? {} : { hostUsers }), containers: [] } }, 'u', node).hostUsers).toBe(expected);
});
