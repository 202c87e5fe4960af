import { describe, expect, it } from 'vitest';
import { grantedTo } from './granted.ts';
import type { Run } from './state.ts';

const run: Run = { id: 'x', imageId: 'i', configId: 'c', image: 'web:1', logPath: '/l', startedAt: 1 };

describe('what a container\'s status says it was given', () => {
  it('are the resources that it was started with, whatever its spec asks for since', () => {
    const resources = { requests: { cpu: '100m' }, limits: { cpu: '1' } };
    expect(grantedTo({ name: 'a', resources: { requests: { cpu: '2' } } }, { ...run, resources }, undefined)).toEqual({ allocatedResources: { cpu: '100m' }, resources });
    expect(grantedTo({ name: 'a' }, { ...run, resources }, { requests: { cpu: '2' } })).toEqual({ allocatedResources: { cpu: '2' }, resources });
    expect(grantedTo({ name: 'a' }, run, undefined)).toEqual({ resources: {} });
  });

  it('are its mounts, and how far down they are read-only', () => {
    const { volumeMounts } = grantedTo({ name: 'a', volumeMounts: [{ name: 'v', mountPath: '/v', subPath: 'x' }, { name: 'w', mountPath: '/w', readOnly: true, recursiveReadOnly: 'IfPossible' }, { name: 'x', mountPath: '/x', readOnly: true, recursiveReadOnly: 'IfPossible' }] }, { ...run, recursiveReadOnly: ['/x'] }, undefined);
    expect(volumeMounts).toEqual([{ name: 'v', mountPath: '/v' }, { name: 'w', mountPath: '/w', readOnly: true, recursiveReadOnly: 'Disabled' }, { name: 'x', mountPath: '/x', readOnly: true, recursiveReadOnly: 'Enabled' }]);
  });

  it('is its user, whose own group is among the groups', () => {
    expect(grantedTo({ name: 'a' }, { ...run, user: { uid: 1000, gid: 3000, groups: [2000, 3000] } }, undefined).user).toEqual({ linux: { uid: 1000, gid: 3000, supplementalGroups: [3000, 2000] } });
  });
});
