/** What one runtime holds in memory, and how a pod comes to its sandbox: from the spares, or cold. `recover.ts`: from an earlier agent. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { availableParallelism, totalmem } from 'node:os';
import { join } from 'node:path';
import type { Clock } from '../../machinery/clock.ts';
import type { Log } from '../../client/log.ts';
import type { ContainerExit } from '../../native/container.ts';
import { connectPod, type PodClient, type PodEvents, type PodGreeting } from '../../native/pod.ts';
import { nativeResources } from './cgroup-files.ts';
import { instanceCgroup, slotPaths } from './cgroups.ts';
import { formatAddress } from './ipv4.ts';
import { checkHandler } from './oci/handlers.ts';
import { qosTree, swaplessPods, type ClassRequests } from './qos-tree.ts';
import { createSandboxHandle, type SandboxHandle } from './sandbox.ts';
import { claimDirectory, sandboxDirectory, writeRecord, type SandboxRecord } from './sandbox-record.ts';
import { clearShell, destroyShell, spawnShell, type Machine, type Network, type Sharing, type Shell } from './sandboxes.ts';
import type { SparePool } from './spare-pool.ts';
import { RuntimeError, type Qos, type RuntimeEvents, type SandboxSpec } from './runtime.ts';

export interface NodeState {
  readonly machine: Machine;
  readonly log: Log;
  readonly clock: Clock;
  readonly events: RuntimeEvents | undefined;
  readonly sandboxes: Map<string, SandboxHandle>;
  network: Network | undefined;
  spares: SparePool<Qos, Occupied> | undefined;
  /** Pods whose first container has not been started yet, each with the end of our patience. */
  readonly starting: Map<string, NodeJS.Timeout | undefined>;
}

/** A pod that has its sandbox and still starts nothing waits for its image: spares need not wait for that too. */
const patienceMs = 200;

/**
 * Spares are made while no pod starts: putting a supervisor into its cgroups holds the kernel's cgroup lock for up to 14 ms,
 * and a start that needs it would wait.
 */
function settled(state: NodeState, uid: string): void {
  clearTimeout(state.starting.get(uid));
  if (state.starting.delete(uid) && state.starting.size === 0) state.spares?.fill();
}

/** Makes the cgroups above the pods', and has each weigh what it should. */
export async function arrangeClasses({ machine: { host, layout, instance, reserved, swaps } }: NodeState, requests: ClassRequests): Promise<void> {
  await host.arrangeCgroups(layout.version, qosTree(layout, instanceCgroup(instance), { cpus: availableParallelism(), memoryBytes: totalmem(), reserved, swaps }, requests));
}

/** Keeps those from swapping that were started while no pod did; before others are let. */
export async function keepFromSwapping({ machine: { host, layout, instance, swaps }, sandboxes }: NodeState): Promise<void> {
  const pods = [...sandboxes.values()].map(({ cgroup, sandbox }) => ({ cgroup, memorySwapBytes: sandbox.spec.resources.memorySwapBytes }));
  if (swaps) await host.arrangeCgroups(layout.version, swaplessPods(layout, instanceCgroup(instance), pods));
}

/** A shell with a connection to its supervisor. */
export interface Occupied {
  readonly shell: Shell;
  readonly client: PodClient;
  readonly tap: Tap;
}

/** Where a connection's events go, once a pod has the sandbox; and where its socket is, which moves then. */
interface Tap {
  events: PodEvents | undefined;
  /** Exits from before that. */
  readonly early: ContainerExit[];
  directory: string;
  lost: boolean;
}

export async function connectShell(shell: Shell, greeting: PodGreeting = {}): Promise<Occupied> {
  const tap: Tap = { events: undefined, early: [], directory: shell.directory, lost: false };
  const client = await connectPod(() => tap.directory, {
    exited: (exit) => {
      if (tap.events === undefined) tap.early.push(exit);
      else tap.events.exited(exit);
    },
    lost: () => {
      tap.lost = true;
      tap.events?.lost();
    },
  }, greeting);
  return { shell, client, tap };
}

/** A new sandbox. What fails halfway leaves nothing. */
async function open(machine: Machine, network: Network | undefined, sharing: Sharing, qos: Qos): Promise<Occupied> {
  const shell = await spawnShell(machine, network, sharing, qos);
  try {
    return await connectShell(shell);
  } catch (error) {
    await clearShell(machine, network, shell);
    throw error;
  }
}

export async function makeSpare({ machine, network }: NodeState, qos: Qos): Promise<Occupied> {
  return open(machine, network, { hostNetwork: false, hostPid: false, hostIpc: false, hostUsers: true }, qos);
}

export async function endOccupied({ machine, network }: NodeState, { shell, client, tap }: Occupied): Promise<void> {
  client.close();
  await destroyShell(machine, network, { ...shell, directory: tap.directory });
}

/** Ends a sandbox that no pod will have. */
async function giveUp({ machine, network }: NodeState, { shell, client, tap }: Occupied): Promise<void> {
  client.close();
  await clearShell(machine, network, { ...shell, directory: tap.directory });
}

function takeSpare(state: NodeState, qos: Qos): Occupied | undefined {
  for (let spare = state.spares?.take(qos); spare !== undefined; spare = state.spares?.take(qos)) {
    if (!spare.tap.lost) return spare;
    void giveUp(state, spare);
  }
  return undefined;
}

async function obtain(state: NodeState, spec: SandboxSpec): Promise<Occupied> {
  if (!spec.hostNetwork && state.network === undefined) throw new RuntimeError('Unavailable', 'the pod network is not configured yet');
  const ordinary = !spec.hostNetwork && !spec.hostPid && !spec.hostIpc && spec.hostUsers;
  const spare = ordinary ? takeSpare(state, spec.qos) : undefined;
  if (spare !== undefined) return spare;
  const { hostNetwork, hostPid, hostIpc, hostUsers } = spec;
  return open(state.machine, hostNetwork ? undefined : state.network, { hostNetwork, hostPid, hostIpc, hostUsers }, spec.qos);
}

/** Says why a supervisor ended, as far as it could say so itself: it writes only what went wrong. */
async function reportLost({ log }: NodeState, { uid, namespace, name }: SandboxSpec, directory: string): Promise<void> {
  const words = existsSync(directory) ? (await readFile(join(directory, 'supervisor.log'), 'utf8')).trim() : '';
  log.error({ kind: 'Pod', namespace, name, uid, words }, 'the supervisor of a pod ended');
}

/** Gives a sandbox to a pod: from here on its events are the pod's. */
export function hold(state: NodeState, spec: SandboxSpec, occupied: Occupied): SandboxHandle {
  const { machine, sandboxes, events, log } = state;
  const { shell, client, tap } = occupied;
  const address = shell.address === undefined ? undefined : formatAddress(shell.address);
  const handle = createSandboxHandle({ machine, spec, client, cgroup: shell.cgroup, directory: tap.directory, address }, {
    exited: (exit) => events?.exited(spec.uid, exit),
    lost: () => {
      reportLost(state, spec, tap.directory).catch((error: unknown) => log.error({ err: error, uid: spec.uid }, 'reading a lost supervisor\'s last words failed'));
      events?.lost(spec.uid);
    },
    settled: () => settled(state, spec.uid),
    end: async () => {
      await endOccupied(state, occupied);
      if (sandboxes.get(spec.uid) === handle) sandboxes.delete(spec.uid);
    },
    killRest: () => machine.host.destroy({ supervisor: shell.supervisor, cgroups: slotPaths(machine.layout, machine.instance, shell.cgroup) }),
    failed: (error) => log.error({ err: error, uid: spec.uid }, 'cleaning up after what ended in a pod failed'),
  });
  sandboxes.set(spec.uid, handle);
  tap.events = handle.events;
  for (const exit of tap.early.splice(0)) handle.events.exited(exit);
  if (tap.lost) handle.events.lost();
  return handle;
}

async function claim({ machine }: NodeState, spec: SandboxSpec, { shell, client, tap }: Occupied): Promise<void> {
  const target = sandboxDirectory(machine.dataDir, spec.uid);
  if (existsSync(target)) await machine.host.destroy({ directory: target, cgroups: [] });
  tap.directory = await claimDirectory(machine.dataDir, shell.directory, spec.uid);
  const record: SandboxRecord = {
    version: 1, key: shell.key, cgroup: shell.cgroup, spec, ...shell.supervisor, bootId: machine.bootId, ...(shell.address === undefined ? {} : { address: formatAddress(shell.address) }),
    ...(shell.firstUser === undefined ? {} : { firstUser: shell.firstUser }),
  };
  // Both end before either's failure is told: what follows it removes the directory.
  const done = await Promise.allSettled([
    writeRecord(tap.directory, record),
    client.configure({ hostname: spec.hostname, sysctls: spec.sysctls, resources: nativeResources(machine.layout.version, spec.resources), shareProcesses: spec.shareProcessNamespace }),
  ]);
  for (const each of done) if (each.status === 'rejected') throw each.reason;
}

/** A new pod's sandbox. What fails halfway leaves nothing. */
export async function createSandbox(state: NodeState, spec: SandboxSpec): Promise<SandboxHandle> {
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(spec.uid)) throw new RuntimeError('Failed', `${JSON.stringify(spec.uid)} is no uid of a pod`);
  if (state.sandboxes.has(spec.uid)) throw new RuntimeError('Failed', `pod ${spec.uid} has a sandbox already`);
  checkHandler(state.machine.handlers, spec);
  state.starting.set(spec.uid, undefined);
  let occupied: Occupied | undefined;
  try {
    occupied = await obtain(state, spec);
    await claim(state, spec, occupied);
    state.starting.set(spec.uid, setTimeout(() => settled(state, spec.uid), patienceMs).unref());
    return hold(state, spec, occupied);
  } catch (error) {
    settled(state, spec.uid);
    if (occupied !== undefined) await giveUp(state, occupied);
    throw error;
  }
}
