import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { timestamp } from '../../machinery/conditions.ts';
import type { Deployment, ReplicaSet } from '../../machinery/kinds/apps.ts';
import { failure } from '../../machinery/status.ts';
import type { Step } from '../steps.ts';
import { plan, planFailure } from './deployment.ts';
import { fenceposts } from './fenceposts.ts';

const now = Date.UTC(2026, 0, 1);

interface Wish {
  readonly replicas?: number;
  readonly maxSurge?: number | string;
  readonly maxUnavailable?: number | string;
  readonly image?: string;
  readonly type?: 'RollingUpdate' | 'Recreate';
  readonly paused?: boolean;
  readonly progressDeadlineSeconds?: number;
  readonly revisionHistoryLimit?: number;
}

function deployment(wish: Wish = {}, more: Pick<Deployment, 'status'> & { readonly annotations?: Record<string, string> } = {}): Deployment {
  const { replicas = 3, maxSurge = '25%', maxUnavailable = '25%', image = 'a', type = 'RollingUpdate', ...rest } = wish;
  return {
    metadata: { namespace: 'default', name: 'web', uid: 'd', generation: 1, resourceVersion: '1', annotations: more.annotations ?? {} },
    spec: {
      replicas, selector: { matchLabels: { app: 'web' } }, template: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'c', image }] } },
      strategy: type === 'Recreate' ? { type } : { type, rollingUpdate: { maxSurge, maxUnavailable } }, progressDeadlineSeconds: 600, ...rest,
    },
    ...(more.status === undefined ? {} : { status: more.status }),
  };
}

/** A cluster in small: carries a plan's steps out on sets, as the API would. */
interface World {
  deployment: Deployment;
  sets: ReplicaSet[];
  /** Sets made so far. */
  made: number;
  readonly events: string[];
}

function apply(world: World, steps: readonly Step[], at: number): void {
  for (const step of steps) {
    switch (step.type) {
      case 'create': {
        const set = step.object as ReplicaSet;
        const uid = `rs-${world.made}`;
        world.made += 1;
        world.sets.push({ ...set, metadata: { ...set.metadata, uid, creationTimestamp: timestamp(at + world.made * 1000), generation: 1 }, status: { replicas: 0 } });
        if (step.done !== undefined) world.events.push(step.done(set.metadata?.name ?? '').message);
        break;
      }
      case 'update': {
        const set = step.object as ReplicaSet;
        world.sets = world.sets.map((present) => (present.metadata?.uid === set.metadata?.uid ? set : present));
        if (step.done !== undefined) world.events.push(step.done().message);
        break;
      }
      case 'patch':
        world.deployment = { ...world.deployment, metadata: { ...world.deployment.metadata, annotations: (step.body as Deployment).metadata?.annotations ?? {} } };
        break;
      case 'delete':
        world.sets = world.sets.filter((set) => set.metadata?.uid !== step.uid);
        break;
      case 'status':
        world.deployment = { ...world.deployment, status: step.status };
        break;
      default:
    }
  }
}

function pass(world: World, at = now): void {
  apply(world, plan(world.deployment, { candidates: world.sets, pods: new Map() }, at), at);
}

/** The sets' pods follow their wish: those asked for exist, those that exist become available when `ready` says so. */
function follow(world: World, ready: (set: ReplicaSet, index: number) => number): void {
  world.sets = world.sets.map((set, index) => {
    const replicas = set.spec?.replicas ?? 0;
    const availableReplicas = Math.min(replicas, ready(set, index));
    return { ...set, status: { replicas, readyReplicas: availableReplicas, availableReplicas, observedGeneration: set.metadata?.generation ?? 1 } };
  });
}

function converge(world: World, passes = 60): void {
  for (let round = 0; round < passes; round += 1) {
    pass(world);
    follow(world, (set) => set.spec?.replicas ?? 0);
  }
}

function rolledOut(wish: Wish = {}): World {
  const world: World = { deployment: deployment(wish), sets: [], made: 0, events: [] };
  converge(world);
  return world;
}

const sizes = (world: World): readonly (number | undefined)[] => world.sets.map((set) => set.spec?.replicas);
const condition = (world: World, type: string) => world.deployment.status?.conditions?.find((one) => one.type === type);

describe('a deployment', () => {
  it.each([
    ['25 %', 3, '25%', '25%', { maxSurge: 1, maxUnavailable: 0 }],
    ['of ten', 10, '25%', '25%', { maxSurge: 3, maxUnavailable: 2 }],
    ['both zero', 4, 0, 0, { maxSurge: 0, maxUnavailable: 1 }],
    ['both round to zero', 4, '0%', '1%', { maxSurge: 0, maxUnavailable: 1 }],
    ['more than there are', 2, 1, 5, { maxSurge: 1, maxUnavailable: 2 }],
    ['whole percents exactly', 100, '7%', '29%', { maxSurge: 7, maxUnavailable: 29 }],
    ['no replicas', 0, '25%', '25%', { maxSurge: 0, maxUnavailable: 0 }],
  ])('resolves surge up and unavailability down: %s', (_name, replicas, maxSurge, maxUnavailable, expected) => {
    expect(fenceposts(deployment({ replicas, maxSurge, maxUnavailable }))).toEqual(expected);
  });

  it('makes a ReplicaSet for its template, numbers it and reports progress to the end', () => {
    const world = rolledOut();
    expect(world.sets).toHaveLength(1);
    const [set] = world.sets;
    const hash = set?.metadata?.labels?.['pod-template-hash'];
    expect(set?.metadata?.name).toBe(`web-${hash}`);
    expect(set?.spec?.selector.matchLabels).toEqual({ app: 'web', 'pod-template-hash': hash });
    expect(set?.metadata?.ownerReferences).toEqual([{ apiVersion: 'apps/v1', kind: 'Deployment', name: 'web', uid: 'd', controller: true, blockOwnerDeletion: true }]);
    expect(set?.metadata?.annotations).toEqual({
      'deployment.kubernetes.io/revision': '1', 'deployment.kubernetes.io/desired-replicas': '3', 'deployment.kubernetes.io/max-replicas': '4',
    });
    expect(world.deployment.metadata?.annotations).toEqual({ 'deployment.kubernetes.io/revision': '1' });
    expect(world.events).toEqual([`Scaled up replica set web-${hash} from 0 to 3`]);
    expect(world.deployment.status).toMatchObject({ replicas: 3, updatedReplicas: 3, readyReplicas: 3, availableReplicas: 3, observedGeneration: 1 });
    expect(condition(world, 'Progressing')).toMatchObject({ status: 'True', reason: 'NewReplicaSetAvailable', message: `ReplicaSet "web-${hash}" has successfully progressed.` });
    expect(condition(world, 'Available')).toMatchObject({ status: 'True', reason: 'MinimumReplicasAvailable' });
  });

  it('comes to rest: a finished rollout plans nothing but its unchanged status', () => {
    const world = rolledOut();
    const steps = plan(world.deployment, { candidates: world.sets, pods: new Map() }, now);
    expect(steps.map(({ type }) => type)).toEqual(['status']);
    expect(steps[0]).toMatchObject({ status: world.deployment.status });
  });

  it('moves to a new template and back, giving the old set the newest number', () => {
    const world = rolledOut();
    const first = world.deployment;
    world.deployment = { ...deployment({ image: 'b' }), status: first.status ?? {}, metadata: first.metadata ?? {} };
    converge(world);
    expect(sizes(world)).toEqual([0, 3]);
    expect(world.deployment.metadata?.annotations?.['deployment.kubernetes.io/revision']).toBe('2');
    world.deployment = { ...deployment(), status: world.deployment.status ?? {}, metadata: world.deployment.metadata ?? {} };
    converge(world);
    expect(sizes(world)).toEqual([3, 0]);
    expect(world.sets[0]?.metadata?.annotations).toMatchObject({ 'deployment.kubernetes.io/revision': '3', 'deployment.kubernetes.io/revision-history': '1' });
  });

  it('counts on from a number that no double holds, and from none that 64 bits don\'t', () => {
    const revision = 'deployment.kubernetes.io/revision';
    const after = (given: string) => {
      const world = rolledOut();
      world.sets = world.sets.map((set) => ({ ...set, metadata: { ...set.metadata, annotations: { ...set.metadata?.annotations, [revision]: given } } }));
      world.deployment = { ...deployment({ image: 'b' }), status: world.deployment.status ?? {}, metadata: world.deployment.metadata ?? {} };
      converge(world);
      return world.deployment.metadata?.annotations?.[revision];
    };
    expect(after('3546343826724305832')).toBe('3546343826724305833');
    expect(after('9223372036854775808')).toBe('1');
  });

  it('keeps as many old revisions as it is told to', () => {
    const world = rolledOut({ revisionHistoryLimit: 1 });
    for (const image of ['b', 'c', 'd']) {
      world.deployment = { ...deployment({ image, revisionHistoryLimit: 1 }), status: world.deployment.status ?? {}, metadata: world.deployment.metadata ?? {} };
      converge(world);
    }
    expect(world.sets.map((set) => set.metadata?.annotations?.['deployment.kubernetes.io/revision'])).toEqual(['3', '4']);
  });

  it('never goes below its minimum nor above its maximum, and gets there', () => {
    const wishes = fc.record({
      replicas: fc.integer({ min: 0, max: 20 }),
      maxSurge: fc.oneof(fc.integer({ min: 0, max: 5 }), fc.integer({ min: 0, max: 100 }).map((percent) => `${percent}%`)),
      maxUnavailable: fc.oneof(fc.integer({ min: 0, max: 5 }), fc.integer({ min: 0, max: 100 }).map((percent) => `${percent}%`)),
    });
    fc.assert(fc.property(wishes, fc.array(fc.nat({ max: 3 }), { minLength: 5, maxLength: 40 }), (wish, pace) => {
      const world = rolledOut(wish);
      const { maxSurge, maxUnavailable } = fenceposts(world.deployment);
      world.deployment = { ...deployment({ ...wish, image: 'b' }), status: world.deployment.status ?? {}, metadata: world.deployment.metadata ?? {} };
      for (const step of pace) {
        pass(world);
        // Old pods stay available as long as they exist; new ones become so at the given pace.
        follow(world, (set, index) => (index === 0 ? set.spec?.replicas ?? 0 : (set.status?.availableReplicas ?? 0) + step));
        const total = sizes(world).reduce<number>((sum, size) => sum + (size ?? 0), 0);
        const available = world.sets.reduce((sum, set) => sum + (set.status?.availableReplicas ?? 0), 0);
        expect(total).toBeLessThanOrEqual(wish.replicas + maxSurge);
        expect(available).toBeGreaterThanOrEqual(wish.replicas - maxUnavailable);
      }
      converge(world, 100);
      expect(sizes(world)).toEqual([0, wish.replicas]);
    }), { numRuns: 60 });
  });

  it('takes unavailable old pods away first', () => {
    const world = rolledOut({ replicas: 4 });
    follow(world, () => 2);
    world.deployment = { ...deployment({ replicas: 4, image: 'b' }), status: world.deployment.status ?? {}, metadata: world.deployment.metadata ?? {} };
    for (let round = 0; round < 6; round += 1) {
      pass(world);
      follow(world, (_set, index) => (index === 0 ? 2 : 0));
    }
    expect(world.sets[0]?.spec?.replicas).toBe(3);
    expect(world.sets[1]?.spec?.replicas).toBe(2);
  });

  it('scales the sets in the middle of a rollout in proportion', () => {
    const world = rolledOut({ replicas: 10, maxSurge: 3, maxUnavailable: 2 });
    world.deployment = { ...deployment({ replicas: 10, maxSurge: 3, maxUnavailable: 2, image: 'b' }), status: world.deployment.status ?? {}, metadata: world.deployment.metadata ?? {} };
    for (let round = 0; round < 8; round += 1) {
      pass(world);
      follow(world, (set, index) => (index === 0 ? set.spec?.replicas ?? 0 : 0));
    }
    expect(sizes(world)).toEqual([8, 5]);
    world.deployment = { ...world.deployment, spec: { ...deployment({ replicas: 15, maxSurge: 3, maxUnavailable: 2, image: 'b' }).spec, replicas: 15 } as NonNullable<Deployment['spec']> };
    pass(world);
    expect(sizes(world)).toEqual([11, 7]);
  });

  it('scales without rolling while paused, and says that it is paused', () => {
    const world = rolledOut();
    world.deployment = { ...deployment({ image: 'b', replicas: 5, paused: true }), status: world.deployment.status ?? {}, metadata: world.deployment.metadata ?? {} };
    converge(world);
    expect(sizes(world)).toEqual([5]);
    expect(condition(world, 'Progressing')).toMatchObject({ status: 'Unknown', reason: 'DeploymentPaused', message: 'Deployment is paused' });
    world.deployment = { ...deployment({ image: 'b', replicas: 5 }), status: world.deployment.status ?? {}, metadata: world.deployment.metadata ?? {} };
    pass(world);
    converge(world);
    expect(sizes(world)).toEqual([0, 5]);
  });

  it('starts no new pod before the last old one is gone when it recreates', () => {
    const world = rolledOut({ type: 'Recreate' });
    world.deployment = { ...deployment({ type: 'Recreate', image: 'b' }), status: world.deployment.status ?? {}, metadata: world.deployment.metadata ?? {} };
    pass(world);
    expect(sizes(world)).toEqual([0]);
    follow(world, (set) => set.spec?.replicas ?? 0);
    const terminating = new Map([['rs-0', [{ metadata: { name: 'web-1', deletionTimestamp: timestamp(now) } }]]]);
    expect(plan(world.deployment, { candidates: world.sets, pods: terminating }, now).some(({ type }) => type === 'create')).toBe(false);
    converge(world);
    expect(sizes(world)).toEqual([0, 3]);
  });

  it('says when it has made no progress in time, and looks again just then', () => {
    const world: World = { deployment: deployment({ progressDeadlineSeconds: 10 }), sets: [], made: 0, events: [] };
    for (let round = 0; round < 5; round += 1) {
      pass(world);
      follow(world, () => 0);
    }
    const steps = plan(world.deployment, { candidates: world.sets, pods: new Map() }, now + 4000);
    expect(steps.at(-1)).toEqual({ type: 'requeueAfter', ms: 7000 });
    pass(world, now + 11_000);
    expect(condition(world, 'Progressing')).toMatchObject({ status: 'False', reason: 'ProgressDeadlineExceeded' });
  });

  it('takes another hash when the name of its set was taken', () => {
    const world: World = { deployment: deployment(), sets: [], made: 0, events: [] };
    const observed = { candidates: [], pods: new Map() };
    const before = plan(world.deployment, observed, now).find(({ type }) => type === 'create');
    apply(world, planFailure(world.deployment, observed, failure('AlreadyExists', 'taken'), now), now);
    expect(world.deployment.status?.collisionCount).toBe(1);
    const after = plan(world.deployment, observed, now).find(({ type }) => type === 'create');
    expect(after).not.toMatchObject({ object: { metadata: { name: before?.type === 'create' ? before.object.metadata?.name : '' } } });
  });

  it('says why its set could not be made', () => {
    const world: World = { deployment: deployment(), sets: [], made: 0, events: [] };
    apply(world, planFailure(world.deployment, { candidates: [], pods: new Map() }, failure('Forbidden', 'exceeded quota'), now), now);
    expect(condition(world, 'Progressing')).toMatchObject({ status: 'False', reason: 'ReplicaSetCreateError', message: expect.stringMatching(/^Failed to create new replica set "web-\w+": exceeded quota$/) });
  });

  it("takes over its set's failure to make pods", () => {
    const world = rolledOut();
    world.sets = world.sets.map((set) => ({ ...set, status: { ...set.status, replicas: 3, conditions: [{ type: 'ReplicaFailure', status: 'True', reason: 'FailedCreate', message: 'quota' }] } }));
    pass(world);
    expect(condition(world, 'ReplicaFailure')).toMatchObject({ status: 'True', reason: 'FailedCreate', message: 'quota' });
  });
});
