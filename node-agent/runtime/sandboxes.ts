/** Spawning, claiming and ending sandboxes: supervisor, cgroups, device and address, before and after a pod owns them. */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { NativeError } from '../../native/frame.ts';
import type { DestroyRequest, HostClient, ProcessIdentity } from '../../native/host.ts';
import { defaultMaskedPaths, defaultReadOnlyPaths } from './capabilities.ts';
import type { Clearing } from './clearing.ts';
import type { Reserved } from '../node/reserved.ts';
import { slotPaths, type CgroupLayout } from './cgroups.ts';
import type { AddressPool } from './address-pool.ts';
import type { RuntimeHandlers } from './oci/handlers.ts';
import { poolDirectory } from './sandbox-record.ts';
import type { Projects } from './projects.ts';
import { sandboxCgroup } from './qos-tree.ts';
import type { Qos, SandboxSpec } from './runtime.ts';
import type { UserRanges } from './user-ranges.ts';

export interface Machine {
  readonly dataDir: string;
  readonly instance: string;
  readonly bootId: string;
  readonly layout: CgroupLayout;
  readonly host: HostClient;
  readonly clearing: Clearing;
  readonly users: UserRanges;
  readonly handlers: RuntimeHandlers;
  /** Whether pods may swap, each as its resources say. */
  readonly swaps: boolean;
  readonly reserved: Reserved;
  readonly projects: Projects;
}

/** A running supervisor with what surrounds it. */
export interface Shell {
  readonly key: string;
  /** Below the instance's. */
  readonly cgroup: string;
  readonly supervisor: ProcessIdentity;
  readonly directory: string;
  readonly address: number | undefined;
  /** The host's id of the pod's root; undefined: the pod has the host's users. */
  readonly firstUser: number | undefined;
}

export type Sharing = Pick<SandboxSpec, 'hostNetwork' | 'hostPid' | 'hostIpc' | 'hostUsers'>;

/** Zygotes parked beforehand: the usual pod has one container. A second container's is parked when it is asked for. */
const parkedZygotes = 1;

export const bridgeName = (instance: string): string => `${instance}br0`;
const vethName = (instance: string, key: string): string => `${instance}${key}`;

function takeAddress(machine: Machine, addresses: AddressPool, veths: Map<number, string>): number {
  // the namespace's end takes a veth up to 35 ms after its pod: two devices with one address would answer each other's traffic
  const gone = (address: number): boolean => {
    const veth = veths.get(address);
    // our own namespace's list; /sys may show another's
    return veth === undefined || !readFileSync('/proc/self/net/dev', 'utf8').includes(`${veth}:`);
  };
  const address = addresses.take(gone);
  if (address === undefined) throw new NativeError('Unavailable', `all pod addresses of instance ${machine.instance} are taken`);
  return address;
}

export interface Network {
  readonly addresses: AddressPool;
  /** The device that last had an address. */
  readonly veths: Map<number, string>;
}

function takeUsers({ users }: Machine): number {
  const first = users.take();
  if (first === undefined) throw new NativeError('Unavailable', 'all user ids that this node may give to pods are taken');
  return first;
}

async function spawnOnce(machine: Machine, network: Network | undefined, sharing: Sharing, qos: Qos): Promise<Shell> {
  const { instance, layout, host, dataDir, clearing } = machine;
  const { hostUsers, ...shared } = sharing;
  const key = randomBytes(4).toString('hex');
  const directory = join(poolDirectory(dataDir), key);
  const cgroup = sandboxCgroup(qos, key);
  const slots = slotPaths(layout, instance, cgroup);
  const firstUser = hostUsers ? undefined : takeUsers(machine);
  const address = network === undefined ? undefined : takeAddress(machine, network.addresses, network.veths);
  const link = network === undefined || address === undefined ? {} : {
    link: { veth: vethName(instance, key), bridge: bridgeName(instance), address, prefix: network.addresses.range.prefix, gateway: network.addresses.gateway },
  };
  if (link.link !== undefined) network?.veths.set(link.link.address, link.link.veth);
  try {
    const cgroups = layout.hierarchies.map(({ controllers }, index) => ({ controllers, path: slots[index] ?? '' }));
    const made = { zygotes: parkedZygotes, maskedPaths: defaultMaskedPaths, readOnlyPaths: defaultReadOnlyPaths };
    const supervisor = await host.spawn({ key, directory, cgroupVersion: layout.version, cgroups, ...shared, ...made, ...(firstUser === undefined ? {} : { firstUser }), ...link });
    return { key, cgroup, supervisor, directory, address, firstUser };
  } catch (error) {
    await clearing.clear({ directory, cgroups: slots }, () => freeIds(machine, network, { address, firstUser }));
    throw error;
  }
}

/** Starts a supervisor. A host that dies meanwhile costs one retry under another key; what it left is cleared away first. */
export async function spawnShell(machine: Machine, network: Network | undefined, sharing: Sharing, qos: Qos): Promise<Shell> {
  await mkdir(poolDirectory(machine.dataDir), { recursive: true, mode: 0o700 });
  try {
    return await spawnOnce(machine, network, sharing, qos);
  } catch (error) {
    if (!(error instanceof NativeError) || error.code !== 'Unavailable') throw error;
    return spawnOnce(machine, network, sharing, qos);
  }
}

function destroyRequest({ layout, instance }: Machine, { supervisor, directory, cgroup }: Shell): DestroyRequest {
  return { supervisor, directory, cgroups: slotPaths(layout, instance, cgroup) };
}

function freeIds({ users }: Machine, network: Network | undefined, { address, firstUser }: Pick<Shell, 'address' | 'firstUser'>): void {
  if (address !== undefined) network?.addresses.free(address);
  if (firstUser !== undefined) users.free(firstUser);
}

/** Kills everything in the sandbox and removes what it has; its address and its users are free afterwards. */
export async function destroyShell(machine: Machine, network: Network | undefined, shell: Shell): Promise<void> {
  await machine.host.destroy(destroyRequest(machine, shell));
  await machine.projects.release(shell.directory);
  freeIds(machine, network, shell);
}

/** The same for one that no pod will have: it is gone sooner or later. */
export async function clearShell(machine: Machine, network: Network | undefined, shell: Shell): Promise<void> {
  await machine.clearing.clear(destroyRequest(machine, shell), () => freeIds(machine, network, shell));
}
