import { readFile, rm } from 'node:fs/promises';
import { systemClock, type Clock } from '../../machinery/clock.ts';
import { systemCode } from '../../machinery/thrown.ts';
import type { Log } from '../../client/log.ts';
import { NativeError } from '../../native/frame.ts';
import { startHost, type HostClient } from '../../native/host.ts';
import { readHugePages } from '../huge-pages.ts';
import { nothingReserved, type Reserved } from '../node/reserved.ts';
import { createAddressPool } from './address-pool.ts';
import { createClearing } from './clearing.ts';
import { readLayout, readUsage, slotPaths, type CgroupLayout, type CgroupUsage, type HandedOut } from './cgroups.ts';
import { parseAddress, parseRange } from './ipv4.ts';
import { arrangeClasses, createSandbox, endOccupied, makeSpare, type NodeState } from './node-state.ts';
import { memoryDirectory, readBootId } from './sandbox-record.ts';
import { recover } from './recover.ts';
import { bridgeName, type Machine } from './sandboxes.ts';
import { createProjects } from './projects.ts';
import { createSparePool } from './spare-pool.ts';
import { runtimeError, translated } from './translate.ts';
import { RuntimeError, type PodNetwork, type Qos, type Runtime, type RuntimeEvents } from './runtime.ts';
import type { RuntimeHandlers } from './oci/handlers.ts';
import { createUserRanges, delegatedRanges, type IdRange } from './user-ranges.ts';

export interface RuntimeOptions {
  readonly dataDir: string;
  /** The cluster's id: prefixes everything that is made outside the data directory. */
  readonly instance: string;
  readonly log: Log;
  /** By which silent supervisors are asked again. */
  readonly clock?: Clock;
  /** Absent: nobody listens, as for `coracle image`. */
  readonly events?: RuntimeEvents;
  /** From 0 to 1, as `Math.random`: where this node begins to hand out ids of users and projects. */
  readonly random?: () => number;
  /** Whether pods may swap, each as its resources say. */
  readonly swaps?: boolean;
  /** What pods together don't get; absent: they may have everything. */
  readonly reserved?: Reserved;
  /** Whether containers are assigned processors. */
  readonly assignsCpus?: boolean;
  /** Absent: our own runtime alone. */
  readonly handlers?: RuntimeHandlers;
  /** Sandboxes kept ready. */
  readonly spares?: number;
}

/** As pods are mostly: those of a cluster's own services ask for something, those that are tried out for nothing. */
const firstSpares: readonly Qos[] = ['BestEffort', 'Burstable', 'BestEffort'];

async function configureNetwork(state: NodeState, wanted: PodNetwork, spareCount: number): Promise<void> {
  const { machine, sandboxes, log } = state;
  const pods = parseRange(wanted.podCidr);
  const routes = wanted.routes.map((route) => ({ ...parseRange(route.cidr), via: parseAddress(route.via) }));
  const { instance } = machine;
  await machine.host.configureNetwork({ bridge: bridgeName(instance), gateway: pods.net + 1, table: `coracle_${instance}`, pods, cluster: parseRange(wanted.clusterCidr), routes });
  const range = state.network?.addresses.range;
  if (range === undefined || range.net !== pods.net || range.prefix !== pods.prefix) {
    const addresses = createAddressPool(pods);
    for (const { sandbox } of sandboxes.values()) if (sandbox.address !== undefined) addresses.reserve(parseAddress(sandbox.address));
    state.network = { addresses, veths: new Map() };
    const stale = state.spares;
    state.spares = undefined;
    // They have addresses already, at which the other nodes look for no pod of this one.
    await stale?.close();
  }
  state.spares ??= createSparePool({
    first: firstSpares.slice(0, spareCount), make: (qos) => makeSpare(state, qos), end: (spare) => endOccupied(state, spare), busy: () => state.starting.size > 0,
    failed: (error) => log.warn({ err: error }, 'making a sandbox ahead failed'),
  });
  state.spares.fill();
}

async function usage({ sandboxes, machine }: NodeState, uid: string, containerId: string | undefined): Promise<CgroupUsage> {
  const handle = sandboxes.get(uid);
  if (handle === undefined) throw new RuntimeError('NotFound', `pod ${uid} has no sandbox`);
  // A handler's containers have their cgroups to themselves.
  const parked = containerId === undefined || handle.sandbox.spec.handler !== undefined ? 0 : 1;
  const child = containerId === undefined ? '' : handle.cgroupOf(containerId);
  if (child === undefined) throw new RuntimeError('NotFound', `container ${containerId ?? ''} is not running`);
  try {
    return await readUsage(machine.layout, slotPaths(machine.layout, machine.instance, handle.cgroup), child, parked);
  } catch (error) {
    throw runtimeError('NotFound', `reading the usage of pod ${uid}`, error);
  }
}

async function readDelegated(): Promise<readonly IdRange[]> {
  const texts = await Promise.all(['/etc/subuid', '/etc/subgid'].map((path) => readFile(path, 'utf8').catch((error: unknown) => {
    if (systemCode(error) === 'ENOENT') return '';
    throw error;
  })));
  return texts.flatMap(delegatedRanges);
}

async function usersRefusal({ host }: Machine, path: string): Promise<string | undefined> {
  try {
    await host.checkUsers(path);
    return undefined;
  } catch (error) {
    if (error instanceof NativeError && error.code === 'Failed') return error.message;
    throw error;
  }
}

async function opaqueDirectories(host: HostClient, layer: string, scratch: string): Promise<ReadonlySet<string>> {
  await host.findOpaque(layer, scratch);
  try {
    return new Set((await readFile(scratch, 'utf8')).split('\0').slice(0, -1));
  } finally {
    await rm(scratch, { force: true });
  }
}

/** With the hierarchies of what the node hands out. */
async function layoutFor({ assignsCpus = false }: RuntimeOptions): Promise<CgroupLayout> {
  const hugePages = await readHugePages();
  const more: readonly HandedOut[] = [...(assignsCpus ? ['cpuset' as const] : []), ...(hugePages.length > 0 ? ['hugetlb' as const] : [])];
  const layout = await readLayout(more);
  if (assignsCpus && !layout.hierarchies.some(({ controllers }) => controllers.includes('cpuset'))) {
    throw new RuntimeError('Failed', 'processors can\'t be assigned: this machine has no cgroup controller cpuset; mount it, or leave out --cpu-manager-policy static');
  }
  return layout;
}

/**
 * The machine's runtime over `native/`. Opening it touches nothing, and rejects with `Incompatible` when `coracle-host` is of
 * another build. Spares are made once the network is configured. `recover`
 * and `createSandbox` are for the one agent of a data directory; `unpack` and `pack` may be used beside it.
 */
export async function openRuntime(options: RuntimeOptions): Promise<Runtime> {
  const { dataDir, instance, log, events } = options;
  const [bootId, layout, delegated] = await Promise.all([readBootId(), layoutFor(options), readDelegated()]);
  const host = startHost();
  try {
    await translated(() => host.ready());
  } catch (error) {
    await host.close();
    throw error;
  }
  const clock = options.clock ?? systemClock;
  const random = options.random ?? Math.random;
  const clearing = createClearing((request) => host.destroy(request), clock, log);
  const users = createUserRanges(delegated, random());
  const machine: Machine = { dataDir, instance, bootId, layout, host, clearing, users, projects: createProjects({ dataDir, host, log, start: random() }), swaps: options.swaps === true, reserved: options.reserved ?? nothingReserved, handlers: options.handlers ?? new Map() };
  const state: NodeState = { machine, log, clock, events, sandboxes: new Map(), network: undefined, spares: undefined, starting: new Map() };
  return {
    cgroupVersion: layout.version,
    recover: () => translated(() => recover(state)),
    configureNetwork: (network) => translated(() => configureNetwork(state, network, options.spares ?? firstSpares.length)),
    weighClasses: (requests) => translated(() => arrangeClasses(state, requests)),
    createSandbox: (spec) => translated(async () => (await createSandbox(state, spec)).sandbox),
    unpack: (request) => translated(() => machine.host.unpack(request)),
    pack: (request) => translated(() => machine.host.pack(request)),
    opaqueDirectories: (layer, scratch) => translated(() => opaqueDirectories(machine.host, layer, scratch)),
    mountMemory: (request) => translated(() => machine.host.mountMemory({ ...request, name: request.directory === memoryDirectory(dataDir) ? `coracle-${instance}` : 'tmpfs' })),
    usersRefusal: (path) => translated(() => usersRefusal(machine, path)),
    limitsDisk: () => machine.projects.areLimited(),
    limitDirectory: (directory, bytes) => translated(async () => void (await machine.projects.limit(directory, bytes, { isThere: true }))),
    removeDirectory: (directory) => translated(async () => {
      await machine.host.destroy({ directory, cgroups: [] });
      await machine.projects.release(directory);
    }),
    usage: (uid, containerId) => translated(() => usage(state, uid, containerId)),
    async close() {
      for (const timer of state.starting.values()) clearTimeout(timer);
      await state.spares?.close();
      clearing.close();
      for (const handle of state.sandboxes.values()) handle.release();
      await machine.host.close();
    },
  };
}
