import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { DaemonSet } from '../../machinery/kinds/apps.ts';
import type { Node, Pod, PodTemplateSpec } from '../../machinery/kinds/core.ts';
import { isReady } from '../../machinery/pod/readiness.ts';
import type { Step } from '../steps.ts';
import { createWorld, type World } from '../test-world.ts';
import { plan } from './daemon-set.ts';
import { limitsOf } from './limits.ts';
import { nodeOf, placementFor } from './placement.ts';

/** Whatever happens to its pods and to nodes, a DaemonSet keeps its promises on the way and gets there in the end. */

const now = Date.UTC(2026, 0, 1);
const names = ['n1', 'n2', 'n3', 'n4'];
const template = (image: string): PodTemplateSpec => ({ metadata: { labels: { app: 'agent' } }, spec: { containers: [{ name: 'c', image }] } });

interface Cluster {
  readonly world: World<DaemonSet>;
  readonly nodes: Map<string, Node>;
}

function serves(pod: Pod): boolean {
  return isReady(pod) && pod.metadata?.deletionTimestamp === undefined && pod.status?.phase === 'Running';
}

function planned({ world, nodes }: Cluster): readonly Step[] {
  return plan(world.set, {
    pods: [...world.pods.values()], revisions: [...world.revisions.values()], nodes: [...nodes.values()], taken: (revision) => world.revisions.has(revision), waitOf: () => 0,
  }, now);
}

function deleted(steps: readonly Step[]): readonly string[] {
  return steps.flatMap((step): readonly string[] => {
    if (step.type === 'together') return deleted(step.steps);
    return step.type === 'delete' && step.kind.kind === 'Pod' ? [step.at.name] : [];
  });
}

const eligible = ({ world, nodes }: Cluster): readonly Node[] => [...nodes.values()].filter((node) => placementFor(world.set)(node).shouldRun);

/** An update takes no more nodes out of service than it may. What is in surplus or out of place doesn't count. */
function keepsPromises(cluster: Cluster, steps: readonly Step[]): void {
  const { world } = cluster;
  const going = new Set(deleted(steps));
  const after = [...world.pods.values()].filter(({ metadata }) => !going.has(metadata?.name ?? ''));
  const served = (pods: readonly Pod[]): number => eligible(cluster).filter((node) => pods.some((pod) => nodeOf(pod) === node.metadata?.name && serves(pod))).length;
  const [before, then] = [served([...world.pods.values()]), served(after)];
  const { maxUnavailable } = limitsOf(world.set, eligible(cluster).length);
  if (then < before) expect(eligible(cluster).length - then).toBeLessThanOrEqual(maxUnavailable);
}

type Happening = (cluster: Cluster) => void;
const nth = (cluster: Cluster, index: number): string => [...cluster.world.pods.keys()][index % Math.max(1, cluster.world.pods.size)] ?? '';
const happenings: fc.Arbitrary<Happening> = fc.oneof(
  fc.nat(8).map((index): Happening => (cluster) => bind(cluster, nth(cluster, index))),
  fc.nat(8).map((index): Happening => (cluster) => cluster.world.report(nth(cluster, index), 'Running', true)),
  fc.nat(8).map((index): Happening => (cluster) => cluster.world.report(nth(cluster, index), 'Running', false)),
  fc.nat(8).map((index): Happening => (cluster) => cluster.world.report(nth(cluster, index), 'Failed', false)),
  fc.nat(8).map((index): Happening => (cluster) => cluster.world.remove(nth(cluster, index))),
  fc.nat(8).map((index): Happening => (cluster) => cluster.world.leave(nth(cluster, index))),
  fc.constantFrom(...names).map((name): Happening => ({ nodes }) => void nodes.set(name, { metadata: { name } })),
  fc.constantFrom(...names).map((name): Happening => ({ nodes }) => void nodes.set(name, { metadata: { name }, spec: { taints: [{ key: 'full', effect: 'NoSchedule' }] } })),
  fc.constantFrom(...names).map((name): Happening => (cluster) => lose(cluster, name)),
  fc.constantFrom('a', 'b', 'c').map((image): Happening => ({ world }) => change(world, image)),
  // Most updates begin with all in order.
  fc.constantFrom('a', 'b', 'c').map((image): Happening => (cluster) => {
    settle(cluster);
    change(cluster.world, image);
  }),
);

function change(world: World<DaemonSet>, image: string): void {
  world.set = { ...world.set, spec: { selector: {}, ...world.set.spec, template: template(image) } };
}

/** What the scheduler does. */
function bind({ world, nodes }: Cluster, name: string): void {
  const pod = world.pods.get(name);
  const node = pod === undefined ? undefined : nodeOf(pod);
  if (pod !== undefined && node !== undefined && nodes.has(node)) world.pods.set(name, { ...pod, spec: { containers: [], ...pod.spec, nodeName: node } });
}

/** A node goes, and the pod collector takes the pods that were bound to it. */
function lose({ world, nodes }: Cluster, name: string): void {
  nodes.delete(name);
  for (const [pod, { spec }] of world.pods) if (spec?.nodeName === name) world.pods.delete(pod);
}

function settle(cluster: Cluster): void {
  const { world } = cluster;
  for (let pass = 0; pass < 100; pass += 1) {
    const before = JSON.stringify([world.set, [...world.pods], [...world.revisions]]);
    for (const pod of world.pods.keys()) world.leave(pod);
    for (const pod of world.pods.keys()) bind(cluster, pod);
    for (const pod of world.pods.keys()) world.report(pod, 'Running', true);
    const steps = planned(cluster);
    keepsPromises(cluster, steps);
    world.apply(steps);
    if (JSON.stringify([world.set, [...world.pods], [...world.revisions]]) === before) return;
  }
  throw new Error('it never comes to rest');
}

describe('a DaemonSet', () => {
  it('keeps within its limits on the way, and ends with one pod of its newest template on each node', () => {
    const limits = fc.oneof(fc.record({ maxUnavailable: fc.integer({ min: 1, max: 3 }), maxSurge: fc.constant(0) }), fc.record({ maxUnavailable: fc.constant(0), maxSurge: fc.integer({ min: 1, max: 3 }) }));
    fc.assert(fc.property(limits, fc.array(happenings, { maxLength: 40 }), (rollingUpdate, what) => {
      const spec = { selector: { matchLabels: { app: 'agent' } }, template: template('a'), updateStrategy: { type: 'RollingUpdate', rollingUpdate }, revisionHistoryLimit: 1 };
      const cluster: Cluster = { world: createWorld<DaemonSet>({ metadata: { name: 'agent', namespace: 'default', uid: 'set' }, spec }, now), nodes: new Map(names.slice(0, 2).map((name) => [name, { metadata: { name } }])) };
      const { world } = cluster;
      for (const happens of what) {
        const steps = planned(cluster);
        keepsPromises(cluster, steps);
        world.apply(steps);
        happens(cluster);
      }
      settle(cluster);
      const pods = [...world.pods.values()].filter((pod) => eligible(cluster).some(({ metadata }) => metadata?.name === nodeOf(pod)));
      expect(pods.map(nodeOf).toSorted()).toEqual(eligible(cluster).map(({ metadata }) => metadata?.name).toSorted());
      expect(pods.every((pod) => pod.spec?.containers[0]?.image === world.set.spec?.template.spec?.containers[0]?.image)).toBe(true);
      expect(world.set.status).toMatchObject({ desiredNumberScheduled: pods.length, numberReady: pods.length });
      expect(world.revisions.size).toBeLessThanOrEqual(3);
    }));
  });
});
