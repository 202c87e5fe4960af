import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Node, Pod } from '../machinery/kinds/core.ts';
import { acceptsNode, preferenceFor, preferredNodes, requiredNodes } from '../machinery/pod/affinity.ts';
import { tolerates } from '../machinery/pod/tolerations.ts';
import { createCore, type Core } from './core.ts';
import { plugins } from './plugins/all.ts';
import { aNode, aPod } from './test-objects.ts';

/**
 * The scheduler against a slow reference that looks at every node for every pod, and keeps nothing between two decisions but who
 * is where. Both see the same history of a random cluster: nodes come, change and go, pods come and go, bindings fail.
 */

/** Nodes in the order of their rows: the lowest row wins a tie. */
type Rows = (string | undefined)[];

interface Model {
  readonly nodes: Map<string, Node>;
  readonly rows: Rows;
  readonly free: number[];
  readonly placed: Map<string, { readonly pod: Pod; readonly node: string }>;
}

const millis = (text: string | undefined): number => (text === undefined ? 0 : text.endsWith('m') ? Number(text.slice(0, -1)) : Number(text) * 1000);
const mebibytes = (text: string | undefined): number => Number(text?.replace('Mi', '') ?? 0);
const requestsOf = (pod: Pod) => pod.spec?.containers[0]?.resources?.requests ?? {};
const portsOf = (pod: Pod) => (pod.spec?.containers[0]?.ports ?? []).map(({ hostPort }) => hostPort);

function onNode(model: Model, node: string): Pod[] {
  return [...model.placed.values()].filter((each) => each.node === node).map(({ pod }) => pod);
}

function fits(model: Model, pod: Pod, node: Node): boolean {
  const others = onNode(model, node.metadata?.name ?? '');
  const allocatable = node.status?.allocatable ?? {};
  const sum = (read: (pod: Pod) => number): number => others.reduce((total, other) => total + read(other), read(pod));
  const required = requiredNodes(pod.spec ?? { containers: [] });
  return others.length + 1 <= Number(allocatable['pods'])
    && (millis(requestsOf(pod)['cpu']) === 0 || sum((each) => millis(requestsOf(each)['cpu'])) <= millis(allocatable['cpu']))
    && (mebibytes(requestsOf(pod)['memory']) === 0 || sum((each) => mebibytes(requestsOf(each)['memory'])) <= mebibytes(allocatable['memory']))
    && !others.some((other) => portsOf(other).some((port) => portsOf(pod).includes(port)))
    && (node.spec?.taints ?? []).every((taint) => taint.effect === 'PreferNoSchedule' || tolerates(pod.spec?.tolerations, taint))
    && (node.spec?.unschedulable !== true || tolerates(pod.spec?.tolerations, { key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' }))
    && (required === undefined || acceptsNode(required, node.metadata?.labels, node.metadata?.name ?? ''));
}

function share(used: number, capacity: number): number {
  return Math.min(100, Math.floor((used * 100) / capacity));
}

function fullness(model: Model, pod: Pod, node: Node): number {
  const pods = [...onNode(model, node.metadata?.name ?? ''), pod];
  const cpu = share(pods.reduce((sum, each) => sum + millis(requestsOf(each)['cpu'] ?? '100m'), 0), millis(node.status?.allocatable?.['cpu']));
  const memory = share(pods.reduce((sum, each) => sum + mebibytes(requestsOf(each)['memory'] ?? '200Mi'), 0), mebibytes(node.status?.allocatable?.['memory']));
  return Math.floor((cpu + memory) / 2);
}

function part(value: number, greatest: number): number {
  return greatest === 0 ? 0 : Math.floor((value * 100) / greatest);
}

function reference(model: Model, pod: Pod): string | undefined {
  const feasible = model.rows.flatMap((name) => {
    const at = name === undefined ? undefined : model.nodes.get(name);
    return at !== undefined && fits(model, pod, at) ? [at] : [];
  });
  const soft = (pod.spec?.tolerations ?? []).filter(({ effect = '' }) => effect === '' || effect === 'PreferNoSchedule');
  const taints = feasible.map((node) => (node.spec?.taints ?? []).filter((taint) => taint.effect === 'PreferNoSchedule' && !tolerates(soft, taint)).length);
  const wishes = feasible.map((node) => preferenceFor(preferredNodes(pod.spec ?? { containers: [] }), node.metadata?.labels, node.metadata?.name ?? ''));
  const totals = feasible.map((node, i) => fullness(model, pod, node) + 3 * (100 - part(taints[i] ?? 0, Math.max(...taints))) + 2 * part(wishes[i] ?? 0, Math.max(...wishes)));
  return feasible[totals.indexOf(Math.max(...totals))]?.metadata?.name;
}

// Rows are given as the columns give them: a row is free once neither a node nor a pod needs it, the last freed is used first.
function takeRow(model: Model, name: string): void {
  if (!model.rows.includes(name)) model.rows[model.free.pop() ?? model.rows.length] = name;
}

function freeRow(model: Model, name: string): void {
  const row = model.rows.indexOf(name);
  if (row < 0 || model.nodes.has(name) || onNode(model, name).length > 0) return;
  model.rows[row] = undefined;
  model.free.push(row);
}

const names = ['a', 'b', 'c', 'd', 'e', 'f'];
const zones = ['x', 'y', 'z'];
const node = fc.record({
  name: fc.constantFrom(...names),
  zone: fc.constantFrom(...zones),
  cpu: fc.constantFrom('1', '2'),
  memory: fc.constantFrom('1024Mi', '2048Mi'),
  pods: fc.constantFrom('2', '9'),
  taints: fc.subarray([{ key: 'hard', effect: 'NoSchedule' }, { key: 'soft', effect: 'PreferNoSchedule' }, { key: 'softer', effect: 'PreferNoSchedule' }]),
  unschedulable: fc.boolean(),
}).map(({ name, zone, cpu, memory, pods, taints, unschedulable }) => (
  aNode(name, { labels: { zone }, allocatable: { cpu, memory, pods }, spec: { taints, unschedulable: unschedulable && zone === 'z' } })
));
const inZone = fc.subarray(zones, { minLength: 1 }).map((values) => ({ matchExpressions: [{ key: 'zone', operator: 'In', values }] }));
const named = fc.subarray(names, { minLength: 1 }).map((values) => ({ matchFields: [{ key: 'metadata.name', operator: 'In', values }] }));
const hosts = fc.subarray(names, { minLength: 1 }).map((values) => ({ matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values }] }));
const term = fc.oneof(inZone, hosts, named);
const podSpec = fc.record({
  requests: fc.constantFrom({}, { cpu: '100m' }, { cpu: '300m', memory: '128Mi' }, { memory: '512Mi' }, { cpu: '3' }),
  port: fc.constantFrom(undefined, undefined, undefined, 80),
  tolerations: fc.subarray([{ key: 'hard', operator: 'Exists' }, { key: 'soft', operator: 'Exists' }, { key: 'node.kubernetes.io/unschedulable', operator: 'Exists', effect: 'NoSchedule' }]),
  required: fc.option(fc.array(term, { minLength: 1, maxLength: 2 }), { nil: undefined, freq: 2 }),
  preferred: fc.array(fc.record({ weight: fc.integer({ min: 1, max: 10 }), preference: term }), { maxLength: 2 }),
});
const step = fc.oneof(
  { weight: 3, arbitrary: fc.record({ type: fc.constant('node' as const), node }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('no-node' as const), name: fc.constantFrom(...names) }) },
  { weight: 8, arbitrary: fc.record({ type: fc.constant('pod' as const), shape: fc.nat(), priority: fc.integer({ min: 0, max: 2 }) }) },
  { weight: 3, arbitrary: fc.record({ type: fc.constant('gone' as const), pick: fc.nat() }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('binding-failed' as const), pick: fc.nat() }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('confirmed' as const), pick: fc.nat() }) },
);

type Shape = typeof podSpec extends fc.Arbitrary<infer S> ? S : never;
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

function podFrom(number: number, { requests, port, tolerations, required, preferred }: Shape, priority: number): Pod {
  const nodeAffinity = {
    ...(required === undefined ? {} : { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: required } }),
    preferredDuringSchedulingIgnoredDuringExecution: preferred,
  };
  return aPod(`p${number}`, {
    ...(Object.keys(requests).length === 0 ? {} : { requests }), ...(port === undefined ? {} : { hostPorts: [{ hostPort: port }] }),
    spec: { tolerations, priority, affinity: { nodeAffinity } },
  });
}

const keyOf = (pod: Pod): string => `default/${pod.metadata?.name}`;

/** Lets the scheduler decide until it rests, and checks each decision against the reference. */
function settle(core: Core, model: Model, waiting: Map<string, Pod>): void {
  for (let decision = core.decide(); decision !== undefined; decision = core.decide()) {
    const expected = reference(model, decision.pod);
    expect(decision.type === 'bind' ? decision.node : undefined).toBe(expected);
    if (decision.type !== 'bind') continue;
    takeRow(model, decision.node);
    model.placed.set(keyOf(decision.pod), { pod: decision.pod, node: decision.node });
    waiting.delete(keyOf(decision.pod));
  }
  // Whoever still waits, waits for a reason: no change went by that would have let it in.
  for (const pod of waiting.values()) expect(reference(model, pod)).toBeUndefined();
}

function play(shapes: readonly Shape[], steps: readonly Step[]): void {
  let now = 0;
  const core = createCore({ plugins, now: () => now, schedulerName: 'default-scheduler' });
  const model: Model = { nodes: new Map(), rows: [], free: [], placed: new Map() };
  const waiting = new Map<string, Pod>();
  const chosen = (pick: number): string | undefined => [...model.placed.keys()][pick % Math.max(1, model.placed.size)];
  for (const [number, each] of steps.entries()) {
    now += 20_000;
    switch (each.type) {
      case 'node': {
        const name = each.node.metadata?.name ?? '';
        takeRow(model, name);
        model.nodes.set(name, each.node);
        core.nodeSeen(name, each.node);
        break;
      }
      case 'no-node': {
        model.nodes.delete(each.name);
        freeRow(model, each.name);
        core.nodeSeen(each.name, undefined);
        break;
      }
      case 'pod': {
        const shape = shapes[each.shape % shapes.length];
        if (shape === undefined) break;
        const pod = podFrom(number, shape, each.priority);
        waiting.set(keyOf(pod), pod);
        core.podSeen(keyOf(pod), pod);
        break;
      }
      default: {
        const key = chosen(each.pick);
        const at = key === undefined ? undefined : model.placed.get(key);
        if (key === undefined || at === undefined) break;
        if (each.type === 'confirmed') {
          core.podSeen(key, { ...at.pod, spec: { containers: [], ...at.pod.spec, nodeName: at.node } });
          break;
        }
        model.placed.delete(key);
        freeRow(model, at.node);
        if (each.type === 'gone') core.podSeen(key, undefined);
        else if (core.explain(key) === undefined) {
          core.bindingFailed(key, at.pod.metadata?.uid ?? '');
          // A pod that the cluster has shown on its node is not moved by a late answer.
          if (core.explain(key) === undefined) {
            takeRow(model, at.node);
            model.placed.set(key, at);
          } else waiting.set(key, at.pod);
          now += 20_000;
        }
      }
    }
    settle(core, model, waiting);
  }
}

describe('decisions in random clusters', () => {
  it('are those of a full scan, and nobody waits who would fit', () => {
    // Few shapes: most pods must find the verdicts of their class kept from an earlier one.
    const shapes = fc.array(podSpec, { minLength: 1, maxLength: 3 });
    fc.assert(fc.property(shapes, fc.array(step, { minLength: 10, maxLength: 80 }), play), { numRuns: 400 });
  });
});
