import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Log } from '../../client/log.ts';
import { NativeError } from '../../native/frame.ts';
import { startHost } from '../../native/host.ts';
import { connectPod, type PodClient, type PodEvents } from '../../native/pod.ts';
import { createAddressPool } from './address-pool.ts';
import { listSlots, readLayout, readUsage, slotPaths } from './cgroups.ts';
import { formatAddress, parseAddress, parseRange } from './ipv4.ts';
import { createSandboxHandle, type SandboxHandle } from './sandbox.ts';
import { claimDirectory, listSandboxes, listSpares, readBootId, readRecord, readStartTicks, sandboxDirectory, writeRecord, type SandboxRecord } from './sandbox-record.ts';
import { bridgeName, destroyShell, spawnShell, type Machine, type Network, type Shell } from './sandboxes.ts';
import { createSparePool, type SparePool } from './spare-pool.ts';
import { runtimeError, translated } from './translate.ts';
import { RuntimeError, type PodNetwork, type Runtime, type RuntimeEvents, type Sandbox, type SandboxSpec } from './runtime.ts';

export interface RuntimeOptions {
  readonly dataDir: string;
  /** The cluster's id: prefixes everything that is made outside the data directory. */
  readonly instance: string;
  readonly log: Log;
  /** Absent: nobody listens, as for `coracle image`. */
  readonly events?: RuntimeEvents;
  /** Sandboxes kept ready. */
  readonly spares?: number;
}

interface Spare {
  readonly shell: Shell;
  readonly client: PodClient;
  /** Where its events go once a pod has it, and where its socket is. */
  readonly tap: Tap;
}

interface Tap {
  events: PodEvents | undefined;
  directory: string;
  lost: boolean;
}

const defaultSpares = 3;

async function connectShell(shell: Shell): Promise<Spare> {
  const tap: Tap = { events: undefined, directory: shell.directory, lost: false };
  const client = await connectPod(() => tap.directory, {
    exited: (exit) => tap.events?.exited(exit),
    lost: () => {
      tap.lost = true;
      tap.events?.lost();
    },
  });
  return { shell, client, tap };
}

/**
 * The machine's runtime over `native/`. Opening it touches nothing: spares are made once the network is configured. `recover`
 * and `createSandbox` are for the one agent of a data directory; `unpack` may be used beside it.
 */
export async function openRuntime(options: RuntimeOptions): Promise<Runtime> {
  const { dataDir, instance, log } = options;
  const machine: Machine = { dataDir, instance, bootId: await readBootId(), layout: await readLayout(), host: startHost() };
  const sandboxes = new Map<string, SandboxHandle>();
  let network: Network | undefined;
  let spares: SparePool<Spare> | undefined;
  let creating = 0;

  const handleOf = (spec: SandboxSpec, spare: Spare, directory: string): SandboxHandle => {
    const { shell, client, tap } = spare;
    const own: Shell = { ...shell, directory };
    const handle = createSandboxHandle({ machine, spec, client, key: shell.key, directory, address: shell.address === undefined ? undefined : formatAddress(shell.address) }, {
      exited: (exit) => options.events?.exited(spec.uid, exit),
      lost: () => options.events?.lost(spec.uid),
      end: async () => {
        client.close();
        await destroyShell(machine, network, own);
        if (sandboxes.get(spec.uid) === handle) sandboxes.delete(spec.uid);
      },
      killRest: () => machine.host.destroy({ supervisor: shell.supervisor, cgroups: slotPaths(machine.layout, instance, shell.key) }),
      failed: (error) => log.error({ err: error, uid: spec.uid }, 'cleaning up after a lost pod failed'),
    });
    tap.events = handle.events;
    tap.directory = directory;
    if (tap.lost) handle.events.lost();
    sandboxes.set(spec.uid, handle);
    return handle;
  };

  const makeSpare = async (): Promise<Spare> => {
    const shell = await spawnShell(machine, network, { hostNetwork: false, hostPid: false, hostIpc: false });
    return connectShell(shell);
  };

  const takeSpare = (): Spare | undefined => {
    for (let spare = spares?.take(); spare !== undefined; spare = spares?.take()) {
      if (!spare.tap.lost) return spare;
      destroyShell(machine, network, spare.shell).catch((error: unknown) => log.error({ err: error }, 'removing a spare sandbox that died failed'));
    }
    return undefined;
  };

  const obtain = async (spec: SandboxSpec): Promise<Spare> => {
    const ordinary = !spec.hostNetwork && !spec.hostPid && !spec.hostIpc;
    if (!spec.hostNetwork && network === undefined) throw new RuntimeError('Unavailable', 'the pod network is not configured yet');
    const ready = ordinary ? takeSpare() : undefined;
    if (ready !== undefined) return ready;
    const shell = await spawnShell(machine, spec.hostNetwork ? undefined : network, spec);
    return connectShell(shell);
  };

  const claim = async (spec: SandboxSpec, spare: Spare): Promise<SandboxHandle> => {
    const { shell, client, tap } = spare;
    const leftover = sandboxDirectory(dataDir, spec.uid);
    if (existsSync(leftover)) await machine.host.destroy({ directory: leftover, cgroups: [] });
    tap.directory = await claimDirectory(dataDir, shell.directory, spec.uid);
    const record: SandboxRecord = {
      version: 1, key: shell.key, spec, ...shell.supervisor, bootId: machine.bootId, ...(shell.address === undefined ? {} : { address: formatAddress(shell.address) }),
    };
    await Promise.all([
      writeRecord(tap.directory, record),
      client.configure({ hostname: spec.hostname, sysctls: spec.sysctls, resources: spec.resources, shareProcesses: spec.shareProcessNamespace }),
    ]);
    return handleOf(spec, spare, tap.directory);
  };

  const create = async (spec: SandboxSpec): Promise<Sandbox> => {
    if (sandboxes.has(spec.uid)) throw new RuntimeError('Failed', `pod ${spec.uid} has a sandbox already`);
    const spare = await obtain(spec);
    try {
      return (await claim(spec, spare)).sandbox;
    } catch (error) {
      spare.client.close();
      await destroyShell(machine, network, { ...spare.shell, directory: spare.tap.directory });
      throw error;
    }
  };

  const adopt = async (uid: string): Promise<SandboxHandle | undefined> => {
    const directory = sandboxDirectory(dataDir, uid);
    const record = await readRecord(directory);
    if (record === undefined || record.spec.uid !== uid || record.bootId !== machine.bootId) return undefined;
    const { pid, startTicks, key, address } = record;
    if ((await readStartTicks(pid)) !== startTicks) return undefined;
    try {
      const shell: Shell = { key, supervisor: { pid, startTicks }, directory, address: address === undefined ? undefined : parseAddress(address) };
      const spare = await connectShell(shell);
      if (spare.client.state.key === key) return handleOf(record.spec, spare, directory);
      spare.client.close();
      return undefined;
    } catch (error) {
      if (error instanceof NativeError && error.code === 'Unavailable') return undefined;
      throw error;
    }
  };

  return {
    recover: () => translated(async () => {
      const uids = await listSandboxes(dataDir);
      const adopted = (await Promise.all(uids.map(adopt))).filter((handle) => handle !== undefined);
      const keys = new Set(adopted.map((handle) => handle.key));
      const strays = [...(await listSlots(machine.layout, instance))].filter((key) => !keys.has(key));
      await Promise.all(strays.map((key) => machine.host.destroy({ cgroups: slotPaths(machine.layout, instance, key) })));
      const stale = [...uids.filter((uid) => !sandboxes.has(uid)).map((uid) => sandboxDirectory(dataDir, uid)), ...(await listSpares(dataDir))];
      await Promise.all(stale.map((directory) => machine.host.destroy({ directory, cgroups: [] })));
      return adopted.map((handle) => handle.sandbox);
    }),
    configureNetwork: (wanted: PodNetwork) => translated(async () => {
      const pods = parseRange(wanted.podCidr);
      const routes = wanted.routes.map((route) => ({ ...parseRange(route.cidr), via: parseAddress(route.via) }));
      await machine.host.configureNetwork({ bridge: bridgeName(instance), gateway: pods.net + 1, table: `coracle_${instance}`, pods, cluster: parseRange(wanted.clusterCidr), routes });
      if (network === undefined || network.addresses.range.net !== pods.net || network.addresses.range.prefix !== pods.prefix) {
        network = { addresses: createAddressPool(pods), veths: new Map() };
        for (const { sandbox } of sandboxes.values()) if (sandbox.address !== undefined) network.addresses.reserve(parseAddress(sandbox.address));
      }
      spares ??= createSparePool({
        size: options.spares ?? defaultSpares, make: makeSpare, busy: () => creating > 0,
        end: async (spare) => {
          spare.client.close();
          await destroyShell(machine, network, spare.shell);
        },
        failed: (error) => log.warn({ err: error }, 'making a sandbox ahead failed'),
      });
      spares.fill();
    }),
    createSandbox: (spec) => translated(async () => {
      creating += 1;
      try {
        return await create(spec);
      } finally {
        creating -= 1;
        if (creating === 0) spares?.fill();
      }
    }),
    unpack: (request) => translated(() => machine.host.unpack(request)),
    usage: (uid, containerId) => translated(async () => {
      const handle = sandboxes.get(uid);
      if (handle === undefined) throw new RuntimeError('NotFound', `pod ${uid} has no sandbox`);
      const child = containerId === undefined ? '' : handle.cgroupOf(containerId);
      if (child === undefined) throw new RuntimeError('NotFound', `container ${containerId ?? ''} is not running`);
      return readUsage(machine.layout, slotPaths(machine.layout, instance, handle.key), child).catch((error: unknown) => {
        throw runtimeError('NotFound', `reading the usage of pod ${uid}`, error);
      });
    }),
    async close() {
      await spares?.close();
      for (const handle of sandboxes.values()) handle.release();
      await machine.host.close();
    },
  };
}

/** Where a pod's containers keep their writable layers, for tests and stats. */
export const containerDirectory = (dataDir: string, uid: string, containerId: string): string => join(sandboxDirectory(dataDir, uid), 'c', containerId);
