import type { Container, Pod } from '../../machinery/kinds/core.ts';
import type { ContainerExit, Sandbox } from '../runtime/runtime.ts';
import { isEnding } from './plan.ts';
import { containersOf, firstHealth, hasSandbox, isRunning, withExit, withStarted, withoutActivity, withoutPending, type ContainerRecord, type Exit, type PodState } from './state.ts';

type Found = Pick<Sandbox, 'running' | 'exits' | 'address'>;

/** What a pod's state is when the agent starts again: what was written down, corrected by what the runtime found. Pure. */
export function adopt(pod: Pod, state: PodState, sandbox: (Found & Pick<Sandbox, 'answers'>) | undefined, now: number): PodState {
  const { volumesRetryAt: _volumes, sandboxRetryAt: _sandbox, ...rest } = state;
  const settled: PodState = { ...rest, ...(state.resizing === undefined ? {} : { resizing: { isActive: false } }), volumes: state.volumes === 'ready' ? 'ready' : 'absent', sandbox: sandbox === undefined ? 'absent' : 'ready', deleting: false };
  if (sandbox === undefined) return state.sandbox === 'absent' ? withoutTasks(settled) : sandboxLost(forgiven(presumedStarted(settled, now)), now);
  const idle = { ...settled, containers: new Map([...state.containers].map(([name, record]) => [name, withoutActivity(record)])) };
  // An earlier agent died while it made or destroyed it: there may be half of it, and no container has been started since.
  if (!hasSandbox(state)) return corrected(pod, { ...idle, sandbox: 'broken' }, sandbox, now);
  return sandbox.answers ? corrected(pod, idle, sandbox, now) : { ...idle, sandbox: 'silent' };
}

/** The state of a pod whose supervisor was silent when the agent started, and answers now. Pure. */
export function answered(pod: Pod, state: PodState, sandbox: Found, now: number): PodState {
  return state.sandbox === 'silent' ? corrected(pod, { ...state, sandbox: 'ready' }, sandbox, now) : state;
}

function corrected(pod: Pod, state: PodState, sandbox: Found, now: number): PodState {
  const specs = new Map(containersOf(pod).map(({ spec }) => [spec.name, spec]));
  const containers = [...state.containers.values()].map((record) => adoptContainer(specs.get(record.name), record, sandbox, now));
  return { ...state, containers: new Map(containers.map((each) => [each.name, each])), ...(sandbox.address === undefined ? {} : { address: sandbox.address }) };
}

/** The state with what ended containers have said last, by their ids. Pure. */
export function withMessages(state: PodState, messages: ReadonlyMap<string, string>): PodState {
  const containers = [...state.containers].map(([name, record]): [string, ContainerRecord] => {
    const { current } = record;
    const message = messages.get(current?.id ?? '');
    if (current?.exit === undefined || current.exit.message !== undefined || message === undefined) return [name, record];
    return [name, { ...record, current: { ...current, exit: { ...current.exit, message } } }];
  });
  return { ...state, containers: new Map(containers) };
}

/** What ran when the machine or the whole pod was ended from outside did not crash: its next start waits for nothing. */
function forgiven(state: PodState): PodState {
  const containers = [...state.containers].map(([name, record]): [string, ContainerRecord] => {
    const { restartBackOff: _backOff, ...rest } = record;
    return [name, isRunning(record) ? rest : record];
  });
  return { ...state, containers: new Map(containers) };
}

/**
 * A start that was asked for and of which nobody can tell any more whether it was made counts as made: what must not run twice
 * does not, and what may is started again all the same.
 */
function presumedStarted(state: PodState, now: number): PodState {
  return { ...state, containers: new Map([...state.containers].map(([name, record]) => [name, withStarted(record, now)])) };
}

function withoutTasks(state: PodState): PodState {
  return { ...state, containers: new Map([...state.containers].map(([name, record]) => [name, withoutPending(withoutActivity(record))])) };
}

function adoptContainer(container: Container | undefined, record: ContainerRecord, sandbox: Found, now: number): ContainerRecord {
  const { stopping: _stopping, ...rest } = record;
  const pending = record.pending?.id ?? '';
  const running = sandbox.running.get(pending);
  const ended = sandbox.exits.get(pending);
  if (running !== undefined) return { ...withStarted(rest, running.startedAt), ...(container === undefined ? {} : { health: firstHealth(container) }) };
  if (ended !== undefined) return withExit(withStarted(rest, ended.startedAt), exitOf(ended));
  const kept = withoutPending(rest);
  if (!isRunning(kept) || sandbox.running.has(kept.current?.id ?? '')) return kept;
  const exit = sandbox.exits.get(kept.current?.id ?? '');
  return withExit(kept, exit === undefined ? vanished(now) : exitOf(exit));
}

/** Every process of the pod is gone: what ran has ended. */
export function sandboxLost(state: PodState, now: number): PodState {
  const containers = [...state.containers.values()].map((record) => withExit(withoutPending(withoutActivity(record)), vanished(now)));
  return { ...state, sandbox: 'absent', containers: new Map(containers.map((each) => [each.name, each])) };
}

/** In a new sandbox the init containers run again, unless the pod is past needing them. */
export function initAgain(pod: Pod, state: PodState): PodState {
  if (isEnding(pod, state)) return state;
  const records = new Map(state.containers);
  for (const { spec, role } of containersOf(pod)) {
    const record = records.get(spec.name);
    if (role !== 'init' || record?.current === undefined) continue;
    const { current, ...rest } = record;
    records.set(spec.name, { ...rest, previous: current, restartCount: record.restartCount + 1 });
  }
  return { ...state, containers: records };
}

/** An exit in the words of a container's status. */
export function exitOf(exit: ContainerExit): Exit {
  return {
    exitCode: exit.oomKilled && exit.exitCode === 0 ? 137 : exit.exitCode,
    ...(exit.signal === undefined ? {} : { signal: exit.signal }),
    reason: exit.oomKilled ? 'OOMKilled' : exit.exitCode === 0 ? 'Completed' : 'Error',
    finishedAt: exit.finishedAt,
  };
}

/** Killed with its sandbox, or while nobody looked. */
function vanished(now: number): Exit {
  return { exitCode: 137, reason: 'Error', message: 'the pod sandbox ended and the container with it', finishedAt: now };
}
