import type { Pod } from '../../machinery/kinds/core.ts';
import { isTerminal } from '../../machinery/pod/readiness.ts';
import type { Assignment } from '../cpus/assign.ts';
import { isStatic } from '../../machinery/pod/static.ts';
import { keyOf } from '../../client/informer-store.ts';
import type { ContainerExit, RuntimeEvents, Sandbox } from '../runtime/runtime.ts';
import { adopt, initAgain } from './adopt.ts';
import type { NodeContext } from './handle.ts';
import type { PodRecord } from './records.ts';
import { isEnding } from './plan.ts';
import { newState, type Grants, type PodState } from './state.ts';
import { removeUnowned } from './unowned.ts';
import { createPodWorker, type PodWorker } from './worker.ts';

/** All pods of this node, each with its worker. */
export interface PodWorkers extends RuntimeEvents {
  /** Goes on with what was written down and what still runs; what nobody wrote down is destroyed. */
  adoptAll(records: ReadonlyMap<string, PodRecord>, sandboxes: readonly Sandbox[]): Promise<void>;
  /** One change of a pod that is bound to this node. */
  changed(before: Pod | undefined, after: Pod | undefined): void;
  /** The API's list is complete: pods that it doesn't have are ended, but for those of files. */
  keepOnly(pods: readonly Pod[]): void;
  /** The node's pods, with what they are granted; finished ones hold nothing of it. */
  held(): readonly Pod[];
  /** Which processors containers of these pods have to themselves. */
  assignments(): readonly Assignment[];
  /** Has every running container without processors of its own run on these. */
  confine(cpus: string): Promise<void>;
  /** What is to run because files say so. What they say no more is ended; what they never said too, when `isComplete`. */
  keepStatic(pods: readonly Pod[], isComplete: boolean): void;
  /** What other pods than this one are granted of the node; finished ones hold nothing of it. */
  beside(uid: string): readonly Pod[];
  find(namespace: string, name: string): PodWorker | undefined;
  list(): readonly PodWorker[];
  settled(): Promise<void>;
}

/** `staticChanged` is called when the worker of a static pod has begun, or is about to end or gone. */
export function createPodWorkers(node: NodeContext, working: AbortSignal, staticChanged: () => void = () => undefined): PodWorkers {
  const workers = new Map<string, PodWorker>();
  let wantedStatic: ReadonlyMap<string, Pod> = new Map();
  let clearing: Promise<void> = Promise.resolve();

  function begin(pod: Pod, state: PodState, sandbox: Sandbox | undefined): PodWorker {
    const uid = pod.metadata?.uid ?? '';
    const changed = (): void => {
      node.heldChanged();
      for (const other of workers.values()) if (other.uid !== uid) other.reconsider();
    };
    const worker = createPodWorker(node, { pod, state, sandbox }, working, () => {
      workers.delete(uid);
      changed();
      if (isStatic(pod)) staticChanged();
      beginStatic();
    });
    workers.set(uid, worker);
    node.heldChanged();
    let held = grantsOf(worker);
    worker.onChange(() => {
      node.cpus?.changed();
      const now = grantsOf(worker);
      if (now === held) return;
      held = now;
      changed();
    });
    return worker;
  }

  function beginNew(pod: Pod): void {
    const refusal = pod.metadata?.deletionTimestamp === undefined ? node.refusal(pod) : undefined;
    if (refusal !== undefined) begin(pod, newState(node.clock.now()), undefined).reject(refusal);
    else beginAssigned(pod, newState(node.clock.now()));
  }

  /** One of which nothing runs: its containers get the processors that they are to have to themselves. */
  function beginAssigned(pod: Pod, { cpus: _before, ...state }: PodState): void {
    if (node.cpus === undefined) return void begin(pod, state, undefined);
    const assigned = isEnding(pod, state) ? { cpus: {} } : node.cpus.assign(pod);
    if ('cpus' in assigned) return void begin(pod, { ...state, cpus: assigned.cpus }, undefined);
    begin(pod, { ...state, cpus: {} }, undefined).reject(assigned.refusal);
  }

  /** A pod of a name begins when the one before it has ended, itself included: they would share ports and files. */
  function beginStatic(): void {
    if (working.aborted || wantedStatic.size === 0) return;
    const taken = new Set([...workers.values()].filter((worker) => isStatic(worker.pod())).map((worker) => keyOf(worker.pod())));
    for (const pod of wantedStatic.values()) if (!taken.has(keyOf(pod))) beginNew(pod);
    staticChanged();
  }

  function desire(pod: Pod): void {
    const uid = pod.metadata?.uid ?? '';
    const worker = workers.get(uid);
    if (worker !== undefined) worker.desire(pod);
    // A finished pod of which nothing is known here has nothing left but its object.
    else if (!isTerminal(pod) || pod.metadata?.deletionTimestamp !== undefined) beginNew(pod);
  }

  return {
    async adoptAll(records, sandboxes) {
      const byUid = new Map(sandboxes.map((sandbox) => [sandbox.uid, sandbox]));
      const stopped = [...records].filter(([uid]) => !byUid.has(uid));
      for (const [uid, { pod, state }] of records) {
        const sandbox = byUid.get(uid);
        byUid.delete(uid);
        if (sandbox !== undefined) begin(pod, adopt(pod, triedAgain(pod, state), sandbox, node.clock.now()), sandbox);
      }
      // After those that have processors already.
      for (const [, { pod, state }] of stopped) beginAssigned(pod, initAgain(pod, adopt(pod, triedAgain(pod, state), undefined, node.clock.now())));
      for (const stranger of byUid.values()) {
        node.log.warn({ uid: stranger.uid, name: stranger.spec.name }, 'a pod sandbox without a record is destroyed');
        await stranger.destroy();
      }
    },
    changed(before, after) {
      const replaced = before !== undefined && before.metadata?.uid !== after?.metadata?.uid;
      if (replaced) workers.get(before.metadata?.uid ?? '')?.remove();
      if (after !== undefined) desire(after);
    },
    keepOnly(pods) {
      const wanted = new Set(pods.map((pod) => pod.metadata?.uid));
      for (const worker of workers.values()) if (!wanted.has(worker.uid) && !isStatic(worker.pod())) worker.remove();
      clearing = removeUnowned(node, (uid) => workers.has(uid) || wanted.has(uid)).catch((error: unknown) => node.log.error({ err: error }, 'looking for directories that no pod owns failed'));
    },
    assignments: () => [...workers.values()].flatMap((worker) => (heldBy(worker) === undefined ? [] : [worker.state().cpus ?? {}])),
    async confine(cpus) {
      const told = await Promise.allSettled([...workers.values()].map((worker) => worker.confine(cpus)));
      for (const each of told) if (each.status === 'rejected') throw each.reason;
    },
    held: () => [...workers.values()].flatMap((worker) => heldBy(worker) ?? []),
    keepStatic(pods, isComplete) {
      const before = wantedStatic;
      wantedStatic = new Map(pods.map((pod) => [pod.metadata?.uid ?? '', pod]));
      for (const worker of workers.values()) {
        if (isStatic(worker.pod()) && !wantedStatic.has(worker.uid) && !worker.state().removed && (isComplete || before.has(worker.uid))) worker.remove();
      }
      beginStatic();
    },
    beside: (uid) => [...workers.values()].flatMap((worker) => (worker.uid === uid ? [] : heldBy(worker) ?? [])),
    find: (namespace, name) => [...workers.values()].findLast((each) => each.pod().metadata?.name === name && each.pod().metadata?.namespace === namespace),
    list: () => [...workers.values()],
    exited: (uid: string, exit: ContainerExit) => workers.get(uid)?.exited(exit),
    lost: (uid: string) => workers.get(uid)?.lost(),
    answered: (uid: string, sandbox: Sandbox) => workers.get(uid)?.answered(sandbox),
    async settled() {
      await Promise.all([clearing, ...[...workers.values()].map((worker) => worker.settled())]);
    },
  };
}

/** The pod that has a part of the node; undefined: all of it has ended. */
function heldBy(worker: PodWorker): Pod | undefined {
  return hasEnded(worker) ? undefined : worker.granted();
}

/** What a pod has of the node, replaced when that changes: the pod itself is another with each word on it. Undefined: all of it has ended. */
function grantsOf(worker: PodWorker): Grants | undefined {
  return hasEnded(worker) ? undefined : worker.state().grants;
}

function hasEnded(worker: PodWorker): boolean {
  return worker.state().sandbox === 'absent' && isEnding(worker.pod(), worker.state());
}

/** A static pod that ended with the machine, or was not let in, is cleared away and begins anew: nobody else makes another of it. */
function triedAgain(pod: Pod, state: PodState): PodState {
  const { isDisruption, isRejection } = state.outcome ?? {};
  return isStatic(pod) && (isDisruption ?? isRejection) === true ? { ...state, removed: true } : state;
}
