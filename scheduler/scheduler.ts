/**
 * Gives pods their nodes: queue, columns of nodes, plug-ins, binding. This room reads pods and nodes from the API and writes
 * bindings and the condition PodScheduled; it must not know what happens to a pod on its node.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Client } from '../client/client.ts';
import type { Recorder } from '../client/events.ts';
import { createInformer, type Informer } from '../client/informer.ts';
import { addressKey } from '../client/informer-store.ts';
import type { Log } from '../client/log.ts';
import { createBell, type Bell } from '../machinery/bell.ts';
import type { Clock, Random } from '../machinery/clock.ts';
import { Node, Pod } from '../machinery/kinds/core.ts';
import type { KubernetesObject } from '../machinery/kinds/kind.ts';
import { createCore, type Core, type Decision, type Explanation } from './core.ts';
import { withDeadline } from './deadline.ts';
import { createInbox, type Inbox } from './inbox.ts';
import { createLane, type Lane } from './lane.ts';
import { plugins } from './plugins/all.ts';
import { createPodReport, type PodReport } from './pod-report.ts';
import { messageOf } from '../machinery/thrown.ts';

export interface SchedulerOptions {
  readonly client: Client;
  readonly recorder: Recorder;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Whose pods it decides about. */
  readonly schedulerName?: string;
  /** Freeze what informers hand out: tests set it. */
  readonly freeze?: boolean;
}

export interface Scheduler {
  /** Schedules until `signal` aborts; resolves when the bindings under way have ended. Once per scheduler. */
  run(signal: AbortSignal): Promise<void>;
  /** Why a waiting pod (`namespace/name`) has no node, node by node; undefined when it doesn't wait. */
  explain(key: string): Explanation | undefined;
}

const bindingsInFlight = 64;
/** Decisions are made no further ahead of the API than this: a later one knows more. */
const bindingsAhead = 256;
const reportsInFlight = 16;
const bindingDeadlineMs = 30_000;
/** Work in one turn of the event loop, in milliseconds. */
const turnMs = 10;

interface Edges {
  readonly options: SchedulerOptions;
  readonly core: Core;
  readonly pods: Informer<Pod>;
  readonly nodes: Informer<Node>;
  readonly changedPods: Inbox;
  readonly changedNodes: Inbox;
  readonly bindings: Lane;
  readonly report: PodReport;
  readonly bell: Bell;
  readonly signal: AbortSignal;
}

export function createScheduler(options: SchedulerOptions): Scheduler {
  const core = createCore({ plugins, now: options.clock.now, schedulerName: options.schedulerName ?? 'default-scheduler' });
  return {
    explain: (key) => core.explain(key),
    run: (signal) => run(options, core, signal),
  };
}

async function run(options: SchedulerOptions, core: Core, signal: AbortSignal): Promise<void> {
  const { client, clock, random, log, freeze = false } = options;
  const bell = createBell();
  // Pods that have ended take nothing and want nothing: they are as good as gone.
  const pods = createInformer(client, Pod, { clock, random, log, freeze, fieldSelector: 'status.phase!=Succeeded,status.phase!=Failed' });
  const nodes = createInformer(client, Node, { clock, random, log, freeze });
  const [bindings, reports] = [createLane(bindingsInFlight, bell.ring), createLane(reportsInFlight)];
  const report = createPodReport({ ...options, lane: reports, signal });
  const edges: Edges = { options, core, pods, nodes, changedPods: createInbox(bell.ring), changedNodes: createInbox(bell.ring), bindings, report, bell, signal };
  const unsubscribe = [
    pods.onChange((before, after) => edges.changedPods.put(keyOf(after ?? before))),
    nodes.onChange((before, after) => edges.changedNodes.put(keyOf(after ?? before))),
  ];
  const informers = Promise.all([pods.run(signal), nodes.run(signal)]);
  try {
    await schedule(edges);
  } finally {
    for (const stop of unsubscribe) stop();
    await Promise.all([informers, bindings.drain(), reports.drain()]);
  }
}

function keyOf(object: KubernetesObject | undefined): string {
  return addressKey(object?.metadata?.namespace, object?.metadata?.name ?? '');
}

/** Works while there is work, a turn at a time; else sleeps until something arrives or a retry is due. */
async function schedule(edges: Edges): Promise<void> {
  const { options: { clock }, core, bell, signal, pods, nodes } = edges;
  try {
    // Decisions on half of the cluster would be wrong ones.
    await Promise.all([pods.waitForSync(signal), nodes.waitForSync(signal)]);
  } catch (error) {
    if (signal.aborted) return;
    throw error;
  }
  while (!signal.aborted) {
    if (turn(edges)) {
      await nextTurn();
      continue;
    }
    const { nextRetry } = core;
    const cancel = nextRetry === undefined ? undefined : clock.setTimer(Math.max(0, nextRetry - clock.now()), bell.ring);
    await bell.wait(signal);
    cancel?.();
  }
}

/** One turn: takes in what has changed, then decides. Is there more to do? */
function turn(edges: Edges): boolean {
  const { options: { clock }, core, changedPods, changedNodes, bindings } = edges;
  const until = clock.now() + turnMs;
  while (clock.now() < until) {
    if (takeIn(edges)) continue;
    if (bindings.load >= bindingsAhead) return false;
    const decision = core.decide();
    if (decision === undefined) return false;
    carryOut(edges, decision);
  }
  return changedNodes.size > 0 || changedPods.size > 0 || core.ready;
}

/** One change, nodes first: false when there is none. */
function takeIn({ core, pods, nodes, changedPods, changedNodes }: Edges): boolean {
  const node = changedNodes.take();
  if (node !== undefined) {
    core.nodeSeen(node, nodes.get(node));
    return true;
  }
  const pod = changedPods.take();
  if (pod !== undefined) core.podSeen(pod, pods.get(pod));
  return pod !== undefined;
}

function carryOut(edges: Edges, decision: Decision): void {
  if (decision.type === 'bind') edges.bindings.send(() => bind(edges, decision.pod, decision.node));
  else if (!decision.told) edges.report.failed(decision.pod, 'Unschedulable', decision.message);
}

async function bind({ options: { client, clock, log }, core, report, bell, signal }: Edges, pod: Pod, node: string): Promise<void> {
  const { namespace = '', name = '', uid = '' } = pod.metadata ?? {};
  const body = { apiVersion: 'v1', kind: 'Binding', metadata: { name, namespace, uid }, target: { kind: 'Node', name: node } };
  try {
    await withDeadline(clock, bindingDeadlineMs, signal, (late) => client.createSubresource(Pod, { namespace, name }, 'binding', body, { signal: late }));
    report.scheduled(pod, node);
  } catch (error) {
    core.bindingFailed(addressKey(namespace, name), uid);
    bell.ring();
    if (signal.aborted) return;
    const message = messageOf(error);
    log.warn({ kind: 'Pod', namespace, name, uid, node }, `a pod was not bound: ${message}`);
    report.failed(pod, 'SchedulerError', `running Bind plugin "DefaultBinder": ${message}`);
  }
}
