/**
 * The pod worker's room: what one pod is doing on this node as a value (`state.ts`), what to do next (`plan.ts`, pure),
 * what the API is told (`status.ts`, pure), and the shell that carries steps out (`worker.ts`). Plans know pods and
 * containers only; namespaces, overlay and sockets are the runtime's.
 */
import type { Container, Pod } from '../../machinery/kinds/core.ts';

/** How a container's run ended. Times are milliseconds since the epoch. */
export interface Exit {
  readonly exitCode: number;
  readonly signal?: number;
  /** Kubernetes' word: `Completed`, `Error`, `OOMKilled`, `StartError`, `ContainerStatusUnknown`. */
  readonly reason: string;
  readonly message?: string;
  readonly finishedAt: number;
}

/** One run of a container. */
export interface Run {
  readonly id: string;
  /** As the status shows it: repository and digest, or the id. */
  readonly imageId: string;
  /** The image in the store. */
  readonly configId: string;
  /** Those that it mounts. */
  readonly volumeImages?: readonly string[];
  readonly image: string;
  /** Absent while pending. */
  readonly startedAt?: number;
  readonly exit?: Exit;
  /** What it was started with; absent in the records of earlier versions, the user also until the runtime is asked. */
  readonly resources?: Container['resources'];
  /** The processors that it runs on, where they are assigned. */
  readonly cpus?: string;
  readonly user?: { readonly uid: number; readonly gid: number; readonly groups: readonly number[] };
  /** Paths of mounts that are read-only with all that is mounted below them. */
  readonly recursiveReadOnly?: readonly string[];
  /** File of this run's log. */
  readonly logPath: string;
}

/** Waits between restarts: doubles at each, forgotten after a long quiet run. */
export interface BackOff {
  readonly delayMs: number;
  /** When the last attempt was made that set `delayMs`. */
  readonly since: number;
}

export interface Waiting {
  readonly reason: string;
  readonly message?: string;
}

export interface Stopping {
  readonly since: number;
  /** When SIGKILL follows. */
  readonly killAt: number;
  readonly killed: boolean;
  /** When SIGKILL is sent once more to what is still there. */
  readonly killAgainAt?: number;
}

export interface Health {
  /** The startup probe has passed, or there is none. */
  readonly started: boolean;
  /** The readiness probe passes, or there is none. */
  readonly ready: boolean;
  /** Set when the liveness or startup probe has given up: the event's message. */
  readonly failed?: string;
  /** The probe that has. */
  readonly failedProbe?: 'startup' | 'liveness';
}

const unknownHealth: Health = { started: false, ready: false };

/** Without a probe a running container has started and is ready. */
export function firstHealth(container: Container): Health {
  const started = container.startupProbe === undefined;
  return { started, ready: started && container.readinessProbe === undefined };
}

/** What the worker knows of one container; replaced, never changed. */
export interface ContainerRecord {
  readonly name: string;
  readonly restartCount: number;
  /** Asked of the runtime, not yet known to run: written down before the request, so that a crash loses no process. */
  readonly pending?: Run;
  readonly current?: Run;
  /** The run before `current`, ended. */
  readonly previous?: Run;
  readonly restartBackOff?: BackOff;
  readonly pullBackOff?: BackOff;
  /** Something that takes time is under way: no other step may be taken for this container. */
  readonly activity?: 'starting' | 'postStart';
  readonly stopping?: Stopping;
  /** Why it can't be started, in Kubernetes' words, and when to try again. */
  readonly waiting?: Waiting;
  readonly failedAt?: number;
  /** The image that could not be pulled. */
  readonly failedImage?: string;
  readonly retryAt?: number;
  readonly health: Health;
}

/** Resources by container. */
export type Grants = Readonly<Record<string, Container['resources']>>;

/** Why a resize is not granted: never on this node as it is, or not while other pods have what it takes. */
export interface ResizeRefusal {
  readonly reason: 'Infeasible' | 'Deferred';
  readonly message: string;
}

export type Progress = 'absent' | 'working' | 'ready';
/**
 * `silent`: it is there, but its supervisor does not answer. What is known of the containers is what was known last, and nothing
 * can be done but to destroy it. `broken`: half of one is there, made or destroyed; the rest must go before anything else.
 */
export type SandboxProgress = Progress | 'silent' | 'broken';

/** Why the pod as a whole was ended before its containers did. */
export interface Outcome {
  readonly phase: 'Failed' | 'Succeeded';
  readonly reason: string;
  readonly message: string;
  /** It was never let in: nothing of it has been here. */
  readonly isRejection?: true;
  /** Its containers have no longer than this to end. */
  readonly graceSeconds?: number;
  /** Nor longer than until then, milliseconds since the epoch, however little notice that is: the machine goes down. */
  readonly endBy?: number;
  /** The node needed what it used, or goes down: no fault of the pod's own. */
  readonly isDisruption?: true;
}

/** What the worker knows of one pod. */
export interface PodState {
  readonly containers: ReadonlyMap<string, ContainerRecord>;
  readonly volumes: Progress;
  readonly sandbox: SandboxProgress;
  /** The sandbox's address; kept after its end, as the status keeps it. */
  readonly address?: string;
  /** When to try volumes or the sandbox again after a failure. */
  readonly volumesRetryAt?: number;
  readonly sandboxRetryAt?: number;
  readonly startTime: number;
  /** A container's end has asked for it: all are killed, and begin anew once none is left. */
  readonly restartingAll?: true;
  readonly outcome?: Outcome;
  /** Processors that containers have to themselves, by their names; absent where none are assigned. */
  readonly cpus?: Readonly<Record<string, string>>;
  /** What containers may use that can be resized; absent in the records of earlier versions. */
  readonly grants?: Grants;
  /** Why what the spec of this generation asks is not granted. */
  readonly resizeRefusal?: ResizeRefusal & { readonly generation: number };
  /** What was granted has to reach what runs: it is under way, or to be done (again) from `retryAt` on. */
  readonly resizing?: { readonly isActive: boolean; readonly error?: string; readonly retryAt?: number };
  /** The object left the API without us, or the file of a static pod is gone: nothing more is reported. */
  readonly removed: boolean;
  /** The object's deletion is under way. */
  readonly deleting: boolean;
}

export type Role = 'init' | 'sidecar' | 'main' | 'ephemeral';

export interface PodContainer {
  readonly spec: Container;
  readonly role: Role;
}

/** Init containers and sidecars in order, then the others, then those that joined to look into the pod. */
export function containersOf(pod: Pod): readonly PodContainer[] {
  const init = (pod.spec?.initContainers ?? []).map((spec): PodContainer => ({ spec, role: spec.restartPolicy === 'Always' ? 'sidecar' : 'init' }));
  const main = (pod.spec?.containers ?? []).map((spec): PodContainer => ({ spec, role: 'main' }));
  return [...init, ...main, ...(pod.spec?.ephemeralContainers ?? []).map((spec): PodContainer => ({ spec, role: 'ephemeral' }))];
}

function newRecord(name: string): ContainerRecord {
  return { name, restartCount: 0, health: unknownHealth };
}

export function recordOf(state: PodState, name: string): ContainerRecord {
  return state.containers.get(name) ?? newRecord(name);
}

export function isRunning(record: ContainerRecord): boolean {
  return record.current?.startedAt !== undefined && record.current.exit === undefined;
}

/** Whether it runs and its postStart hook is over: until then it neither is said to run nor asked how it is ("Container Lifecycle Hooks"). */
export function hasStarted(record: ContainerRecord): boolean {
  return isRunning(record) && record.activity !== 'postStart';
}

/** A pod that was seen for the first time at `now`. */
export function newState(now: number): PodState {
  return { containers: new Map(), volumes: 'absent', sandbox: 'absent', startTime: now, removed: false, deleting: false };
}

export function hasSandbox(state: PodState): boolean {
  return state.sandbox === 'ready' || state.sandbox === 'silent';
}

export function withRecord(state: PodState, record: ContainerRecord): PodState {
  return { ...state, containers: new Map(state.containers).set(record.name, record) };
}

/** The record when its pending run has begun (or ended before anyone saw it begin). */
export function withStarted(record: ContainerRecord, startedAt: number): ContainerRecord {
  const { pending, waiting: _waiting, stopping: _stopping, failedAt: _failedAt, failedImage: _failedImage, retryAt: _retryAt, ...rest } = record;
  if (pending === undefined) return record;
  const { current } = record;
  return {
    ...rest, current: { ...pending, startedAt }, restartCount: current === undefined ? record.restartCount : record.restartCount + 1,
    ...(current === undefined ? {} : { previous: current }),
  };
}

/** The record when its current run has ended. */
export function withExit(record: ContainerRecord, exit: Exit): ContainerRecord {
  const { stopping: _stopping, activity: _activity, ...rest } = record;
  if (record.current === undefined || record.current.exit !== undefined) return record;
  return { ...rest, current: { ...record.current, exit }, health: unknownHealth };
}

/** The record when its container begins anew with all others of the pod ("Restart All Containers"); how it ended itself is not told. */
export function withAnew(record: ContainerRecord, now: number): ContainerRecord {
  const { current, stopping: _stopping, failedAt: _failedAt, failedImage: _failedImage, retryAt: _retryAt, ...rest } = record;
  if (current === undefined) return record;
  const reason = 'RestartingAllContainers';
  const message = 'The container is removed because RestartAllContainers in place';
  return {
    ...rest, previous: { ...current, exit: { exitCode: 137, reason, message, finishedAt: current.exit?.finishedAt ?? now } },
    waiting: { reason, message }, restartCount: record.restartCount + 1,
  };
}

/** Forgets the run that was begun: it never started, or is known by its own record now. */
export function withoutPending(record: ContainerRecord): ContainerRecord {
  const { pending: _pending, ...rest } = record;
  return rest;
}

export function withoutActivity(record: ContainerRecord): ContainerRecord {
  const { activity: _activity, ...rest } = record;
  return rest;
}
