import { mkdir } from 'node:fs/promises';
import { Pod, type PodStatus } from '../../machinery/kinds/core.ts';
import { isReason } from '../../machinery/status.ts';
import { referenceTo } from '../../client/events.ts';
import type { ContainerExit, Sandbox } from '../runtime/runtime.ts';
import { createPodVolumes, isLive } from '../volumes/volumes.ts';
import { containerExited } from './effects/container-exited.ts';
import { createSandbox, destroySandbox, prepareVolumes, removeVolumes, sandboxWasLost } from './effects/sandbox.ts';
import { startContainer } from './effects/start-container.ts';
import { killContainer, stopContainer } from './effects/stop-container.ts';
import type { NodeContext, PodHandle } from './handle.ts';
import { isEnding, plan, podTitle, type Step } from './plan.ts';
import { createProber } from './probes/prober.ts';
import { podDirectory, removePodRecord, writePodRecord } from './records.ts';
import { isRunning, recordOf, withRecord, type PodState } from './state.ts';
import { podStatus } from './status.ts';
import { join } from 'node:path';

/** Runs one pod: plans, carries out, reports. */
export interface PodWorker {
  readonly uid: string;
  pod(): Pod;
  state(): PodState;
  sandbox(): Sandbox | undefined;
  /** The object as the API has it now. */
  desire(pod: Pod): void;
  /** The object left the API. */
  remove(): void;
  exited(exit: ContainerExit): void;
  lost(): void;
  /** Calls `listener` after each change of the state; the answer ends it. */
  onChange(listener: () => void): () => void;
  /** Resolves when no task of the worker is under way; after `working` aborted. */
  settled(): Promise<void>;
}

export interface WorkerStart {
  readonly pod: Pod;
  readonly state: PodState;
  readonly sandbox: Sandbox | undefined;
}

/** `forgotten` is called once, when nothing of the pod is left on this node. */
export function createPodWorker(node: NodeContext, start: WorkerStart, working: AbortSignal, forgotten: () => void): PodWorker {
  const uid = start.pod.metadata?.uid ?? '';
  const directory = podDirectory(node.dataDir, uid);
  const ending = new AbortController();
  const tasks = new Set<Promise<void>>();
  const listeners = new Set<() => void>();
  let { pod, state, sandbox } = start;
  let planned = false;
  let ended = false;
  let cancelWake: (() => void) | undefined;
  let reported: PodStatus | undefined;
  let saved: Promise<void> = Promise.resolve();
  let dirty = false;

  const objects = node.objects.hold(pod.metadata?.namespace ?? '', () => task(objectsChanged()));
  const volumes = createPodVolumes(pod, { client: node.client, clock: node.clock, objects, podDir: directory, memoryDir: join(node.memoryDir, uid) });

  const handle: PodHandle = {
    node, uid, directory, volumes, objects, starting: AbortSignal.any([ending.signal, working]), working,
    pod: () => pod, state: () => state, sandbox: () => sandbox,
    setSandbox: (next) => {
      sandbox = next;
    },
    change(edit) {
      const before = state;
      state = edit(before);
      if (isMaterial(before, state)) void persist();
      wake();
      for (const listener of listeners) listener();
    },
    changeContainer: (name, edit) => handle.change((before) => withRecord(before, edit(recordOf(before, name)))),
    persist,
    facts: () => ({ nodeName: node.nodeName, hostAddress: node.hostAddress, address: state.address, allocatable: node.allocatable() }),
    event(type, reason, message, container) {
      const isInit = pod.spec?.initContainers?.some((each) => each.name === container) === true;
      const fieldPath = container === undefined ? undefined : `spec.${isInit ? 'initContainers' : 'containers'}{${container}}`;
      node.recorder.record(referenceTo(Pod, pod, fieldPath), type, reason, message);
    },
  };
  const prober = createProber(handle);

  /** Writes the newest state; calls during a write are served by the one that follows it. */
  function persist(): Promise<void> {
    if (dirty) return saved;
    dirty = true;
    saved = saved.then(async () => {
      dirty = false;
      if (!ended) await writePodRecord(node.dataDir, uid, { pod, state });
    }).catch((error: unknown) => {
      node.log.error({ err: error, uid }, 'the state of a pod was not written down');
    });
    return saved;
  }

  /** Plans soon, once for all that happens in this turn. */
  function wake(): void {
    if (planned || ended || working.aborted) return;
    planned = true;
    queueMicrotask(() => {
      planned = false;
      if (!ended && !working.aborted) turn();
    });
  }

  function turn(): void {
    cancelWake?.();
    const now = node.clock.now();
    if (isEnding(pod, state)) ending.abort(new Error('the pod is being ended'));
    const { steps, wakeAt } = plan(pod, state, now);
    for (const step of steps) carryOut(step);
    prober.follow();
    report(now);
    const due = [wakeAt, volumes.refreshAt()].filter((at) => at !== undefined);
    if (due.length > 0) cancelWake = node.clock.setTimer(Math.max(Math.min(...due) - now, 0), () => task(timerFired()));
  }

  function report(now: number): void {
    if (state.removed || state.startTime === 0) return;
    const status = podStatus(pod, state, { hostAddress: node.hostAddress }, now, reported ?? pod.status);
    reported = status;
    node.statuses.write(pod, status);
  }

  function carryOut(step: Step): void {
    switch (step.do) {
      case 'prepareVolumes': return task(prepareVolumes(handle));
      case 'createSandbox': return task(createSandbox(handle));
      case 'destroySandbox': return task(destroySandbox(handle));
      case 'removeVolumes': return task(removeVolumes(handle));
      case 'start': return task(startContainer(handle, step.container));
      case 'stop': return task(stopContainer(handle, step.container, step.graceMs, step.message));
      case 'kill': return task(killContainer(handle, step.container));
      case 'backOff': return backOff(step.container, step.waiting);
      case 'fail': return handle.change((before) => ({ ...before, outcome: step.outcome }));
      case 'delete': return task(deleteObject());
      case 'forget': return task(forget());
    }
  }

  function backOff(container: string, waiting: { readonly reason: string; readonly message?: string }): void {
    if (waiting.reason === 'CrashLoopBackOff') {
      handle.event('Warning', 'BackOff', `Back-off restarting failed container ${container} in pod ${podTitle(pod)}`, container);
    } else {
      handle.event('Normal', 'BackOff', waiting.message ?? '', container);
      handle.event('Warning', 'Failed', 'Error: ImagePullBackOff', container);
    }
    handle.changeContainer(container, (record) => ({ ...record, waiting }));
  }

  /** The last status first, then the object: whoever waits for the pod sees how it ended. */
  async function deleteObject(): Promise<void> {
    handle.change((before) => ({ ...before, deleting: true }));
    // The status of this turn is on its way: the change above came before it.
    await Promise.resolve();
    await node.statuses.flush(uid);
    const { namespace = '', name = '' } = pod.metadata ?? {};
    try {
      await node.client.delete(Pod, { namespace, name }, { gracePeriodSeconds: 0, preconditions: { uid }, signal: AbortSignal.any([working, AbortSignal.timeout(deleteDeadlineMs)]) });
    } catch (error) {
      if (working.aborted || isReason(error, 'NotFound', 'Conflict')) return;
      node.log.warn({ err: error, namespace, name, uid }, 'a pod was not deleted: it is tried again');
      node.clock.setTimer(deleteRetryMs, () => handle.change((before) => ({ ...before, deleting: false })));
    }
  }

  async function forget(): Promise<void> {
    if (ended) return;
    ended = true;
    cancelWake?.();
    prober.stop();
    objects.release();
    node.statuses.forget(uid);
    await saved;
    await removePodRecord(node.dataDir, uid);
    forgotten();
  }

  /** A ConfigMap or Secret that the pod names is there or has changed: what waited for it goes on, files follow. */
  async function objectsChanged(): Promise<void> {
    handle.change(({ volumesRetryAt: _retryAt, ...before }) => {
      const containers = [...before.containers.values()].map((record) => {
        const { retryAt: _containerRetryAt, ...rest } = record;
        return record.waiting?.reason === 'CreateContainerConfigError' ? rest : record;
      });
      return { ...before, containers: new Map(containers.map((each) => [each.name, each])) };
    });
    await refreshVolumes();
  }

  async function refreshVolumes(): Promise<void> {
    if (state.volumes !== 'ready' || isEnding(pod, state) || !(pod.spec?.volumes ?? []).some(isLive)) return;
    try {
      await volumes.prepare(pod, handle.facts());
    } catch (error) {
      // The running containers keep what they have, as they do in Kubernetes.
      handle.event('Warning', 'FailedMount', error instanceof Error ? error.message : String(error));
    }
  }

  async function timerFired(): Promise<void> {
    const due = volumes.refreshAt();
    if (due !== undefined && due <= node.clock.now()) await refreshVolumes();
    wake();
  }

  function task(work: Promise<void>): void {
    const running = work.catch((error: unknown) => {
      if (!working.aborted) node.log.error({ err: error, uid, namespace: pod.metadata?.namespace, name: pod.metadata?.name }, 'a step of a pod failed in an unforeseen way');
    }).finally(() => tasks.delete(running));
    tasks.add(running);
  }

  task(mkdir(directory, { recursive: true, mode: 0o711 }).then(async () => {
    await persist();
    wake();
    if (state.volumes === 'ready') await refreshVolumes();
  }));

  return {
    uid, pod: () => pod, state: () => state, sandbox: () => sandbox,
    desire(next) {
      const relabelled = JSON.stringify([pod.metadata?.labels, pod.metadata?.annotations]) !== JSON.stringify([next.metadata?.labels, next.metadata?.annotations]);
      pod = next;
      void persist();
      if (relabelled) task(refreshVolumes());
      wake();
    },
    remove: () => handle.change((before) => ({ ...before, removed: true })),
    exited: (exit) => task(containerExited(handle, exit)),
    lost: () => task(sandboxWasLost(handle)),
    onChange(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    async settled() {
      cancelWake?.();
      prober.stop();
      objects.release();
      while (tasks.size > 0) await Promise.all(tasks);
      await saved;
    },
  };
}

/** Whether a change must outlive the agent: health and tasks under way are found anew, everything else is written down. */
function isMaterial(before: PodState, after: PodState): boolean {
  return materialOf(before) !== materialOf(after);
}

function materialOf(state: PodState): string {
  const containers = [...state.containers.values()].map(({ health: _health, activity: _activity, ...record }) => record);
  return JSON.stringify({ ...state, containers, volumes: state.volumes === 'ready', sandbox: state.sandbox === 'ready' });
}

const deleteRetryMs = 2000;
const deleteDeadlineMs = 15_000;

/** Whether a pod's container can be spoken to now. */
export function runningContainer(worker: PodWorker, name: string): string | undefined {
  const record = worker.state().containers.get(name);
  return record !== undefined && isRunning(record) ? record.current?.id : undefined;
}
