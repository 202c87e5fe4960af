import { describe, expect, it } from 'vitest';
import { timestamp } from '../../machinery/conditions.ts';
import type { ControllerRevision, DaemonSet } from '../../machinery/kinds/apps.ts';
import type { Node, Pod, PodTemplateSpec, Taint } from '../../machinery/kinds/core.ts';
import { failure } from '../../machinery/status.ts';
import { snapshotOf } from '../revisions/snapshot.ts';
import type { Step } from '../steps.ts';
import { plan, planFailure, type Observed } from './daemon-set.ts';
import { nodeOf, templateFor } from './placement.ts';

const now = Date.UTC(2026, 0, 1);
type Spec = NonNullable<DaemonSet['spec']>;
type PodSpec = NonNullable<PodTemplateSpec['spec']>;

const template = (image: string, spec: Partial<PodSpec> = {}): PodTemplateSpec => ({ metadata: { labels: { app: 'agent' } }, spec: { containers: [{ name: 'c', image }], ...spec } });

function set(spec: Partial<Spec> = {}): DaemonSet {
  return {
    metadata: { namespace: 'default', name: 'agent', uid: 'set', generation: 2, annotations: { 'deprecated.daemonset.template.generation': '2' } },
    spec: { selector: { matchLabels: { app: 'agent' } }, template: template('new'), updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 1, maxSurge: 0 } }, ...spec },
  };
}

const owned = [{ apiVersion: 'apps/v1', kind: 'DaemonSet', name: 'agent', uid: 'set', controller: true }];
const revision = (hash: string, image: string, number: number): ControllerRevision => (
  { metadata: { namespace: 'default', name: `agent-${hash}`, uid: hash, labels: { app: 'agent', 'controller-revision-hash': hash }, ownerReferences: owned }, data: snapshotOf(template(image)), revision: number }
);

const node = (name: string, labels: Record<string, string> = {}, taints: readonly Taint[] = []): Node => ({ metadata: { name, labels }, spec: { taints } });
const pinnedTo = (name: string): PodSpec => ({ containers: [], ...templateFor(undefined, name).spec });

/** A pod in few letters: its node, `o`ld or `n`ew, and how it is: ready, `?` not ready, `-` not bound yet, `~` terminating, `!` failed, `$` succeeded. */
function pod(text: string): Pod {
  const [, name = '', age = '', state = ''] = /^(\w\d*?)([on])(.?)$/.exec(text) ?? [];
  const phase = { '!': 'Failed', $: 'Succeeded', '-': 'Pending' }[state] ?? 'Running';
  return {
    metadata: {
      namespace: 'default', name: text, uid: text, ownerReferences: owned, labels: { app: 'agent', 'controller-revision-hash': age === 'o' ? 'old' : 'new' },
      creationTimestamp: timestamp(now - (age === 'o' ? 2000 : 1000)), ...(state === '~' ? { deletionTimestamp: timestamp(now) } : {}),
    },
    spec: state === '-' ? pinnedTo(name) : { containers: [], nodeName: name },
    status: { phase, conditions: [{ type: 'Ready', status: phase === 'Running' && state !== '?' ? 'True' : 'False', lastTransitionTime: timestamp(now - 100_000) }] },
  };
}

const split = (text: string): readonly string[] => text.split(' ').filter((part) => part !== '');

function observed(nodes: string, pods: string, more: Partial<Observed> = {}): Observed {
  return {
    nodes: split(nodes).map((name) => node(name)), pods: split(pods).map(pod), revisions: [revision('old', 'old', 1), revision('new', 'new', 2)],
    taken: () => false, waitOf: () => 0, ...more,
  };
}

/** Steps in few letters: `+a` makes a pod for node a, `-an` removes pod an. */
function changes(steps: readonly Step[]): string {
  return steps.flatMap((step): string[] => {
    if (step.type === 'slowStart' || step.type === 'together') return [changes(step.steps)];
    if (step.type === 'create') return [`+${nodeOf(step.object as Pod) ?? step.object.metadata?.name}`];
    return step.type === 'delete' ? [`-${step.at.name}`] : [];
  }).filter((text) => text !== '').join(' ');
}

const rolling = (rollingUpdate: object): Partial<Spec> => ({ updateStrategy: { type: 'RollingUpdate', rollingUpdate } });
const surge = (maxSurge: number | string): Partial<Spec> => rolling({ maxUnavailable: 0, maxSurge });
const onDelete = { updateStrategy: { type: 'OnDelete' } };

describe('a DaemonSet', () => {
  it.each<[string, string, string, string]>([
    ['makes a pod for each node', 'a b', '', '+a +b'],
    ['makes no second one, bound or not', 'a b', 'an bn-', ''],
    ['makes none where one is still going', 'a', 'an~', ''],
    ['keeps the bound one of two', 'a', 'an- ao', '-an-'],
    ['keeps the oldest of two', 'a', 'an ao?', '-an'],
    ['replaces a failed pod', 'a', 'an!', '-an!'],
    ['replaces a pod that succeeded', 'a', 'an$', '-an$'],
    ['removes pods that wait for a node that is gone', 'a', 'an bn-', '-bn-'],
    ['leaves bound pods of a node that is gone to the pod collector', 'a', 'an bn', ''],
  ])('%s', (_name, nodes, pods, expected) => {
    expect(changes(plan(set(), observed(nodes, pods), now))).toBe(expected);
  });

  it.each<[string, Partial<Spec>, string, string, string]>([
    ['one at a time', {}, 'a b c', 'ao bo co', '-ao'],
    ['not while one is going', {}, 'a b c', 'ao bo co~', ''],
    ['not while a new one is not ready', {}, 'a b c', 'ao bo cn?', ''],
    ['broken ones at once', {}, 'a b c', 'ao? bo co?', '-ao? -co?'],
    ['as many as may be unavailable', rolling({ maxUnavailable: '50%' }), 'a b c', 'ao bo co', '-ao -bo'],
    ['one when neither number allows any', rolling({ maxUnavailable: 0 }), 'a b', 'ao bo', '-ao'],
    ['none with OnDelete', onDelete, 'a b', 'ao bo', ''],
    ['but first makes what is missing', {}, 'a b', 'ao', '+b'],
    ['with surge new ones beside old ones', surge(1), 'a b', 'ao bo', '+a'],
    ['with surge as many as it allows', surge('100%'), 'a b', 'ao bo', '+a +b'],
    ['with surge waiting for a new one', surge(1), 'a b', 'ao an? bo', ''],
    ['with surge an old one when its new one is ready', surge(1), 'a b', 'ao an bo', '-ao'],
    ['with surge broken ones whatever it allows', surge(1), 'a b c', 'ao? bo? co', '+a +b +c'],
    ['with surge an old one that is broken beside a new one', surge(1), 'a', 'ao? an?', '-ao?'],
    ['with surge makes a new one while the old one is going', surge(1), 'a', 'ao~', '+a'],
    ['with surge keeps one new one, and no old one beside it once it is ready', surge(1), 'a', 'ao an an?', '-an? -ao'],
    ['with surge keeps one of each while the new one is not ready', surge(1), 'a', 'ao ao? an?', '-ao?'],
  ])('updates %s', (_name, spec, nodes, pods, expected) => {
    expect(changes(plan(set(spec), observed(nodes, pods), now))).toBe(expected);
  });

  it('with surge keeps serving: an old pod of a node that takes no more goes when enough others serve', () => {
    const nodes = [node('a', {}, [{ key: 'full', effect: 'NoSchedule' }]), node('b')];
    expect(changes(plan(set(surge(1)), observed('', 'ao bn?', { nodes }), now))).toBe('');
    expect(changes(plan(set(surge(1)), observed('', 'ao bn', { nodes }), now))).toBe('-ao');
    expect(changes(plan(set(surge(1)), observed('', 'ao? bn?', { nodes }), now))).toBe('-ao?');
  });

  it('backs off from failed pods, and looks again then', () => {
    const steps = plan(set(), observed('a', 'an!', { waitOf: () => 4000 }), now);
    expect(changes(steps)).toBe('');
    expect(steps.find(({ type }) => type === 'requeueAfter')).toEqual({ type: 'requeueAfter', ms: 4000 });
  });

  it('says what it did, in Kubernetes\' words', () => {
    const [told] = plan(set(), observed('a', 'an!'), now);
    expect(told).toMatchObject({ eventType: 'Warning', reason: 'FailedDaemonPod', message: 'Found failed daemon pod default/an! on node a, will try to kill it' });
    expect(plan(set(), observed('a', 'an$'), now)[0]).toMatchObject({ eventType: 'Normal', reason: 'SucceededDaemonPod', message: 'Found succeeded daemon pod default/an$ on node a, will try to delete it' });
    const [batch] = plan(set(), observed('a', ''), now);
    const create = batch?.type === 'slowStart' ? batch.steps[0] : undefined;
    expect(create?.type === 'create' && create.done?.('agent-x')).toMatchObject({ reason: 'SuccessfulCreate', message: 'Created pod: agent-x' });
    expect(create?.type === 'create' && create.failed?.(failure('Forbidden', 'quota'))).toMatchObject({ reason: 'FailedCreate', message: 'Error creating: quota' });
  });

  it('labels its pods with the revision and the count of templates', () => {
    const [batch] = plan(set(), observed('a', ''), now);
    expect(batch?.type === 'slowStart' && batch.steps[0]).toMatchObject({ object: { metadata: {
      generateName: 'agent-', labels: { app: 'agent', 'controller-revision-hash': 'new', 'pod-template-generation': '2' }, ownerReferences: [{ kind: 'DaemonSet', uid: 'set', controller: true }],
    } } });
  });

  it.each<[string, string, string, object]>([
    ['all nodes without pods', 'a b', '', { desiredNumberScheduled: 2, currentNumberScheduled: 0, numberReady: 0, numberMisscheduled: 0, numberUnavailable: 2 }],
    ['an update under way', 'a b', 'ao bn', { desiredNumberScheduled: 2, currentNumberScheduled: 2, numberReady: 2, numberAvailable: 2, updatedNumberScheduled: 1, observedGeneration: 2 }],
    ['pods that are not ready', 'a b', 'an? bn', { numberReady: 1, numberAvailable: 1, numberUnavailable: 1 }],
  ])('counts %s', (_name, nodes, pods, expected) => {
    expect(plan(set(), observed(nodes, pods), now).find(({ type }) => type === 'status')).toMatchObject({ status: expected });
  });

  it('counts pods where none should be, and removes them', () => {
    const steps = plan(set({ template: template('new', { nodeSelector: { disk: 'ssd' } }) }), observed('a', 'an'), now);
    expect(changes(steps.slice(0, -1))).toContain('-an');
    expect(steps.find(({ type }) => type === 'status')).toMatchObject({ status: { desiredNumberScheduled: 0, numberMisscheduled: 1 } });
  });

  it('counts a pod as available when it has been ready for long enough, and looks again then', () => {
    const steps = plan(set({ minReadySeconds: 130 }), observed('a', 'an'), now);
    expect(steps.find(({ type }) => type === 'status')).toMatchObject({ status: { numberReady: 1, numberUnavailable: 1 } });
    expect(steps.at(-1)).toEqual({ type: 'requeueAfter', ms: 30_000 });
  });

  it.each([[1, '-agent-r1 -agent-r2'], [0, '-agent-r1 -agent-r2 -agent-r3'], [10, '']])('with a history limit of %i loses "%s"', (revisionHistoryLimit, expected) => {
    const revisions = [1, 2, 3].map((number) => revision(`r${number}`, `old-${number}`, number));
    expect(changes(plan(set({ revisionHistoryLimit }), observed('', '', { revisions: [...revisions, revision('new', 'new', 4)] }), now))).toBe(expected);
  });

  it('keeps revisions that pods are of', () => {
    expect(changes(plan(set({ revisionHistoryLimit: 0, ...onDelete }), observed('a', 'ao'), now))).toBe('');
  });

  it('does nothing while it is being deleted, and refuses to select all pods', () => {
    expect(plan({ ...set(), metadata: { ...set().metadata, deletionTimestamp: timestamp(now) } }, observed('a', ''), now)).toEqual([]);
    expect(plan(set({ selector: {} }), observed('a', ''), now)).toMatchObject([{ type: 'event', reason: 'SelectingAll' }]);
  });

  it('tells its state when something failed', () => {
    expect(planFailure(set(), observed('a', ''), failure('Forbidden', 'quota'), now)).toMatchObject([{ type: 'status', status: { desiredNumberScheduled: 1, currentNumberScheduled: 0 } }]);
  });
});
