/** What an earlier agent left on this machine: pods that go on, and what nobody needs any more. */
import { NativeError } from '../../native/frame.ts';
import { messageOf, systemCode } from '../../machinery/thrown.ts';
import { askAgain, askEach, type Answer } from './adoption.ts';
import { listSlots, slotPaths } from './cgroups.ts';
import { parseAddress } from './ipv4.ts';
import { arrangeClasses, connectShell, hold, keepFromSwapping, type NodeState, type Occupied } from './node-state.ts';
import type { ClassRequests, Sandbox } from './runtime.ts';
import { listSandboxes, listSpares, readRecord, readStartTicks, sandboxDirectory, type SandboxRecord } from './sandbox-record.ts';
import { destroyShell, type Shell } from './sandboxes.ts';
import { createSilentHandle } from './silent-sandbox.ts';

/** A sandbox as its record describes it. */
interface Left {
  readonly record: SandboxRecord;
  readonly shell: Shell;
}

/** Undefined when what is on disk can't describe anything that runs. */
async function readLeft({ machine }: NodeState, uid: string): Promise<Left | undefined> {
  const directory = sandboxDirectory(machine.dataDir, uid);
  const record = await readRecord(directory);
  if (record === undefined || record.spec.uid !== uid || record.bootId !== machine.bootId) return undefined;
  const { pid, startTicks, key, cgroup = key, address, firstUser } = record;
  return { record, shell: { key, cgroup, supervisor: { pid, startTicks }, directory, address: address === undefined ? undefined : parseAddress(address), firstUser } };
}

async function isRunning({ shell: { supervisor } }: Left): Promise<boolean> {
  return (await readStartTicks(supervisor.pid)) === supervisor.startTicks;
}

/** Nobody listens: a supervisor does from before it is ready until it ends. */
function isRefused(error: unknown): boolean {
  const code = systemCode(error instanceof NativeError ? error.cause : error);
  return code === 'ECONNREFUSED' || code === 'ENOENT';
}

async function ask({ log }: NodeState, left: Left, deadlineMs: number, signal: AbortSignal | undefined): Promise<Answer<Occupied>> {
  if (!(await isRunning(left))) return { is: 'gone' };
  try {
    const occupied = await connectShell(left.shell, { deadlineMs, ...(signal === undefined ? {} : { signal }) });
    if (occupied.client.state.key === left.shell.key) return { is: 'here', value: occupied };
    occupied.client.close();
    return { is: 'gone' };
  } catch (error) {
    if (isRefused(error) || !(await isRunning(left))) return { is: 'gone' };
    const { uid, namespace, name } = left.record.spec;
    if (signal?.aborted !== true) log.warn({ kind: 'Pod', namespace, name, uid, reason: messageOf(error) }, 'the supervisor of a pod does not answer: the pod is left as it is, and asked again');
    return { is: 'silent' };
  }
}

/** Keeps a sandbox that is silent, until it answers or is gone. */
function holdSilent(state: NodeState, left: Left): void {
  const { machine, sandboxes, events, log, clock } = state;
  const { record: { spec, address }, shell } = left;
  const stop = new AbortController();
  const stopAsking = (): void => stop.abort(new Error('nobody waits for the supervisor any more'));
  const handle = createSilentHandle({
    spec, cgroup: shell.cgroup, address, release: stopAsking,
    async end() {
      stopAsking();
      await destroyShell(machine, state.network, shell);
      if (sandboxes.get(spec.uid) === handle) sandboxes.delete(spec.uid);
    },
  });
  sandboxes.set(spec.uid, handle);
  const go = async (): Promise<void> => {
    const answer = await askAgain((deadlineMs) => ask(state, left, deadlineMs, stop.signal), clock, stop.signal);
    if (stop.signal.aborted) {
      if (answer.is === 'here') answer.value.client.close();
    } else if (answer.is === 'here') {
      events?.answered(spec.uid, hold(state, spec, answer.value).sandbox);
      log.info({ kind: 'Pod', namespace: spec.namespace, name: spec.name, uid: spec.uid }, 'the supervisor of a pod answers again');
    } else {
      events?.lost(spec.uid);
    }
  };
  go().catch((error: unknown) => {
    if (!stop.signal.aborted) log.error({ err: error, uid: spec.uid }, 'asking a silent supervisor failed');
  });
}

/** As the pods were started; the agent that knows them says what has changed since. */
function requestsOf(sandboxes: readonly Sandbox[]): ClassRequests {
  return {
    burstableCpuMillis: sum('cpuRequestMillis', sandboxes.filter(({ spec }) => spec.qos === 'Burstable')),
    guaranteedMemoryBytes: sum('memoryMinBytes', sandboxes), burstableMemoryBytes: sum('memoryLowBytes', sandboxes),
  };
}

function sum(name: 'cpuRequestMillis' | 'memoryMinBytes' | 'memoryLowBytes', of: readonly Sandbox[]): number {
  return of.reduce((total, { spec }) => total + (spec.resources[name] ?? 0), 0);
}

/**
 * Adopts what runs, and destroys whatever else bears the instance's id: strays by cgroup first, then their directories. One that
 * can't be destroyed keeps nobody from working: the next agent tries again.
 */
export async function recover(state: NodeState): Promise<readonly Sandbox[]> {
  const { machine, sandboxes, log } = state;
  const destroy = async (what: Parameters<typeof machine.host.destroy>[0]): Promise<void> => {
    await machine.host.destroy(what).catch((error: unknown) => log.error({ err: error, ...what }, 'what an earlier agent left was not removed'));
  };
  const uids = await listSandboxes(machine.dataDir);
  const described = await Promise.all(uids.map(async (uid): Promise<[string, Left | undefined]> => [uid, await readLeft(state, uid)]));
  const left = new Map(described.flatMap(([uid, each]) => (each === undefined ? [] : [[uid, each] as const])));
  const answers = await askEach([...left], ([, each]) => (deadlineMs) => ask(state, each, deadlineMs, undefined));
  for (const [[, each], answer] of answers) {
    if (answer.is !== 'gone' && each.shell.firstUser !== undefined) machine.users.reserve(each.shell.firstUser);
    if (answer.is === 'here') hold(state, each.record.spec, answer.value);
    else if (answer.is === 'silent') holdSilent(state, each);
  }
  const held = new Set([...sandboxes.values()].map((handle) => handle.cgroup));
  const strays = [...(await listSlots(machine.layout, machine.instance))].filter((cgroup) => !held.has(cgroup));
  await Promise.all(strays.map((cgroup) => destroy({ cgroups: slotPaths(machine.layout, machine.instance, cgroup) })));
  const stale = [...uids.filter((uid) => !sandboxes.has(uid)).map((uid) => sandboxDirectory(machine.dataDir, uid)), ...(await listSpares(machine.dataDir))];
  await Promise.all(stale.map((directory) => destroy({ directory, cgroups: [] })));
  await machine.projects.recover();
  const found = [...sandboxes.values()].map((handle) => handle.sandbox);
  await keepFromSwapping(state).then(() => arrangeClasses(state, requestsOf(found))).catch((error: unknown) => log.error({ err: error }, 'the cgroups of the QoS classes do not weigh what they should'));
  return found;
}
