/**
 * Decisions per second of the scheduler without API and bindings, for 10,000 pods on 5000 nodes: the algorithm alone, cold (the
 * first run of the process) and warm, and with queue and bookkeeping. Beside them the target for one class and the peer's figure
 * with its API, from the performance page, and the longest decision, which bounds a turn of the event loop.
 */
import { performance } from 'node:perf_hooks';
import type { Node, Pod } from '../machinery/kinds/core.ts';
import { createClasses } from '../scheduler/classes/classes.ts';
import { createCore, type Core } from '../scheduler/core.ts';
import { createNodes } from '../scheduler/nodes/nodes.ts';
import { plugins } from '../scheduler/plugins/all.ts';

const nodeCount = 5000;
const podCount = 10_000;
const target = 1_000_000;
const peer = 'kube-scheduler 182–223 with its API';

interface Workload {
  readonly name: string;
  readonly pod: (number: number) => Pod;
}

const workloads: readonly Workload[] = [
  { name: 'one class', pod: (number) => podOf(number, '100m') },
  { name: 'preferred node affinity', pod: (number) => podOf(number, '100m', preferZone) },
  { name: '1000 classes in turn', pod: (number) => podOf(number, `${100 + (number % 1000)}m`) },
  { name: 'none finds room', pod: (number) => podOf(number, '64') },
];

const preferZone: Partial<NonNullable<Pod['spec']>> = {
  affinity: { nodeAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [
    { weight: 10, preference: { matchExpressions: [{ key: 'topology.kubernetes.io/zone', operator: 'In', values: ['zone-1'] }] } },
  ] } },
};

for (const { name, pod } of workloads) {
  const alone = Array.from({ length: 5 }, () => algorithm(pod));
  const runs = Array.from({ length: 5 }, () => whole(pod));
  console.log(
    `${name}, ${nodeCount} nodes, ${podCount} pods: algorithm alone ${figure(median(alone))} pods/s (first run ${figure(alone[0] ?? 0)}; target ${figure(target)}; ${peer}); `
    + `with queue and bookkeeping ${figure(median(runs.map(({ perSecond }) => perSecond)))}, `
    + `pods taken in ${figure(median(runs.map(({ takenInPerSecond }) => takenInPerSecond)))}/s, longest decision ${Math.max(...runs.map(({ longestMs }) => longestMs)).toFixed(1)} ms`,
  );
}

/** Picks a node and places the pod there, no more. Pods per second, the building of verdicts included. */
function algorithm(pod: Workload['pod']): number {
  const nodes = createNodes();
  const classes = createClasses(plugins, nodes);
  for (let i = 0; i < nodeCount; i += 1) nodes.put(nodeOf(i));
  const wanted = Array.from({ length: podCount }, (_, i) => classes.of(pod(i)));
  const started = performance.now();
  for (const podClass of wanted) {
    const row = classes.pick(podClass);
    if (row >= 0) nodes.place(nodes.nameOf(row), podClass.demand);
  }
  return podCount / ((performance.now() - started) / 1000);
}

function whole(pod: Workload['pod']): { readonly perSecond: number; readonly takenInPerSecond: number; readonly longestMs: number } {
  const core = createCore({ plugins, now: () => 0, schedulerName: 'default-scheduler' });
  for (let i = 0; i < nodeCount; i += 1) core.nodeSeen(`node-${i}`, nodeOf(i));
  const pods = Array.from({ length: podCount }, (_, i) => pod(i));
  const started = performance.now();
  for (const each of pods) core.podSeen(`bench/${each.metadata?.name}`, each);
  const takenIn = performance.now();
  const longestMs = decideAll(core);
  const ended = performance.now();
  return { perSecond: podCount / ((ended - takenIn) / 1000), takenInPerSecond: podCount / ((takenIn - started) / 1000), longestMs };
}

/** The longest decision in milliseconds. */
function decideAll(core: Core): number {
  let longest = 0;
  let before = performance.now();
  while (core.decide() !== undefined) {
    const now = performance.now();
    longest = Math.max(longest, now - before);
    before = now;
  }
  return longest;
}

function nodeOf(number: number): Node {
  const name = `node-${number}`;
  return {
    metadata: { name, labels: { 'kubernetes.io/hostname': name, 'topology.kubernetes.io/zone': `zone-${number % 3}` } },
    status: { allocatable: { cpu: '4', memory: '32Gi', pods: '110' } },
  };
}

function podOf(number: number, cpu: string, spec: Partial<NonNullable<Pod['spec']>> = {}): Pod {
  const name = `pod-${number}`;
  return { metadata: { name, namespace: 'bench', uid: name }, spec: { containers: [{ name: 'main', resources: { requests: { cpu, memory: '500Mi' } } }], ...spec } };
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}

function figure(value: number): string {
  return value >= 10_000 ? `${Math.round(value / 1000)}k` : value.toFixed(0);
}
