import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { StatefulSet } from '../../machinery/kinds/apps.ts';
import type { Pod } from '../../machinery/kinds/core.ts';
import { isReady } from '../../machinery/pod/readiness.ts';
import type { Step } from '../steps.ts';
import { createWorld, type World } from '../test-world.ts';
import { plan } from './stateful-set.ts';
import { changes, now, set, template, type Spec } from './test-objects.ts';

/** Whatever happens to its pods and whatever is asked of it in between, a StatefulSet keeps its promises on the way and gets there in the end. */

const mostReplicas = 4;
const shapes: fc.Arbitrary<Partial<Spec>> = fc.record({
  podManagementPolicy: fc.constantFrom('OrderedReady', 'Parallel'),
  replicas: fc.nat(mostReplicas),
  ordinals: fc.record({ start: fc.nat(2) }),
  updateStrategy: fc.record({ type: fc.constant('RollingUpdate'), rollingUpdate: fc.record({ partition: fc.constant(0), maxUnavailable: fc.integer({ min: 1, max: 3 }) }) }),
  revisionHistoryLimit: fc.integer({ min: 0, max: 2 }),
});
const name = fc.nat(mostReplicas + 2).map((ordinal) => `web-${ordinal}`);
type Happening = (world: World<StatefulSet>) => void;
const happenings: fc.Arbitrary<Happening> = fc.oneof(
  name.map((pod): Happening => (world) => world.report(pod, 'Running', true)),
  name.map((pod): Happening => (world) => world.report(pod, 'Running', false)),
  name.map((pod): Happening => (world) => world.report(pod, 'Failed', false)),
  name.map((pod): Happening => (world) => world.remove(pod)),
  name.map((pod): Happening => (world) => world.leave(pod)),
  fc.nat(mostReplicas).map((replicas): Happening => (world) => change(world, { replicas })),
  fc.constantFrom('a', 'b', 'c').map((image): Happening => (world) => change(world, { template: template(image) })),
  // Most updates begin with all in order.
  fc.constantFrom('a', 'b', 'c').map((image): Happening => (world) => {
    settle(world);
    change(world, { template: template(image) });
  }),
);

function change(world: World<StatefulSet>, spec: Partial<Spec>): void {
  const { spec: before = { selector: {}, template: template('a') } } = world.set;
  world.set = { ...world.set, spec: { ...before, ...spec } };
}

function planned(world: World<StatefulSet>): readonly Step[] {
  return plan(world.set, { pods: [...world.pods.values()], revisions: [...world.revisions.values()], claimOf: () => undefined, taken: (revision) => world.revisions.has(revision) }, now);
}

const serves = (pod: Pod | undefined): boolean => pod !== undefined && isReady(pod) && pod.metadata?.deletionTimestamp === undefined && pod.status?.phase === 'Running';

function wantedNames({ spec }: StatefulSet): readonly string[] {
  const { replicas = 1, ordinals } = spec ?? {};
  return Array.from({ length: replicas }, (_unused, index) => `web-${(ordinals?.start ?? 0) + index}`);
}

/** What must hold of one pass. */
function keepsPromises(world: World<StatefulSet>, steps: readonly Step[]): void {
  const wanted = wantedNames(world.set);
  const done = changes(steps.filter(({ type }) => type !== 'status')).split(' ').filter((text) => /^[+-]web-\d+$/.test(text));
  const lost = done.filter((text) => text.startsWith('-') && wanted.includes(text.slice(1)) && serves(world.pods.get(text.slice(1)))).length;
  const unavailable = wanted.filter((pod) => !serves(world.pods.get(pod))).length;
  const budget = Number(world.set.spec?.updateStrategy?.rollingUpdate?.maxUnavailable ?? 1);
  if (lost > 0) expect(lost + unavailable).toBeLessThanOrEqual(budget);
  if (world.set.spec?.podManagementPolicy !== 'OrderedReady') return;
  for (const made of done.filter((text) => text.startsWith('+')).map((text) => text.slice(1))) {
    expect(wanted.slice(0, wanted.indexOf(made)).every((before) => serves(world.pods.get(before)))).toBe(true);
  }
}

/** Agents do their work, pass after pass, until nothing changes. */
function settle(world: World<StatefulSet>): void {
  for (let pass = 0; pass < 100; pass += 1) {
    const before = JSON.stringify([world.set, [...world.pods], [...world.revisions]]);
    for (const pod of world.pods.keys()) world.leave(pod);
    for (const pod of world.pods.keys()) world.report(pod, 'Running', true);
    const steps = planned(world);
    keepsPromises(world, steps);
    world.apply(steps);
    if (JSON.stringify([world.set, [...world.pods], [...world.revisions]]) === before) return;
  }
  throw new Error('it never comes to rest');
}

describe('a StatefulSet', () => {
  it('keeps its order and its budget on the way, and ends with the pods that it wants, of its newest template', () => {
    fc.assert(fc.property(shapes, fc.array(happenings, { maxLength: 30 }), (spec, what) => {
      const world = createWorld(set({ ...spec, template: template('a') }, { status: { replicas: 0 } }), now);
      for (const happens of what) {
        const steps = planned(world);
        keepsPromises(world, steps);
        world.apply(steps);
        happens(world);
      }
      settle(world);
      const wanted = wantedNames(world.set);
      expect([...world.pods.keys()].toSorted()).toEqual(wanted.toSorted());
      const image = world.set.spec?.template.spec?.containers[0]?.image;
      expect([...world.pods.values()].every((pod) => pod.spec?.containers[0]?.image === image)).toBe(true);
      const { status } = world.set;
      expect(status).toMatchObject({ replicas: wanted.length, currentRevision: status?.updateRevision });
      expect(world.revisions.size).toBeLessThanOrEqual((spec.revisionHistoryLimit ?? 0) + 1);
    }));
  });
});
