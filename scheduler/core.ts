import type { Node, Pod } from '../machinery/kinds/core.ts';
import { isTerminal } from '../machinery/pod/readiness.ts';
import { createClasses } from './classes/classes.ts';
import type { PodClass } from './classes/pod-class.ts';
import { clusterEvent } from './cluster-event.ts';
import { diagnose, explainNodes, type Diagnosis, type NodeAnswer } from './diagnosis.ts';
import { fitMessage, type Preemption } from './fit-message.ts';
import type { Demand } from './nodes/demand.ts';
import { createNodes } from './nodes/nodes.ts';
import type { Plugin } from './plugin.ts';
import { createQueue } from './queue/queue.ts';
import type { Waiting } from './queue/waiting.ts';

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
  readonly pod: Pod;
  readonly node: string;
  readonly demand: Demand;
  readonly priority: number;
  /** Of an assumed pod. */
  readonly waiting?: Waiting;
}

/** Holds while no row has changed. */
interface Diagnosed {
  readonly at: number;
  readonly diagnosis: Diagnosis;
  readonly messages: Map<Preemption, string>;
}

/** Milliseconds after which a pod is told the same again, so that its events don't all expire. */
const tellAgainMs = 300_000;

interface OffNode {
  readonly stage: 'waiting';
  readonly uid: string;
  readonly waiting: Waiting;
}

type Tracked = OnNode | OffNode;

export function createCore({ plugins, now, schedulerName }: CoreOptions): Core {
  const nodes = createNodes();
  const classes = createClasses(plugins, nodes);
  const queue = createQueue();
  const pods = new Map<string, Tracked>();
  const priorities = createPriorities();
  const diagnoses = new WeakMap<PodClass, Diagnosed>();
  let ticket = 0;

  const wake = (events: number, node: string): void => {
    const row = nodes.rowOf(node);
    if (events === 0 || row === undefined || nodes.nodeAt(row) === undefined) return;
    queue.wake(events, (podClass) => (podClass.narrow?.includes(node) === false ? 0 : podClass.refused(row)?.plugin.wakeOn), now());
  };
  const enter = (key: string, onNode: OnNode): void => {
    pods.set(key, onNode);
    nodes.place(onNode.node, onNode.demand);
    priorities.add(onNode.priority);
  };
  const leave = (key: string, { node, demand, priority }: OnNode): void => {
    pods.delete(key);
    nodes.displace(node, demand);
    priorities.remove(priority);
    wake(clusterEvent.podRemoved, node);
  };
  const forget = (key: string, tracked: Tracked): void => {
    if (tracked.stage !== 'waiting') return leave(key, tracked);
    queue.remove(tracked.waiting);
    pods.delete(key);
  };
  const isGated = (pod: Pod): boolean => plugins.some((plugin) => plugin.gate(pod) !== undefined);
  const queued = (waiting: Waiting): void => {
    if (isGated(waiting.pod)) queue.gate(waiting);
    else queue.activate(waiting);
  };
  const wait = (key: string, pod: Pod): void => {
    const waiting: Waiting = {
      key, pod, podClass: classes.of(pod), priority: priorityOf(pod), since: now(), ticket, attempts: 0, place: 'out', notBefore: 0, moves: 0,
    };
    ticket += 1;
    pods.set(key, { stage: 'waiting', uid: uidOf(pod), waiting });
    queued(waiting);
  };
  /** A waiting pod was changed: when that could change the answer, it is tried again at once. */
  const reconsider = (waiting: Waiting, pod: Pod): void => {
    const podClass = classes.of(pod);
    const priority = priorityOf(pod);
    const matters = podClass.text !== waiting.podClass.text || priority !== waiting.priority || isGated(pod) !== (waiting.place === 'gated');
    waiting.pod = pod;
    if (!matters) return;
    queue.remove(waiting);
    waiting.podClass = podClass;
    waiting.priority = priority;
    queued(waiting);
  };
  const seenOnNode = (key: string, pod: Pod, node: string, known: Tracked | undefined): void => {
    const demand = nodes.demands.of(pod);
    const same = known !== undefined && known.stage !== 'waiting' && known.node === node && known.demand === demand;
    if (known !== undefined && !same) forget(key, known);
    const placed: OnNode = { stage: 'placed', uid: uidOf(pod), pod, node, demand, priority: priorityOf(pod) };
    if (same) pods.set(key, placed);
    else enter(key, placed);
  };
  const seenOffNode = (key: string, pod: Pod, known: Tracked | undefined): void => {
    if (known === undefined) wait(key, pod);
    else if (known.stage === 'waiting') reconsider(known.waiting, pod);
    // Its binding is under way; should it fail, the pod is tried as it is by then.
    else if (known.waiting !== undefined) known.waiting.pod = pod;
  };
  const diagnosed = (podClass: PodClass): Diagnosed => {
    const kept = diagnoses.get(podClass);
    if (kept !== undefined && kept.at === nodes.changes.head) return kept;
    const made: Diagnosed = { at: nodes.changes.head, diagnosis: diagnose(podClass, nodes), messages: new Map() };
    diagnoses.set(podClass, made);
    return made;
  };
  const refuse = (waiting: Waiting): Decision => {
    const { diagnosis, messages } = diagnosed(waiting.podClass);
    queue.park(waiting, diagnosis.wakeOn, now());
    const preemption = preemptionFor(waiting, priorities);
    const message = messages.get(preemption) ?? fitMessage(diagnosis, preemption);
    messages.set(preemption, message);
    const told = waiting.told?.message === message && now() - waiting.told.at < tellAgainMs;
    if (!told) waiting.told = { message, at: now() };
    return { type: 'refuse', pod: waiting.pod, message, told };
  };
  return {
    nodeSeen(name, node) {
      if (node === undefined) nodes.remove(name);
      else wake(nodes.put(node), name);
    },
    podSeen(key, pod) {
      let known = pods.get(key);
      const node = pod?.spec?.nodeName ?? '';
      // On a node a pod takes its share until it has ended; off one it matters only while somebody wants it there, and to us.
      const matters = pod !== undefined && !isTerminal(pod)
        && (node !== '' || (pod.metadata?.deletionTimestamp === undefined && (pod.spec?.schedulerName ?? schedulerName) === schedulerName));
      if (known !== undefined && (!matters || known.uid !== uidOf(pod))) {
        forget(key, known);
        known = undefined;
      }
      if (!matters) return;
      if (node === '') seenOffNode(key, pod, known);
      else seenOnNode(key, pod, node, known);
    },
    decide() {
      const waiting = queue.next(now());
      if (waiting === undefined) return undefined;
      const row = classes.pick(waiting.podClass);
      if (row < 0) return refuse(waiting);
      const { key, pod, podClass: { demand }, priority } = waiting;
      const node = nodes.nameOf(row);
      enter(key, { stage: 'assumed', uid: uidOf(pod), pod, node, demand, priority, waiting });
      return { type: 'bind', pod, node };
    },
    bindingFailed(key, uid) {
      const known = pods.get(key);
      // Else the cluster has shown meanwhile what became of it.
      if (known?.stage !== 'assumed' || known.uid !== uid || known.waiting === undefined) return;
      leave(key, known);
      const { waiting } = known;
      pods.set(key, { stage: 'waiting', uid, waiting });
      waiting.podClass = classes.of(waiting.pod);
      waiting.priority = priorityOf(waiting.pod);
      queue.retryLater(waiting, now());
    },
    get ready() {
      return queue.ready(now());
    },
    get nextRetry() {
      return queue.nextRetry;
    },
    explain(key) {
      const known = pods.get(key);
      if (known?.stage !== 'waiting') return undefined;
      const { pod, attempts, podClass } = known.waiting;
      const gate = plugins.map((plugin) => plugin.gate(pod)).find((text) => text !== undefined);
      return { ...(gate === undefined ? {} : { gate }), attempts, nodes: explainNodes(podClass, nodes) };
    },
  };
}

function uidOf(pod: Pod): string {
  return pod.metadata?.uid ?? '';
}

function priorityOf(pod: Pod): number {
  return pod.spec?.priority ?? 0;
}

/** Preempting is not among what this scheduler does; it is only said of it what holds for certain. */
function preemptionFor({ pod, priority }: Waiting, priorities: Priorities): Preemption {
  if (pod.spec?.preemptionPolicy === 'Never') return 'never';
  return priorities.lowest >= priority ? 'no-victims' : 'not-judged';
}

/** The priorities of all pods that have a node. */
interface Priorities {
  /** Infinity when there is none. */
  readonly lowest: number;
  add(priority: number): void;
  remove(priority: number): void;
}

function createPriorities(): Priorities {
  const counts = new Map<number, number>();
  return {
    get lowest() {
      return Math.min(...counts.keys());
    },
    add: (priority) => void counts.set(priority, (counts.get(priority) ?? 0) + 1),
    remove(priority) {
      const left = (counts.get(priority) ?? 0) - 1;
      if (left > 0) counts.set(priority, left);
      else counts.delete(priority);
    },
  };
}
