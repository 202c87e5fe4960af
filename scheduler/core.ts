import type { Node, Pod } from '../machinery/kinds/core.ts';
import { isTerminal } from '../machinery/pod/readiness.ts';
import { createClasses, type Classes } from './classes/classes.ts';
import { clusterEvent } from './cluster-event.ts';
import { explainNodes, type NodeAnswer } from './diagnosis.ts';
import type { Demand } from './nodes/demand.ts';
import { createNodes, type Nodes } from './nodes/nodes.ts';
import type { Plugin } from './plugin.ts';
import { createPriorities, type Priorities } from './priorities.ts';
import { createQueue, type Queue } from './queue/queue.ts';
import type { Waiting } from './queue/waiting.ts';
import { createRefusals } from './refusals.ts';

/**
 * The scheduler without its edges: it is told what the cluster looks like and how bindings went, and says what to do next. It
 * decides on its own state at once: a pod that it gives a node counts there (assumed) until the cluster shows it, or the binding
 * has failed.
 */
export interface Core {
  /** The node as it is now, or undefined when it is gone. Any number of times, in any order. */
  nodeSeen(name: string, node: Node | undefined): void;
  /** The pod as it is now, or undefined when it is gone. */
  podSeen(key: string, pod: Pod | undefined): void;
  /** The next decision; undefined when no pod is to be tried now. */
  decide(): Decision | undefined;
  /** The binding of a `bind` decision was refused or got lost: the pod is tried again, unless the cluster shows that it needn't. */
  bindingFailed(key: string, uid: string): void;
  /** Would `decide` have something to look at? */
  readonly ready: boolean;
  /** When it will, for want of anything else, in milliseconds. */
  readonly nextRetry: number | undefined;
  /** Every node's answer to a pod that waits; undefined when it doesn't. */
  explain(key: string): Explanation | undefined;
}

export type Decision =
  | { readonly type: 'bind'; readonly pod: Pod; readonly node: string }
  /** `told`: the same was said of the pod a short while ago. */
  | { readonly type: 'refuse'; readonly pod: Pod; readonly message: string; readonly told: boolean };

export interface Explanation {
  /** What keeps the pod from being considered at all. */
  readonly gate?: string;
  readonly attempts: number;
  readonly nodes: readonly NodeAnswer[];
}

export interface CoreOptions {
  readonly plugins: readonly Plugin[];
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Pods of other schedulers are not decided about. */
  readonly schedulerName: string;
}

/** A pod that counts on a node: the cluster shows it there (`placed`), or we have decided so. */
interface OnNode {
  readonly stage: 'assumed' | 'placed';
  readonly uid: string;
  readonly node: string;
  readonly demand: Demand;
  readonly priority: number;
  /** Of an assumed pod. */
  readonly waiting?: Waiting;
}

interface OffNode {
  readonly stage: 'waiting';
  readonly uid: string;
  readonly waiting: Waiting;
}

type Tracked = OnNode | OffNode;

interface State {
  readonly options: CoreOptions;
  readonly nodes: Nodes;
  readonly classes: Classes;
  readonly queue: Queue;
  readonly priorities: Priorities;
  readonly refusals: ReturnType<typeof createRefusals>;
  /** By `namespace/name`. */
  readonly pods: Map<string, Tracked>;
  nextTicket: number;
}

export function createCore(options: CoreOptions): Core {
  const { now, plugins } = options;
  const [nodes, priorities, queue] = [createNodes(), createPriorities(), createQueue()];
  const state: State = {
    options, nodes, priorities, queue, classes: createClasses(plugins, nodes), refusals: createRefusals(nodes, priorities), pods: new Map(), nextTicket: 0,
  };
  return {
    nodeSeen(name, node) {
      if (node === undefined) nodes.remove(name);
      else wake(state, nodes.put(node), name);
    },
    podSeen: (key, pod) => podSeen(state, key, pod),
    decide() {
      const waiting = queue.next(now());
      return waiting === undefined ? undefined : decide(state, waiting);
    },
    bindingFailed: (key, uid) => bindingFailed(state, key, uid),
    get ready() {
      return queue.ready(now());
    },
    get nextRetry() {
      return queue.nextRetry;
    },
    explain: (key) => explain(state, key),
  };
}

function podSeen(state: State, key: string, pod: Pod | undefined): void {
  let known = state.pods.get(key);
  if (pod === undefined || !matters(pod, state.options.schedulerName)) {
    if (known !== undefined) forget(state, key, known);
    return;
  }
  if (known !== undefined && known.uid !== uidOf(pod)) {
    forget(state, key, known);
    known = undefined;
  }
  const node = pod.spec?.nodeName ?? '';
  if (node !== '') seenOnNode(state, key, pod, node, known);
  else if (known === undefined) wait(state, key, pod);
  else if (known.stage === 'waiting') reconsider(state, known.waiting, pod);
  // Its binding is under way; should it fail, the pod is tried as it is by then.
  else if (known.waiting !== undefined) known.waiting.pod = pod;
}

/** On a node a pod takes its share until it has ended; off one it matters only while somebody wants it there, and to us. */
function matters(pod: Pod, ours: string): boolean {
  if (isTerminal(pod)) return false;
  if ((pod.spec?.nodeName ?? '') !== '') return true;
  return pod.metadata?.deletionTimestamp === undefined && (pod.spec?.schedulerName ?? ours) === ours;
}

function seenOnNode(state: State, key: string, pod: Pod, node: string, known: Tracked | undefined): void {
  const demand = state.nodes.demands.of(pod);
  const same = known !== undefined && known.stage !== 'waiting' && known.node === node && known.demand === demand;
  if (known !== undefined && !same) forget(state, key, known);
  const placed: OnNode = { stage: 'placed', uid: uidOf(pod), node, demand, priority: same ? known.priority : priorityOf(pod) };
  if (same) state.pods.set(key, placed);
  else enter(state, key, placed);
}

function wait(state: State, key: string, pod: Pod): void {
  const waiting: Waiting = {
    key, pod, podClass: state.classes.of(pod), priority: priorityOf(pod), ticket: state.nextTicket, attempts: 0, place: 'out', notBefore: 0, moves: 0,
  };
  state.nextTicket += 1;
  state.pods.set(key, { stage: 'waiting', uid: uidOf(pod), waiting });
  enqueue(state, waiting);
}

/** A waiting pod was changed: when that could change the answer, it is tried again at once. */
function reconsider(state: State, waiting: Waiting, pod: Pod): void {
  const podClass = state.classes.of(pod);
  const priority = priorityOf(pod);
  const differs = podClass.text !== waiting.podClass.text || priority !== waiting.priority || (gateOf(state, pod) !== undefined) !== (waiting.place === 'gated');
  waiting.pod = pod;
  if (!differs) return;
  state.queue.remove(waiting);
  waiting.podClass = podClass;
  waiting.priority = priority;
  enqueue(state, waiting);
}

function enqueue({ queue, options }: State, waiting: Waiting): void {
  if (gateOf({ options }, waiting.pod) === undefined) queue.activate(waiting);
  else queue.gate(waiting);
}

/** What keeps the pod from being considered at all. */
function gateOf({ options: { plugins } }: Pick<State, 'options'>, pod: Pod): string | undefined {
  for (const plugin of plugins) {
    const gate = plugin.gate(pod);
    if (gate !== undefined) return gate;
  }
  return undefined;
}

function decide(state: State, waiting: Waiting): Decision {
  const { classes, nodes, queue, refusals, options: { now } } = state;
  const { key, pod, podClass, priority } = waiting;
  const row = classes.pick(podClass);
  if (row < 0) {
    const { message, told, wakeOn } = refusals(waiting, now());
    queue.park(waiting, wakeOn, now());
    return { type: 'refuse', pod, message, told };
  }
  const node = nodes.nameOf(row);
  enter(state, key, { stage: 'assumed', uid: uidOf(pod), node, demand: podClass.demand, priority, waiting });
  return { type: 'bind', pod, node };
}

function bindingFailed(state: State, key: string, uid: string): void {
  const known = state.pods.get(key);
  // Else the cluster has shown meanwhile what became of it.
  if (known?.stage !== 'assumed' || known.uid !== uid || known.waiting === undefined) return;
  leave(state, key, known);
  const { waiting } = known;
  state.pods.set(key, { stage: 'waiting', uid, waiting });
  waiting.podClass = state.classes.of(waiting.pod);
  waiting.priority = priorityOf(waiting.pod);
  state.queue.retryLater(waiting, state.options.now());
}

function enter({ pods, nodes, priorities }: State, key: string, onNode: OnNode): void {
  pods.set(key, onNode);
  nodes.place(onNode.node, onNode.demand);
  priorities.add(onNode.priority);
}

function leave(state: State, key: string, { node, demand, priority }: OnNode): void {
  state.pods.delete(key);
  state.nodes.displace(node, demand);
  state.priorities.remove(priority);
  wake(state, clusterEvent.podRemoved, node);
}

function forget(state: State, key: string, tracked: Tracked): void {
  if (tracked.stage !== 'waiting') {
    leave(state, key, tracked);
    return;
  }
  state.queue.remove(tracked.waiting);
  state.pods.delete(key);
}

/** Something happened to a node: whom it would take now is tried again. */
function wake({ nodes, queue, options: { now } }: State, events: number, node: string): void {
  const row = nodes.rowOf(node);
  if (events === 0 || row === undefined || nodes.nodeAt(row) === undefined) return;
  queue.wake(events, (podClass) => (podClass.narrow?.includes(node) === false ? 0 : podClass.refused(row)?.plugin.wakeOn), now());
}

function explain(state: State, key: string): Explanation | undefined {
  const known = state.pods.get(key);
  if (known?.stage !== 'waiting') return undefined;
  const { pod, attempts, podClass } = known.waiting;
  const gate = gateOf(state, pod);
  return { ...(gate === undefined ? {} : { gate }), attempts, nodes: explainNodes(podClass, state.nodes) };
}

function uidOf(pod: Pod): string {
  return pod.metadata?.uid ?? '';
}

function priorityOf(pod: Pod): number {
  return pod.spec?.priority ?? 0;
}
