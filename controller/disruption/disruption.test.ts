import { describe, expect, it } from 'vitest';
import type { Pod } from '../../machinery/kinds/core.ts';
import type { PodDisruptionBudget } from '../../machinery/kinds/policy.ts';
import { plan } from './disruption.ts';

const now = Date.parse('2026-01-01T00:10:00Z');

function budget(spec: PodDisruptionBudget['spec'], disruptedPods?: Readonly<Record<string, string>>): PodDisruptionBudget {
  return {
    metadata: { name: 'b', namespace: 'default', generation: 3 }, spec: { selector: { matchLabels: { app: 'web' } }, ...spec },
    status: { currentHealthy: 0, desiredHealthy: 0, disruptionsAllowed: 0, expectedPods: 0, ...(disruptedPods === undefined ? {} : { disruptedPods }) },
  };
}

function pods(count: number, ready = count): Pod[] {
  return Array.from({ length: count }, (_, i): Pod => ({
    metadata: { name: `p${i}`, namespace: 'default', labels: { app: 'web' }, ownerReferences: [{ apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'web', uid: 'rs', controller: true }] },
    status: { conditions: [{ type: 'Ready', status: i < ready ? 'True' : 'False' }] },
  }));
}

const scaleOf = () => ({ uid: 'rs', replicas: 10 });

describe('a disruption budget', () => {
  it.each([
    ['a number of pods', { minAvailable: 3 }, pods(5), { expectedPods: 5, desiredHealthy: 3, currentHealthy: 5, disruptionsAllowed: 2 }],
    ['a share of the workload\'s scale, rounded up', { minAvailable: '35%' }, pods(10), { expectedPods: 10, desiredHealthy: 4, currentHealthy: 10, disruptionsAllowed: 6 }],
    ['all but a number', { maxUnavailable: 2 }, pods(10, 9), { expectedPods: 10, desiredHealthy: 8, currentHealthy: 9, disruptionsAllowed: 1 }],
    ['all but a share, rounded up', { maxUnavailable: '25%' }, pods(10, 9), { expectedPods: 10, desiredHealthy: 7, currentHealthy: 9, disruptionsAllowed: 2 }],
    ['more than there are', { minAvailable: 7 }, pods(5), { expectedPods: 5, desiredHealthy: 7, currentHealthy: 5, disruptionsAllowed: 0 }],
    ['none of nobody', { minAvailable: 0 }, [], { expectedPods: 0, desiredHealthy: 0, currentHealthy: 0, disruptionsAllowed: 0 }],
  ])('keeps %s', (_what, spec, covered, expected) => {
    const [step] = plan(budget(spec), { pods: covered, scaleOf }, now);
    expect(step).toMatchObject({ type: 'status', status: { ...expected, observedGeneration: 3, conditions: [{ type: 'DisruptionAllowed', status: expected.disruptionsAllowed > 0 ? 'True' : 'False' }] } });
  });

  it('counts pods whose eviction was granted as gone, for two minutes', () => {
    const granted = { p0: '2026-01-01T00:09:00Z', p1: '2026-01-01T00:07:59Z', gone: '2026-01-01T00:09:00Z' };
    const steps = plan(budget({ minAvailable: 3 }, granted), { pods: pods(5), scaleOf }, now);
    expect(steps).toMatchObject([{ status: { currentHealthy: 4, disruptionsAllowed: 1, disruptedPods: { p0: '2026-01-01T00:09:00Z' } } }, { type: 'requeueAfter', ms: 60_000 }]);
  });

  it('lets nobody go while there is no telling how many there should be', () => {
    const stray = pods(1).map(({ metadata, ...rest }): Pod => ({ ...rest, metadata: { ...metadata, ownerReferences: [] } }));
    expect(plan(budget({ maxUnavailable: 1 }), { pods: stray, scaleOf }, now)).toMatchObject([
      { type: 'event', reason: 'CalculateExpectedPodCountFailed' },
      { type: 'status', status: { disruptionsAllowed: 0, conditions: [{ status: 'False', reason: 'SyncFailed', message: 'found no controller ref for pod "p0"' }] } },
    ]);
  });

  it('is not written again when nothing has changed', () => {
    const [first] = plan(budget({ minAvailable: 3 }), { pods: pods(5), scaleOf }, now);
    const written = { ...budget({ minAvailable: 3 }), status: first?.type === 'status' ? first.status as NonNullable<PodDisruptionBudget['status']> : undefined } as PodDisruptionBudget;
    const [second] = plan(written, { pods: pods(5), scaleOf }, now + 5000);
    expect(second?.type === 'status' ? second.status : undefined).toEqual(written.status);
  });
});
