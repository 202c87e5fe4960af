import { describe, expect, it } from 'vitest';
import type { Container, PodSpec } from '../kinds/core.ts';
import { formatQuantity } from '../quantity.ts';
import { heldSpec, podLimits, podRequests } from './requests.ts';

function container(name: string, cpu: string, options: { restartPolicy?: 'Always'; limit?: string } = {}): Container {
  return {
    name,
    resources: { requests: { cpu }, ...(options.limit === undefined ? {} : { limits: { cpu: options.limit } }) },
    ...(options.restartPolicy === undefined ? {} : { restartPolicy: options.restartPolicy }),
  };
}

const cpu = (amounts: ReturnType<typeof podRequests>): string => formatQuantity(amounts.get('cpu') ?? { nanos: 0n }, 'DecimalSI');

describe('what a pod requests', () => {
  it.each<[string, PodSpec, string]>([
    ['the sum of its containers', { containers: [container('a', '100m'), container('b', '200m')] }, '300m'],
    ['an init container that needs more than all of them', { initContainers: [container('i', '1')], containers: [container('a', '100m')] }, '1'],
    ['not an init container that needs less', { initContainers: [container('i', '50m')], containers: [container('a', '100m')] }, '100m'],
    ['sidecars beside its containers', { initContainers: [container('s', '1', { restartPolicy: 'Always' })], containers: [container('a', '100m')] }, '1100m'],
    ['sidecars beside a later init container', {
      initContainers: [container('s', '1', { restartPolicy: 'Always' }), container('i', '2')], containers: [container('a', '100m')],
    }, '3'],
    ['nothing of sidecars that start after an init container', {
      initContainers: [container('i', '2'), container('s', '1', { restartPolicy: 'Always' })], containers: [container('a', '100m')],
    }, '2'],
    ['overhead on top', { containers: [container('a', '100m')], overhead: { cpu: '50m' } }, '150m'],
    ['what is set for the whole pod', { containers: [container('a', '100m')], resources: { requests: { cpu: '2' } } }, '2'],
  ])('is %s', (_name, spec, expected) => {
    expect(cpu(podRequests(spec))).toBe(expected);
  });

  it.each([
    ['what it asks, when nothing is known of it', undefined, '300m'],
    ['what it is granted, while it asks for less', { containerStatuses: [{ name: 'a', allocatedResources: { cpu: '500m' } }] }, '500m'],
    ['what it asks, while it is granted less', { containerStatuses: [{ name: 'a', allocatedResources: { cpu: '100m' } }] }, '300m'],
    ['what it still has', { containerStatuses: [{ name: 'a', allocatedResources: { cpu: '100m' }, resources: { requests: { cpu: '700m' } } }] }, '700m'],
    ['what it is granted, when it asks for what it can\'t have', { conditions: [{ type: 'PodResizePending', status: 'True', reason: 'Infeasible' }], containerStatuses: [{ name: 'a', allocatedResources: { cpu: '100m' } }] }, '100m'],
  ] as const)('of its node are held: %s', (_name, status, expected) => {
    const containerStatuses = (status !== undefined && 'containerStatuses' in status ? status.containerStatuses : []).map((each) => ({ image: '', imageID: '', ready: true, restartCount: 0, ...each }));
    expect(cpu(podRequests(heldSpec({ spec: { containers: [container('a', '300m')] }, status: { ...status, containerStatuses } })))).toBe(expected);
  });

  it('has limits only for resources that a container limits', () => {
    const limits = podLimits({ containers: [container('a', '1', { limit: '2' }), container('b', '1')], overhead: { cpu: '1', memory: '1Gi' } });
    expect([...limits.keys()]).toEqual(['cpu']);
    expect(cpu(limits)).toBe('3');
  });
});
