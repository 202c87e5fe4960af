import type { Pod } from '../../machinery/kinds/core.ts';
import { isStatic } from '../../machinery/pod/static.ts';
import { formatSeconds, nextAttemptAt } from './back-off.ts';
import { generationOf, isGranted, unequal } from './resize.ts';
import { restarts, restartsAll } from './restart-policy.ts';
import { forbiddenSysctl } from './sysctls.ts';
import { containersOf, hasSandbox, hasStarted, isRunning, recordOf, type ContainerRecord, type Health, type Outcome, type PodContainer, type PodState, type Stopping, type Waiting } from './state.ts';

export type Step =
  | { readonly do: 'prepareVolumes' | 'createSandbox' | 'destroySandbox' | 'removeVolumes' | 'delete' | 'forget' }
  /** Judges whether what the spec asks now can be had. */
  | { readonly do: 'grant' }
  /** Brings what runs to what is granted. */
  | { readonly do: 'resize' }
  /** Image, configuration, process, and its postStart hook. */
  | { readonly do: 'start'; readonly container: string }
  /** preStop hook, SIGTERM; `message` is the Killing event's. */
  | { readonly do: 'stop'; readonly container: string; readonly graceMs: number; readonly message: string }
  | { readonly do: 'kill'; readonly container: string }
  /** All containers are to begin anew; and do, now that none is left. */
  | { readonly do: 'restartAll' | 'beginAnew' }
  /** Says that the container waits out a back-off. */
  | { readonly do: 'backOff'; readonly container: string; readonly waiting: Waiting }
  | { readonly do: 'fail'; readonly outcome: Outcome }
  /** The pod may not run here; `message` is the event's. */
  | { readonly do: 'reject'; readonly reason: string; readonly message: string };

export interface Plan {
  readonly steps: readonly Step[];
  /** Plan again then (milliseconds since the epoch), if nothing happens before. */
  readonly wakeAt?: number;
}

const nothing: Plan = { steps: [] };
const defaultGraceSeconds = 30;
/** Kubernetes never kills without a second's notice. */
const shortestGraceMs = 1000;
/** A container that lives on for so long after SIGKILL is taken down with its sandbox. */
export const killPatienceMs = 10_000;
/** How long `ErrImagePull` is shown before `ImagePullBackOff`. */
const pullErrorShownMs = 2000;

/** What to do next for a pod. Pure: the same pod, state and time give the same steps. Behaviour: "Pod Lifecycle". */
export function plan(pod: Pod, state: PodState, now: number): Plan {
  if (isEnding(pod, state)) return end(pod, state, now);
  const deadline = deadlineOf(pod, state);
  if (deadline !== undefined && now >= deadline) return { steps: [{ do: 'fail', outcome: deadlineExceeded }] };
  if (state.sandbox === 'absent' && (pod.spec?.os?.name ?? 'linux') !== 'linux') return { steps: [otherSystem] };
  const forbidden = state.sandbox === 'absent' ? forbiddenSysctl(pod) : undefined;
  if (forbidden !== undefined) return { steps: [{ do: 'reject', reason: 'SysctlForbidden', message: forbidden }] };
  const run = keepRunning(pod, state, now);
  return deadline === undefined ? run : { ...run, wakeAt: Math.min(deadline, run.wakeAt ?? Infinity) };
}

const otherSystem: Step = { do: 'reject', reason: 'PodOSNotSupported', message: "Failed to admit pod as the OS field doesn't match node OS" };

const deadlineExceeded: Outcome = { phase: 'Failed', reason: 'DeadlineExceeded', message: 'Pod was active on the node longer than the specified deadline' };

function deadlineOf(pod: Pod, state: PodState): number | undefined {
  const seconds = pod.spec?.activeDeadlineSeconds;
  return seconds === undefined ? undefined : state.startTime + seconds * 1000;
}

/** Whether nothing may be started any more. */
export function isEnding(pod: Pod, state: PodState): boolean {
  return state.removed || pod.metadata?.deletionTimestamp !== undefined || state.outcome !== undefined || isFinished(pod, state);
}

/** What becomes of a pod whose machine goes down: it fails, or has less time for the end that is before it anyway. Pure. Words: the kubelet's. */
export function goingDown(pod: Pod, state: PodState, endBy: number): PodState {
  if (state.removed || isFinished(pod, state)) return state;
  return { ...state, outcome: { ...(state.outcome ?? terminated), endBy } };
}

const terminated: Outcome = { phase: 'Failed', reason: 'Terminated', message: 'Pod was terminated in response to imminent node shutdown.', isDisruption: true };

/** Every container has ended for good, or an init container has failed for good. What was killed to begin anew has not. */
export function isFinished(pod: Pod, state: PodState): boolean {
  const containers = containersOf(pod);
  if (state.restartingAll === true) return false;
  if (initFailed(pod, state)) return true;
  return containers.filter((c) => c.role === 'main').every((c) => hasEnded(pod, c, recordOf(state, c.spec.name)));
}

export function initFailed(pod: Pod, state: PodState): boolean {
  return state.restartingAll !== true && containersOf(pod).some((c) => {
    const run = recordOf(state, c.spec.name).current;
    return c.role === 'init' && run?.exit !== undefined && run.exit.exitCode !== 0 && !restarts(pod, c, run);
  });
}

function hasEnded(pod: Pod, container: PodContainer, record: ContainerRecord): boolean {
  return record.activity === undefined && record.current?.exit !== undefined && !restarts(pod, container, record.current);
}

function join(plans: readonly Plan[]): Plan {
  const wakeAt = Math.min(...plans.map((each) => each.wakeAt ?? Infinity));
  return { steps: plans.flatMap((each) => each.steps), ...(Number.isFinite(wakeAt) ? { wakeAt } : {}) };
}

function keepRunning(pod: Pod, state: PodState, now: number): Plan {
  const ground = join([
    prepare(state.volumes, state.volumesRetryAt, { do: 'prepareVolumes' }, now),
    state.sandbox === 'broken' ? retried(state.sandboxRetryAt, { do: 'destroySandbox' }, now) : prepare(state.sandbox, state.sandboxRetryAt, { do: 'createSandbox' }, now),
  ]);
  if (state.volumes !== 'ready' || state.sandbox !== 'ready') return ground;
  const plans: Plan[] = [];
  const containers = containersOf(pod);
  // They look into a pod in whatever state it is, one that can't be initialised too.
  for (const each of containers.filter(({ role }) => role === 'ephemeral')) plans.push(advance(pod, each, recordOf(state, each.spec.name), now));
  const all = containers.filter(({ role }) => role !== 'ephemeral');
  if (state.restartingAll === true) return join([...plans, beginAnew(all, state, now)]);
  if (all.some((c) => restartsAll(c, recordOf(state, c.spec.name).current))) return { steps: [{ do: 'restartAll' }] };
  plans.unshift(resize(pod, state, now));
  const mainsBegun = all.some((c) => c.role === 'main' && recordOf(state, c.spec.name).current !== undefined);
  for (const container of all) {
    const record = recordOf(state, container.spec.name);
    if (container.role === 'init' && record.activity === undefined && record.current?.exit?.exitCode === 0) continue;
    plans.push(advance(pod, container, record, now));
    if (container.role === 'init') return join(plans);
    if (container.role === 'sidecar' && !mainsBegun && !(hasStarted(record) && record.health.started)) return join(plans);
  }
  return join(plans);
}

/** All are killed at once, and begin anew when the back-off of those that asked for it is over. */
function beginAnew(containers: readonly PodContainer[], state: PodState, now: number): Plan {
  const records = containers.map((container) => ({ container, record: recordOf(state, container.spec.name) }));
  const alive = records.filter(({ record }) => isAlive(record));
  if (alive.length > 0) {
    return join(alive.filter(({ record }) => isRunning(record)).map(({ container, record }) => (record.stopping?.killed === true
      ? escalate(container.spec.name, record, now, now) : { steps: [{ do: 'kill', container: container.spec.name }] })));
  }
  const due = records.map(({ container, record }) => (restartsAll(container, record.current) ? nextAttemptAt(record.restartBackOff, record.current?.exit?.finishedAt ?? now) : now));
  const at = Math.max(...due);
  return at <= now ? { steps: [{ do: 'beginAnew' }] } : { steps: [], wakeAt: at };
}

/** What the spec asks is granted first, and then given: in place, or by a new start where the container's policy says so. */
function resize(pod: Pod, state: PodState, now: number): Plan {
  const { grants, resizeRefusal, resizing } = state;
  if (grants === undefined) return nothing;
  if (!isGranted(pod, grants) && resizeRefusal?.generation !== generationOf(pod)) return { steps: [{ do: 'grant' }] };
  const due = new Set(unequal(pod, state).filter((each) => each.restarts && !each.isStopping).map((each) => each.container.name));
  const restarted = containersOf(pod).filter(({ spec }) => due.has(spec.name));
  const stops = restarted.map((container): Step => ({ do: 'stop', container: container.spec.name, graceMs: graceMsOf(pod, container), message: `Container ${container.spec.name} resize requires restart` }));
  return join([{ steps: stops }, resizing === undefined || resizing.isActive ? nothing : retried(resizing.retryAt, { do: 'resize' }, now)]);
}

function prepare(progress: PodState['sandbox'], retryAt: number | undefined, step: Step, now: number): Plan {
  if (progress !== 'absent') return nothing;
  return retryAt !== undefined && retryAt > now ? { steps: [], wakeAt: retryAt } : { steps: [step] };
}

/** The next step of one container that should run. */
function advance(pod: Pod, container: PodContainer, record: ContainerRecord, now: number): Plan {
  const name = container.spec.name;
  if (record.activity === 'starting') return nothing;
  if (isRunning(record)) return watchOver(pod, container, record, now);
  if (record.activity !== undefined) return nothing;
  const ended = record.current?.exit === undefined ? undefined : record.current;
  if (ended !== undefined && !restarts(pod, container, ended)) return nothing;
  if (record.retryAt !== undefined && record.retryAt > now) return waitForRetry(container, record, now, record.retryAt);
  const due = ended?.exit === undefined ? now : nextAttemptAt(record.restartBackOff, ended.exit.finishedAt);
  if (due <= now) return { steps: [{ do: 'start', container: name }] };
  return { steps: crashLoop(pod, container, record), wakeAt: due };
}

function watchOver(pod: Pod, container: PodContainer, record: ContainerRecord, now: number): Plan {
  const name = container.spec.name;
  const { stopping, health } = record;
  if (stopping !== undefined) return escalate(name, record, stopping.killAt, now);
  if (health.failed === undefined) return nothing;
  return { steps: [{ do: 'stop', container: name, graceMs: graceMsOf(pod, container, health.failedProbe), message: health.failed }] };
}

function escalate(container: string, record: ContainerRecord, killAt: number, now: number): Plan {
  if (record.stopping?.killed === true) return retried(record.stopping.killAgainAt ?? killAt + killPatienceMs, { do: 'kill', container }, now);
  return now >= killAt ? { steps: [{ do: 'kill', container }] } : { steps: [], wakeAt: killAt };
}

/** The probe that condemns a container may give it a grace period of its own ("Probe-level terminationGracePeriodSeconds"). */
function graceMsOf({ spec }: Pod, container: PodContainer, condemnedBy?: Health['failedProbe']): number {
  const probe = condemnedBy === 'startup' ? container.spec.startupProbe : condemnedBy === 'liveness' ? container.spec.livenessProbe : undefined;
  const seconds = probe?.terminationGracePeriodSeconds ?? spec?.terminationGracePeriodSeconds ?? defaultGraceSeconds;
  return Math.max(seconds * 1000, shortestGraceMs);
}

function waitForRetry(container: PodContainer, record: ContainerRecord, now: number, retryAt: number): Plan {
  if (record.waiting?.reason !== 'ErrImagePull') return { steps: [], wakeAt: retryAt };
  const shownUntil = (record.failedAt ?? now) + pullErrorShownMs;
  if (now < shownUntil) return { steps: [], wakeAt: Math.min(shownUntil, retryAt) };
  const message = `Back-off pulling image "${record.failedImage ?? container.spec.image ?? ''}": ErrImagePull: ${record.waiting.message ?? ''}`;
  return { steps: [{ do: 'backOff', container: container.spec.name, waiting: { reason: 'ImagePullBackOff', message } }], wakeAt: retryAt };
}

/** `podName_namespace(uid)`, as Kubernetes names a pod in messages. */
export function podTitle(pod: Pod): string {
  return `${pod.metadata?.name ?? ''}_${pod.metadata?.namespace ?? ''}(${pod.metadata?.uid ?? ''})`;
}

function crashLoop(pod: Pod, container: PodContainer, record: ContainerRecord): readonly Step[] {
  const delay = record.restartBackOff?.delayMs ?? 0;
  // A command that can't be executed keeps its own reason for the first wait: its message is the cause.
  const firstWait = record.restartCount <= 1 && record.current?.exit?.reason === 'StartError';
  if (firstWait || record.waiting?.reason === 'CrashLoopBackOff') return [];
  const message = `back-off ${formatSeconds(delay)} restarting failed container=${container.spec.name} pod=${podTitle(pod)}`;
  return [{ do: 'backOff', container: container.spec.name, waiting: { reason: 'CrashLoopBackOff', message } }];
}

/** Brings everything down in order: containers, sidecars after them, sandbox, volumes, and then the object if it is being deleted. */
function end(pod: Pod, state: PodState, now: number): Plan {
  const containers = containersOf(pod).filter((c) => isAlive(recordOf(state, c.spec.name)));
  if (containers.length > 0) {
    if (hasSandbox(state) && containers.some((c) => outlives(pod, state, c, now))) return retried(state.sandboxRetryAt, { do: 'destroySandbox' }, now);
    const others = containers.filter((c) => c.role !== 'sidecar');
    return join((others.length > 0 ? others : containers).map((c) => bringDown(pod, state, c, now)));
  }
  if (state.sandbox === 'working' || state.volumes === 'working') return nothing;
  if (state.sandbox !== 'absent') return retried(state.sandboxRetryAt, { do: 'destroySandbox' }, now);
  if (state.volumes === 'ready') return retried(state.volumesRetryAt, { do: 'removeVolumes' }, now);
  if (state.removed) return { steps: [{ do: 'forget' }] };
  return pod.metadata?.deletionTimestamp !== undefined && !state.deleting ? { steps: [{ do: 'delete' }] } : nothing;
}

function retried(retryAt: number | undefined, step: Step, now: number): Plan {
  return retryAt !== undefined && retryAt > now ? { steps: [], wakeAt: retryAt } : { steps: [step] };
}

function isAlive(record: ContainerRecord): boolean {
  return isRunning(record) || record.activity !== undefined;
}

function bringDown(pod: Pod, state: PodState, container: PodContainer, now: number): Plan {
  const name = container.spec.name;
  const record = recordOf(state, name);
  if (!isRunning(record)) return nothing;
  const { stopping } = record;
  if (stopping === undefined) {
    const graceMs = Math.max(Math.min(endGraceMs(pod, state), latestEnd(state) - now), shortestGraceMs);
    return { steps: [{ do: 'stop', container: name, graceMs, message: `Stopping container ${name}` }] };
  }
  const killAt = killTime(pod, state, stopping);
  if (state.sandbox === 'silent') return { steps: [], wakeAt: killAt };
  return stopping.killed ? { steps: [], wakeAt: killAt + killPatienceMs } : escalate(name, record, killAt, now);
}

function killTime(pod: Pod, state: PodState, { since, killAt }: Stopping): number {
  return Math.min(killAt, since + endGraceMs(pod, state), Math.max(latestEnd(state), since + shortestGraceMs));
}

function latestEnd({ outcome }: PodState): number {
  return outcome?.endBy ?? Infinity;
}

/** Whether only the end of its sandbox ends a container: it lives on after SIGKILL, or can't be sent one. */
function outlives(pod: Pod, state: PodState, container: PodContainer, now: number): boolean {
  const record = recordOf(state, container.spec.name);
  const { stopping } = record;
  if (!isRunning(record) || stopping === undefined) return false;
  const killAt = killTime(pod, state, stopping);
  return state.sandbox === 'silent' ? now >= killAt : stopping.killed && now >= killAt + killPatienceMs;
}

function endGraceMs(pod: Pod, state: PodState): number {
  const { metadata, spec } = pod;
  // Nobody deletes a static pod: its file going is all the notice there is.
  const forced = state.removed && metadata?.deletionTimestamp === undefined && !isStatic(pod);
  const seconds = forced ? 0 : metadata?.deletionGracePeriodSeconds ?? spec?.terminationGracePeriodSeconds ?? defaultGraceSeconds;
  return Math.max(Math.min(seconds, state.outcome?.graceSeconds ?? Infinity) * 1000, shortestGraceMs);
}
