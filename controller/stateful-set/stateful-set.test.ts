import { describe, expect, it } from 'vitest';
import { timestamp } from '../../machinery/conditions.ts';
import type { Pod } from '../../machinery/kinds/core.ts';
import { failure } from '../../machinery/status.ts';
import { plan, planFailure } from './stateful-set.ts';
import { changes, now, observed, pod, revision, set, type Spec } from './test-objects.ts';

const parallel = { podManagementPolicy: 'Parallel' };
const onDelete = { updateStrategy: { type: 'OnDelete' } };
const rolling = (rollingUpdate: object): Partial<Spec> => ({ updateStrategy: { type: 'RollingUpdate', rollingUpdate } });
const scaledTo = (replicas: number): Partial<Spec> => ({ replicas });

describe('a StatefulSet', () => {
  it.each<[string, Partial<Spec>, string, string]>([
    ['begins with the first pod', {}, '', '+web-0'],
    ['waits for a pod that is pending', {}, '0n-', ''],
    ['waits for a pod that is not ready', {}, '0n?', ''],
    ['makes the next when the one before is ready', {}, '0n', '+web-1'],
    ['fills a gap before it goes on', {}, '0n 2n', '+web-1'],
    ['waits for a pod that is going before it makes it anew', {}, '0n 1n~ 2n', ''],
    ['removes a failed pod', {}, '0n 1n! 2n', '-web-1'],
    ['removes a pod that succeeded', {}, '0n 1n$ 2n', '-web-1'],
    ['removes the highest of those beyond its size', scaledTo(1), '0n 1n 2n', '-web-2'],
    ['waits for one that goes before it removes the next', scaledTo(1), '0n 1n 2n~', ''],
    ['removes none while one that stays is not ready', scaledTo(1), '0n? 1n 2n', ''],
    ['removes none but the only one that is not ready', scaledTo(1), '0n 1n 2n?', '-web-2'],
    ['waits for a lower one that is not ready before it removes a higher one that is not', scaledTo(1), '0n 1n? 2n?', ''],
    ['begins at its first ordinal', { ordinals: { start: 5 } }, '', '+web-5'],
    ['moves to other ordinals: makes those that it wants, then removes those below', { ordinals: { start: 1 }, replicas: 2 }, '0n 1n 2n', '-web-0'],
    ['leaves all be when it has what it wants', {}, '0n 1n 2n', ''],
    ['makes all at once in parallel', parallel, '1n-', '+web-0 +web-2'],
    ['removes all at once in parallel, ready or not', { ...parallel, ...scaledTo(1) }, '0n? 1n 2n-', '-web-2 -web-1'],
    ['removes failed pods beside others in parallel', parallel, '0n! 1n- 2n!', '-web-0 -web-2'],
  ])('%s', (_name, spec, pods, expected) => {
    expect(changes(plan(set(spec), observed(pods), now))).toBe(expected);
  });

  it.each<[string, Partial<Spec>, string, string]>([
    ['replaces the highest old pod first', {}, '0o 1o 2o', '-web-2'],
    ['goes on downwards', {}, '0o 1o 2n', '-web-1'],
    ['waits for the new one', {}, '0o 1o 2n?', ''],
    ['stops at the partition', rolling({ partition: 2 }), '0o 1o 2n', ''],
    ['replaces none with a partition beyond its size', rolling({ partition: 9 }), '0o 1o 2o', ''],
    ['replaces as many at a time as may be unavailable', rolling({ maxUnavailable: 2 }), '0o 1o 2o', '-web-2 -web-1'],
    ['rounds a share down, but not to none', rolling({ maxUnavailable: '10%' }), '0o 1o 2o', '-web-2'],
    ['leaves it to the user with OnDelete', onDelete, '0o 1o 2o', ''],
    ['scales before it updates', scaledTo(2), '0o 1o 2o', '-web-2'],
    ['in order cannot mend a pod that does not start', {}, '0o 1o 2o?', ''],
    ['in parallel replaces what does not start first, and nothing that serves', parallel, '0o? 1o 2o', '-web-0'],
    ['in parallel keeps to its budget among those that serve', parallel, '0o 1o 2n?', ''],
  ])('updates: %s', (_name, spec, pods, expected) => {
    expect(changes(plan(set(spec), observed(pods), now))).toBe(expected);
  });

  it.each<[string, Partial<Spec>, string, string]>([
    ['of the new template', {}, '0o 2o', 'new'],
    ['of the old template below the partition', rolling({ partition: 2 }), '0o 2o', 'old'],
    ['of the new template with OnDelete', onDelete, '0o 2o', 'new'],
  ])('makes a missing pod %s', (_name, spec, pods, image) => {
    const [step] = plan(set(spec), observed(pods), now);
    expect(step).toMatchObject({ type: 'create', object: { metadata: { labels: { 'controller-revision-hash': `web-${image}` } }, spec: { containers: [{ image }] } } });
  });

  it('gives a pod its name, host name, subdomain, labels and owner', () => {
    const [step] = plan(set({ ordinals: { start: 7 } }), observed(''), now);
    expect(step).toMatchObject({ type: 'create', object: {
      metadata: { name: 'web-7', labels: { app: 'web', 'statefulset.kubernetes.io/pod-name': 'web-7', 'apps.kubernetes.io/pod-index': '7' }, ownerReferences: [{ kind: 'StatefulSet', uid: 'set', controller: true }] },
      spec: { hostname: 'web-7', subdomain: 'service' },
    } });
  });

  it('waits for a pod to have been ready for long enough, and looks again then', () => {
    const steps = plan(set({ minReadySeconds: 130 }), observed('0n'), now);
    expect(changes(steps)).toBe('');
    expect(steps.at(-1)).toEqual({ type: 'requeueAfter', ms: 30_000 });
    expect(steps.find(({ type }) => type === 'status')).toMatchObject({ status: { readyReplicas: 1, availableReplicas: 0 } });
  });

  it('says what it did, in Kubernetes\' words', () => {
    const [create] = plan(set(), observed(''), now);
    expect(create?.type === 'create' && create.done?.('web-0')).toMatchObject({ reason: 'SuccessfulCreate', message: 'create Pod web-0 in StatefulSet web successful' });
    expect(create?.type === 'create' && create.failed?.(failure('Forbidden', 'quota'))).toMatchObject({ eventType: 'Warning', reason: 'FailedCreate', message: 'create Pod web-0 in StatefulSet web failed error: quota' });
    const [told, removed] = plan(set(), observed('0n!'), now);
    expect(told).toMatchObject({ eventType: 'Warning', reason: 'RecreatingFailedPod', message: 'StatefulSet default/web is recreating failed Pod web-0' });
    expect(removed?.type === 'delete' && removed.done?.()).toMatchObject({ reason: 'SuccessfulDelete', message: 'delete Pod web-0 in StatefulSet web successful' });
  });

  it.each<[string, Partial<Spec>, string, object]>([
    ['counts both revisions in the middle of an update', {}, '0o 1n 2n~', { replicas: 3, readyReplicas: 3, availableReplicas: 3, currentReplicas: 1, updatedReplicas: 1, currentRevision: 'web-old', updateRevision: 'web-new' }],
    ['ends an update when all pods are new and ready', {}, '0n 1n 2n', { currentReplicas: 3, updatedReplicas: 3, currentRevision: 'web-new', updateRevision: 'web-new' }],
    ['does not end it before they are ready', {}, '0n 1n 2n?', { readyReplicas: 2, updatedReplicas: 3, currentRevision: 'web-old' }],
    ['never ends it with OnDelete', onDelete, '0n 1n 2n', { updatedReplicas: 3, currentRevision: 'web-old' }],
    ['has seen this generation, without any pod', {}, '', { replicas: 0, availableReplicas: 0, observedGeneration: 4, collisionCount: 0 }],
  ])('in its status %s', (_name, spec, pods, expected) => {
    expect(plan(set(spec), observed(pods), now).find(({ type }) => type === 'status')).toMatchObject({ status: expected });
  });

  it('tells its state when something failed', () => {
    expect(planFailure(set(), observed('0n'), failure('Forbidden', 'quota'), now)).toMatchObject([{ type: 'status', status: { replicas: 1, readyReplicas: 1 } }]);
    expect(planFailure(set(), observed('0n'), failure('Conflict', 'newer'), now)).toEqual([]);
  });

  it('only counts while it is being deleted', () => {
    const going = set({}, { metadata: { ...set().metadata, deletionTimestamp: timestamp(now) } });
    expect(plan(going, observed('0n', { revisions: [] }), now)).toMatchObject([{ type: 'status', status: { replicas: 1, currentRevision: 'web-old' } }]);
  });
});

const orphan = (name: string): Pod => ({ metadata: { namespace: 'default', name, uid: name, labels: { app: 'web' } }, status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] } });
const patches = (pods: readonly Pod[]): unknown[] => plan(set(), observed('', { pods }), now).filter(({ type }) => type === 'patch');

describe('the pods of a StatefulSet', () => {
  it('are adopted when they bear one of its names, and labelled with it', () => {
    expect(patches([orphan('web-0')])).toMatchObject([
      { at: { name: 'web-0' }, body: { metadata: { ownerReferences: [{ uid: 'set', controller: true }] } } },
      { at: { name: 'web-0' }, body: { metadata: { labels: { 'statefulset.kubernetes.io/pod-name': 'web-0', 'apps.kubernetes.io/pod-index': '0' } } } },
    ]);
  });

  it.each(['web', 'web-', 'web-x', 'other-0', 'web-0-0', 'web-99999999999'])('are not adopted under the name %s', (name) => {
    expect(patches([orphan(name)])).toEqual([]);
  });

  it('are let go of when their labels no longer match', () => {
    const stray = { ...pod('0n'), metadata: { ...pod('0n').metadata, labels: { app: 'other' } } };
    expect(patches([stray])).toMatchObject([{ at: { name: 'web-0' }, body: { metadata: { ownerReferences: [{ $patch: 'delete', uid: 'set' }] } } }]);
  });
});

const old = [1, 2, 3, 4].map((number) => revision(`web-${number}`, `old-${number}`, number));
const removed = (revisionHistoryLimit: number, pods = ''): string => changes(plan(set({ revisionHistoryLimit, replicas: 0 }), observed(pods, { revisions: [...old, revision('web-new', 'new', 5)] }), now));

describe('the history of a StatefulSet', () => {
  it.each([[2, '-web-1 -web-2'], [0, '-web-1 -web-2 -web-3 -web-4'], [10, ''], [-1, '']])('with a limit of %i loses "%s"', (limit, expected) => {
    expect(removed(limit)).toBe(expected);
  });

  it('keeps what pods are of', () => {
    const revisions = [revision('web-old', 'old', 1), ...old.slice(1), revision('web-new', 'new', 5)];
    expect(changes(plan(set({ revisionHistoryLimit: 0, replicas: 1, ...onDelete }), observed('0o', { revisions }), now))).toBe('-web-2 -web-3 -web-4');
  });
});
