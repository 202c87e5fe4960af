import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { timestamp } from '../../machinery/conditions.ts';
import type { Job } from '../../machinery/kinds/batch.ts';
import type { Pod } from '../../machinery/kinds/core.ts';
import type { Step } from '../steps.ts';
import { isFinished } from './conditions.ts';
import { plan } from './job.ts';

/** A cluster of one Job: its plans are carried out as far as its controller lives, and its pods end as they like. */
interface World {
  job: Job;
  pods: Pod[];
  /** How tracked pods ended, by uid: what is to be counted, whatever is left of them. */
  readonly ended: Map<string, 'Succeeded' | 'Failed'>;
  made: number;
  now: number;
}

function world(completionMode: 'Indexed' | 'NonIndexed'): World {
  const spec = { completions: 6, parallelism: 3, backoffLimit: 1000, completionMode, selector: { matchLabels: { job: 'j' } }, template: { metadata: { labels: { job: 'j' } }, spec: { containers: [] } } };
  return { job: { metadata: { namespace: 'default', name: 'pi', uid: 'j' }, spec, status: {} }, pods: [], ended: new Map(), made: 0, now: Date.UTC(2026, 0, 1) };
}

function flat(steps: readonly Step[]): readonly Step[] {
  return steps.flatMap((step) => (step.type === 'together' || step.type === 'slowStart' ? flat(step.steps) : [step]));
}

/** One pass, killed after `steps` of its steps. */
function pass(state: World, steps: number): void {
  // Longer than any back-off.
  state.now += 3_600_000;
  for (const step of flat(plan(state.job, { candidates: state.pods }, state.now)).slice(0, steps)) carryOut(state, step);
}

function carryOut(state: World, step: Step): void {
  if (step.type === 'status') state.job = { ...state.job, status: step.status };
  if (step.type === 'create') {
    state.made += 1;
    const uid = `p${state.made}`;
    state.pods.push({ ...step.object, metadata: { ...step.object.metadata, name: uid, uid, creationTimestamp: timestamp(state.now) }, status: { phase: 'Running' } });
  }
  if (step.type === 'patch') change(state, step.at.name, ({ finalizers: _finalizer, ...metadata }) => (isTracking(step.body) ? { ...metadata, finalizers: ['batch.kubernetes.io/job-tracking'] } : metadata));
  if (step.type === 'delete') change(state, step.at.name, (metadata) => ({ ...metadata, deletionTimestamp: timestamp(state.now) }));
}

function isTracking(patch: unknown): boolean {
  return JSON.stringify(patch).includes('"finalizers":');
}

/** What is being deleted goes once nothing holds it. */
function change(state: World, name: string, to: (metadata: NonNullable<Pod['metadata']>) => NonNullable<Pod['metadata']>): void {
  state.pods = state.pods.map((pod) => (pod.metadata?.name === name ? { ...pod, metadata: to(pod.metadata) } : pod))
    .filter(({ metadata }) => metadata?.deletionTimestamp === undefined || metadata.finalizers !== undefined);
}

function end(state: World, phase: 'Succeeded' | 'Failed'): void {
  const pod = state.pods.find(({ metadata, status }) => status?.phase === 'Running' && metadata?.finalizers !== undefined && metadata.deletionTimestamp === undefined);
  if (pod === undefined) return;
  state.ended.set(pod.metadata?.uid ?? '', phase);
  state.pods = state.pods.map((one) => (one === pod ? { ...one, status: { phase, conditions: [{ type: 'Ready', status: 'False', lastTransitionTime: timestamp(state.now) }] } } : one));
}

const count = (state: World, phase: 'Succeeded' | 'Failed'): number => [...state.ended.values()].filter((one) => one === phase).length;

const happening = fc.oneof(
  fc.record({ type: fc.constant('pass' as const), steps: fc.nat(8) }),
  fc.record({ type: fc.constant('end' as const), phase: fc.constantFrom('Succeeded' as const, 'Failed' as const) }),
  fc.record({ type: fc.constant('suspend' as const), suspend: fc.boolean() }),
);
const happenings = fc.array(happening, { maxLength: 60 });

function happen(state: World, what: typeof happening extends fc.Arbitrary<infer T> ? T : never): void {
  if (what.type === 'pass') pass(state, what.steps);
  else if (what.type === 'end') end(state, what.phase);
  else state.job = { ...state.job, spec: { ...state.job.spec, suspend: what.suspend, template: state.job.spec?.template ?? {} } };
}

describe.each(['NonIndexed', 'Indexed'] as const)('%s Jobs', (mode) => {
  it('count every pod that ended, and none twice, wherever their controller was killed', () => {
    fc.assert(fc.property(happenings, (list) => {
      const state = world(mode);
      for (const what of list) {
        happen(state, what);
        const { succeeded = 0, failed = 0 } = state.job.status ?? {};
        expect(succeeded <= count(state, 'Succeeded') && failed <= count(state, 'Failed')).toBe(true);
        expect(state.pods.filter(({ status }) => status?.phase === 'Running').length <= 3).toBe(true);
      }
      happen(state, { type: 'suspend', suspend: false });
      for (let turn = 0; !isFinished(state.job) && turn < 100; turn += 1) {
        pass(state, Infinity);
        end(state, 'Succeeded');
      }
      expect(state.job.status).toMatchObject({ succeeded: count(state, 'Succeeded'), uncountedTerminatedPods: {} });
      expect([state.job.status?.succeeded, state.job.status?.failed ?? 0]).toEqual([6, count(state, 'Failed')]);
      expect(state.pods.filter(({ metadata }) => metadata?.finalizers !== undefined)).toEqual([]);
      if (mode === 'Indexed') expect(state.job.status?.completedIndexes).toBe('0-5');
    }), { numRuns: 500 });
  });

  it('plan nothing more once all they planned is done and nothing happens', () => {
    fc.assert(fc.property(happenings, (list) => {
      const state = world(mode);
      for (const what of list) happen(state, what);
      for (let turn = 0; turn < 5; turn += 1) pass(state, Infinity);
      const before = { job: state.job, pods: state.pods };
      pass(state, Infinity);
      expect({ job: state.job, pods: state.pods }).toEqual(before);
    }));
  });
});
