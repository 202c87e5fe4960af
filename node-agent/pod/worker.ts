import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { pause } from '../../machinery/clock.ts';
import { Pod, type PodStatus } from '../../machinery/kinds/core.ts';
import { isStatic } from '../../machinery/pod/static.ts';
import { referenceTo } from '../../client/events.ts';
import type { ContainerExit, Sandbox } from '../runtime/runtime.ts';
import { createPodVolumes } from '../volumes/volumes.ts';
import { carryOut } from './effects/carry-out.ts';
import { confine } from './effects/confine.ts';
import { withMessages } from './adopt.ts';
import { containerExited, lastWords } from './effects/container-exited.ts';
import { refreshVolumes, sourcesChanged } from './effects/refresh-volumes.ts';
import { sandboxAnswered, sandboxWasLost, sayRefusal } from './effects/sandbox.ts';
import type { NodeContext, PodHandle, Refusal } from './handle.ts';
import { goingDown, isEnding, plan } from './plan.ts';
import { createProber, type ProbeCount, type Prober } from './probes/prober.ts';
import { podDirectory, writePodRecord } from './records.ts';
import { asked, granted } from './resize.ts';
import { recordOf, withRecord, type Grants, type PodState } from './state.ts';
import { podStatus } from './status.ts';
import { clearStrays, removeRun } from './unowned.ts';
import { createJournal, createTasks, type Journal, type Tasks } from './tasks.ts';

/** Runs one pod: plans, carries out, reports. */
export interface PodWorker {
  readonly uid: string;
  pod(): Pod;
  /** With what its containers are granted. */
  granted(): Pod;
  state(): PodState;
  sandbox(): Sandbox | undefined;
  /** Where a volume's content is on the host. */
  volumePath(name: string): string | undefined;
  probeCounts(): readonly ProbeCount[];
  /** The object as the API has it now. */
  desire(pod: Pod): void;
  /** The object left the API, or a static pod's file its directory. */
  remove(): void;
  /** Another pod has given something back: a resize that waited for it is judged anew. */
  reconsider(): void;
  exited(exit: ContainerExit): void;
  lost(): void;
  /** The pod's supervisor, silent so far, answers: this is its sandbox. */
  answered(sandbox: Sandbox): void;
  /** Ends the pod for good because of what it uses. False: it is being ended already. */
  evict(eviction: Eviction): boolean;
  /** Ends the pod because its machine goes down; its containers have until `endBy`, milliseconds since the epoch. */
  goDown(endBy: number): void;
  /** The pod is not let in. Call at once, before anything of it has begun. */
  reject(refusal: Refusal): void;
  /** Has running containers that have no processors of their own run on these. */
  confine(cpus: string): Promise<void>;
  /** Frees what ended containers have left that may start again. */
  discardEnded(): Promise<void>;
  /** Calls `listener` after each change of the state; the answer ends it. */
  onChange(listener: () => void): () => void;
  /** Resolves when no task of the worker is under way; after `working` aborted. */
  settled(): Promise<void>;
}

export interface Eviction {
  /** The event's and the status's. */
  readonly message: string;
  readonly graceSeconds: number;
  readonly isDisruption: boolean;
}

export interface WorkerStart {
  readonly pod: Pod;
  readonly state: PodState;
  readonly sandbox: Sandbox | undefined;
}

/** What only the worker itself changes. */
interface Cell {
  pod: Pod;
  state: PodState;
  sandbox: Sandbox | undefined;
  /** The status reported last. */
  reported: PodStatus | undefined;
  /** It is known what the pod was found with: before, nothing is planned, and nothing reported that would be taken back. */
  hasBegun: boolean;
  /** A turn is due. */
  isWoken: boolean;
  isOver: boolean;
  cancelWake: (() => void) | undefined;
}

/** `forgotten` is called once, when nothing of the pod is left on this node. */
export function createPodWorker(node: NodeContext, start: WorkerStart, working: AbortSignal, forgotten: () => void): PodWorker {
  const state = { ...start.state, grants: start.state.grants ?? asked(start.pod) };
  const cell: Cell = { ...start, state, reported: undefined, hasBegun: false, isWoken: false, isOver: false, cancelWake: undefined };
  const uid = start.pod.metadata?.uid ?? '';
  const listeners = new Set<() => void>();
  const ending = new AbortController();
  const tasks = createTasks((error) => {
    const { namespace, name } = cell.pod.metadata ?? {};
    if (!working.aborted) node.log.error({ err: error, uid, namespace, name }, 'a step of a pod failed in an unforeseen way');
  });
  const makeDirectory = (): Promise<unknown> => mkdir(podDirectory(node.dataDir, uid), { recursive: true, mode: 0o711 });
  let directory = makeDirectory();
  const journal = createJournal({
    async write(isDurable) {
      // A disk that was full need not be any more.
      directory = directory.catch(makeDirectory);
      await directory;
      if (!cell.isOver) await writePodRecord(node.dataDir, uid, cell, isDurable);
    },
    clock: node.clock,
    failed: (error) => node.log.error({ err: error, uid }, 'the state of a pod was not written down'),
  });
  const wake = (): void => {
    if (!cell.hasBegun || cell.isWoken || cell.isOver || working.aborted) return;
    cell.isWoken = true;
    // Once for all that happens in this turn of the event loop.
    queueMicrotask(() => {
      cell.isWoken = false;
      if (!cell.isOver && !working.aborted) takeTurn(handle, cell, { ending, tasks, prober, wake });
    });
  };
  const release = (): void => {
    cell.cancelWake?.();
    journal.close();
    prober.stop();
    handle.objects.release();
  };
  const handle = createHandle(node, cell, {
    starting: AbortSignal.any([ending.signal, working]), working, journal, objectsChanged: () => tasks.run(sourcesChanged(handle)),
    changed() {
      wake();
      for (const listener of listeners) listener();
    },
    async forget() {
      if (cell.isOver) return;
      cell.isOver = true;
      release();
      node.statuses.forget(uid);
      // What was being written must not come back after the removal.
      await journal.save();
      // A filling that failed halfway has left something too.
      await handle.volumes.remove().catch((error: unknown) => node.log.error({ err: error, uid }, 'volumes of a pod were not removed: the next agent tries again'));
      await removeAll(node, uid, working);
      forgotten();
    },
  });
  const prober = createProber(handle);
  journal.saveSoon();
  const begun = (): void => {
    cell.hasBegun = true;
    wake();
  };
  // Without its directory a pod fails at its volumes, which say so and are tried again.
  tasks.run(directory.catch((error: unknown) => node.log.error({ err: error, uid }, 'the directory of a pod was not made')).then(() => begin(handle, begun)));
  return {
    uid, pod: () => cell.pod, granted: () => handle.pod(), state: () => cell.state, sandbox: () => cell.sandbox, volumePath: (name) => handle.volumes.pathOf(cell.pod, name), probeCounts: () => prober.counts(),
    desire(pod) {
      if (isRelabelled(cell.pod, pod)) tasks.run(Promise.resolve().then(() => sourcesChanged(handle)));
      cell.pod = pod;
      node.statuses.check(pod);
      journal.saveSoon();
      wake();
    },
    remove: () => handle.change((before) => ({ ...before, removed: true })),
    reconsider() {
      if (cell.state.resizeRefusal?.reason === 'Deferred') handle.change(({ resizeRefusal: _refusal, ...before }) => before);
    },
    exited: (exit) => tasks.run(containerExited(handle, exit)),
    lost: () => tasks.run(sandboxWasLost(handle)),
    answered: (sandbox) => tasks.run(sandboxAnswered(handle, sandbox).then(() => clearStrays(handle))),
    evict({ message, graceSeconds, isDisruption }) {
      if (isEnding(cell.pod, cell.state)) return false;
      handle.event('Warning', 'Evicted', message);
      handle.change((before) => ({ ...before, outcome: { phase: 'Failed', reason: 'Evicted', message, graceSeconds, ...(isDisruption ? { isDisruption } : {}) } }));
      return true;
    },
    goDown: (endBy) => handle.change((before) => goingDown(cell.pod, before, endBy)),
    reject: (refusal) => tasks.run(carryOut(handle, { do: 'reject', ...refusal })),
    confine: (cpus) => confine(handle, cpus),
    async discardEnded() {
      const ended = [...cell.state.containers.values()].filter(({ current, pending }) => current?.exit !== undefined && pending === undefined);
      for (const { current } of ended) await removeRun(handle, current?.id ?? '');
    },
    onChange(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    async settled() {
      release();
      await tasks.settled();
      await journal.save();
    },
  };
}

/** Until nothing is left of a pod's directory, or the agent ends. */
async function removeAll(node: NodeContext, uid: string, working: AbortSignal): Promise<void> {
  while (!working.aborted) {
    try {
      return await node.runtime.removeDirectory(podDirectory(node.dataDir, uid));
    } catch (error) {
      node.log.error({ err: error, uid }, 'the directory of a pod was not removed: it is tried again');
      await pause(node.clock, removeRetryMs, working).catch(() => undefined);
    }
  }
}

const removeRetryMs = 5000;

async function begin(handle: PodHandle, begun: () => void): Promise<void> {
  // What was in memory went with the machine, and is made again before the next sandbox has containers.
  if (handle.sandbox() === undefined && !isEnding(handle.pod(), handle.state())) handle.change((before) => ({ ...before, volumes: 'absent' }));
  sayRefusal(handle);
  const sandbox = handle.sandbox();
  if (sandbox !== undefined) {
    const words = await lastWords(handle, sandbox);
    handle.change((state) => withMessages(state, words));
  }
  begun();
  await clearStrays(handle);
  if (handle.state().volumes === 'ready') await refreshVolumes(handle);
}

interface Hooks {
  readonly starting: AbortSignal;
  readonly working: AbortSignal;
  readonly journal: Journal;
  changed(): void;
  objectsChanged(): void;
  forget(): Promise<void>;
}

function createHandle(node: NodeContext, cell: Cell, hooks: Hooks): PodHandle {
  const { uid = '', namespace = '' } = cell.pod.metadata ?? {};
  const directory = podDirectory(node.dataDir, uid);
  const objects = node.objects.hold(namespace, () => hooks.objectsChanged());
  const volumes = createPodVolumes(cell.pod, { client: node.client, clock: node.clock, objects, podDir: directory, memoryDir: join(node.memoryDir, uid), memory: node.runtime, disk: node.runtime, usersRefusal: (path) => node.runtime.usersRefusal(path) });
  const view = createView();
  const change = (edit: (state: PodState) => PodState): void => {
    const before = cell.state;
    cell.state = edit(before);
    // Of a pod that is no more, nothing needs to be remembered: the API says so again.
    if (!cell.state.removed && isMaterial(before, cell.state)) hooks.journal.saveSoon();
    hooks.changed();
  };
  return {
    node, uid, directory, volumes, objects, change, starting: hooks.starting, working: hooks.working, persist: () => hooks.journal.save(), forget: () => hooks.forget(),
    pod: () => view(cell.pod, cell.state.grants), asked: () => cell.pod, state: () => cell.state, sandbox: () => cell.sandbox,
    setSandbox: (next) => {
      cell.sandbox = next;
    },
    changeContainer: (name, edit) => change((before) => withRecord(before, edit(recordOf(before, name)))),
    facts: () => ({ nodeName: node.nodeName, hostAddress: node.hostAddress, address: cell.state.address, allocatable: node.allocatable() }),
    event(type, reason, message, container) {
      const { initContainers = [], ephemeralContainers = [] } = cell.pod.spec ?? {};
      const named = (list: readonly { readonly name: string }[]): boolean => list.some((each) => each.name === container);
      const list = named(initContainers) ? 'initContainers' : named(ephemeralContainers) ? 'ephemeralContainers' : 'containers';
      const fieldPath = container === undefined ? undefined : `spec.${list}{${container}}`;
      node.recorder.record(referenceTo(Pod, cell.pod, fieldPath), type, reason, message);
    },
  };
}

/** The same pod with the same grants is the same object. */
function createView(): (pod: Pod, grants: Grants | undefined) => Pod {
  let last: { readonly pod: Pod; readonly grants: Grants | undefined; readonly view: Pod } | undefined;
  return (pod, grants) => {
    if (last?.pod !== pod || last.grants !== grants) last = { pod, grants, view: granted(pod, grants) };
    return last.view;
  };
}

interface TurnParts {
  readonly ending: AbortController;
  readonly tasks: Tasks;
  readonly prober: Prober;
  wake(): void;
}

/** Plan, carry out, report; then wait for the next event or the plan's own time. */
function takeTurn(handle: PodHandle, cell: Cell, { ending, tasks, prober, wake }: TurnParts): void {
  const { node, volumes } = handle;
  const now = node.clock.now();
  cell.cancelWake?.();
  if (isEnding(cell.pod, cell.state)) ending.abort(new Error('the pod is being ended'));
  const { steps, wakeAt } = plan(cell.pod, cell.state, now);
  for (const step of steps) tasks.run(carryOut(handle, step));
  // The last step ends the worker at once: a timer set now would outlive it, and keep the process from ending.
  if (cell.isOver) return;
  prober.follow();
  report(node, cell, now);
  const due = [wakeAt, volumes.refreshAt()].filter((at) => at !== undefined);
  if (due.length === 0) return;
  cell.cancelWake = node.clock.setTimer(Math.max(Math.min(...due) - now, 0), () => {
    const refreshAt = volumes.refreshAt();
    if (refreshAt !== undefined && refreshAt <= node.clock.now()) tasks.run(refreshVolumes(handle).then(wake));
    else wake();
  });
}

function report(node: NodeContext, cell: Cell, now: number): void {
  if (cell.state.removed) return;
  cell.reported = podStatus(cell.pod, cell.state, { hostAddress: node.hostAddress }, now, cell.reported ?? cell.pod.status);
  // Nobody else remembers it for the next agent.
  if (isStatic(cell.pod)) cell.pod = { ...cell.pod, status: cell.reported };
  node.statuses.write(cell.pod, cell.reported, isOnItsWay(cell.reported) ? progressWithinMs : 0);
}

/** News of a pod that is being started wait so long: mostly the next is that it runs. */
const progressWithinMs = 100;

function isOnItsWay({ phase, containerStatuses, initContainerStatuses }: PodStatus): boolean {
  const reasons = [...(initContainerStatuses ?? []), ...(containerStatuses ?? [])].flatMap(({ state }) => state?.waiting?.reason ?? []);
  return phase === 'Pending' && reasons.every((reason) => reason === 'ContainerCreating' || reason === 'PodInitializing');
}

/** Labels and annotations may be shown in files, and make up environments. */
function isRelabelled(before: Pod, after: Pod): boolean {
  return shownMetadata(before) !== shownMetadata(after);
}

function shownMetadata({ metadata }: Pod): string {
  return JSON.stringify([metadata?.labels, metadata?.annotations]);
}

/** Whether a change must outlive the agent: health and tasks under way are found anew, everything else is written down. */
function isMaterial(before: PodState, after: PodState): boolean {
  return materialOf(before) !== materialOf(after);
}

function materialOf(state: PodState): string {
  const containers = [...state.containers.values()].map(({ health: _health, activity: _activity, ...record }) => record);
  return JSON.stringify({ ...state, containers, volumes: state.volumes === 'ready', sandbox: state.sandbox === 'ready' });
}
