import { describe, expect, it } from 'vitest';
import { timestamp } from '../../machinery/conditions.ts';
import type { ReplicaSet } from '../../machinery/kinds/apps.ts';
import type { Pod } from '../../machinery/kinds/core.ts';
import { failure } from '../../machinery/status.ts';
import { leastWanted } from './least-wanted.ts';
import { plan, planFailure, replicaSets } from './replicaset.ts';

const now = Date.UTC(2026, 0, 1);
const set = (replicas: number, status: ReplicaSet['status'] = { replicas: 0 }): ReplicaSet => ({
  metadata: { namespace: 'default', name: 'web', uid: 'rs', generation: 2 }, status,
  spec: { replicas, selector: { matchLabels: { app: 'web' } }, template: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'c', image: 'a' }] } } },
});
const owned = [{ apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'web', uid: 'rs', controller: true }];

interface Shape {
  readonly node?: string;
  readonly phase?: string;
  readonly ready?: boolean;
  readonly cost?: string;
  readonly ageSeconds?: number;
  readonly restarts?: number;
  readonly deleting?: boolean;
  readonly labels?: Record<string, string>;
  readonly orphan?: boolean;
}

function pod(name: string, shape: Shape = {}): Pod {
  const { node = 'n1', phase = 'Running', ready = true, cost, ageSeconds = 100, restarts = 0 } = shape;
  return {
    metadata: {
      namespace: 'default', name, uid: name, labels: shape.labels ?? { app: 'web' }, creationTimestamp: timestamp(now - ageSeconds * 1000),
      ...(shape.orphan === true ? {} : { ownerReferences: owned }), ...(cost === undefined ? {} : { annotations: { 'controller.kubernetes.io/pod-deletion-cost': cost } }),
      ...(shape.deleting === true ? { deletionTimestamp: timestamp(now) } : {}),
    },
    spec: { containers: [], ...(node === '' ? {} : { nodeName: node }) },
    status: {
      phase, conditions: [{ type: 'Ready', status: ready ? 'True' : 'False', lastTransitionTime: timestamp(now - ageSeconds * 1000) }],
      containerStatuses: [{ name: 'c', restartCount: restarts, image: 'a', imageID: '', ready }],
    },
  };
}

describe('a ReplicaSet', () => {
  it('makes what is missing, as its template says', () => {
    const [batch] = plan(replicaSets, set(3), { candidates: [pod('a'), pod('gone', { phase: 'Failed' })], related: [] }, now);
    expect(batch).toMatchObject({ type: 'slowStart' });
    const steps = batch?.type === 'slowStart' ? batch.steps : [];
    expect(steps).toHaveLength(2);
    expect(steps[0]).toMatchObject({ type: 'create', object: { metadata: { generateName: 'web-', namespace: 'default', labels: { app: 'web' }, ownerReferences: [{ uid: 'rs', controller: true }] } } });
  });

  it('counts what it has', () => {
    const steps = plan(replicaSets, set(3), { candidates: [pod('a'), pod('b', { ready: false }), pod('c', { deleting: true })], related: [] }, now);
    expect(steps.at(-1)).toMatchObject({ type: 'status', status: { replicas: 2, readyReplicas: 1, availableReplicas: 1, fullyLabeledReplicas: 2, terminatingReplicas: 1, observedGeneration: 2 } });
  });

  it('does not replace a pod that ends before it is gone from the count, nor wait for it', () => {
    const steps = plan(replicaSets, set(1), { candidates: [pod('a', { deleting: true })], related: [] }, now);
    expect(steps[0]).toMatchObject({ type: 'slowStart', steps: [{ type: 'create' }] });
  });

  it('adopts an orphan that it selects, and lets go of a pod that it no longer selects', () => {
    const steps = plan(replicaSets, set(1), { candidates: [pod('orphan', { orphan: true }), pod('stray', { labels: { app: 'other' } })], related: [] }, now);
    expect(steps.filter(({ type }) => type === 'patch')).toMatchObject([
      { at: { name: 'orphan' }, body: { metadata: { ownerReferences: [{ uid: 'rs', controller: true }] } }, ifAlive: { uid: 'rs' } },
      { at: { name: 'stray' }, body: { metadata: { ownerReferences: [{ $patch: 'delete', uid: 'rs' }] } } },
    ]);
    expect(steps.some(({ type }) => type === 'slowStart')).toBe(false);
  });

  it('neither makes nor adopts while it is being deleted', () => {
    const going = { ...set(3), metadata: { ...set(3).metadata, deletionTimestamp: timestamp(now) } };
    expect(plan(replicaSets, going, { candidates: [pod('orphan', { orphan: true })], related: [] }, now).map(({ type }) => type)).toEqual(['status']);
  });

  it('looks again when a ready pod will have been so for long enough', () => {
    const waiting = { ...set(1), spec: { ...set(1).spec, minReadySeconds: 130, selector: set(1).spec?.selector ?? {} } };
    const steps = plan(replicaSets, waiting, { candidates: [pod('a')], related: [] }, now);
    expect(steps.at(-1)).toEqual({ type: 'requeueAfter', ms: 30_000 });
    expect(steps.find(({ type }) => type === 'status')).not.toHaveProperty('status.availableReplicas');
  });

  it('says in its status that pods could not be made, and takes it back when they could', () => {
    const [told] = planFailure(replicaSets, set(2), { candidates: [], related: [] }, failure('Forbidden', 'quota'), now);
    expect(told).toMatchObject({ type: 'status', status: { conditions: [{ type: 'ReplicaFailure', status: 'True', reason: 'FailedCreate', message: 'quota', lastTransitionTime: timestamp(now) }] } });
    const conditions = [{ type: 'ReplicaFailure', status: 'True', reason: 'FailedCreate', message: 'quota' }];
    expect(plan(replicaSets, set(1, { replicas: 0, conditions }), { candidates: [pod('a')], related: [] }, now).at(-1)).not.toHaveProperty('status.conditions');
  });

  it.each<[string, Shape, Shape]>([
    ['unscheduled before scheduled', { node: '' }, {}],
    ['pending before running', { phase: 'Pending' }, {}],
    ['not ready before ready', { ready: false }, {}],
    ['cheap before dear', { cost: '-5' }, { cost: '10' }],
    ['recently ready before long ready', { ageSeconds: 10 }, { ageSeconds: 1000 }],
    ['often restarted before never', { restarts: 4 }, {}],
    ['the worse state counts more than the cost', { ready: false, cost: '100' }, { cost: '-100' }],
  ])('removes %s', (_name, first, second) => {
    const pods = [pod('kept', second), pod('removed', first)];
    expect(leastWanted(pods, pods, 1, now).map(({ metadata }) => metadata?.name)).toEqual(['removed']);
  });

  it('removes from the most crowded node first, counting the pods of sibling sets', () => {
    const pods = [pod('alone', { node: 'n1' }), pod('crowded', { node: 'n2' })];
    expect(leastWanted(pods, [...pods, pod('sibling', { node: 'n2' })], 1, now).map(({ metadata }) => metadata?.name)).toEqual(['crowded']);
  });
});
