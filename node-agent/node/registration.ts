import { readFile, statfs } from 'node:fs/promises';
import { arch, availableParallelism, release, totalmem } from 'node:os';
import { architectureOf } from '../../machinery/architecture.ts';
import { binary, hugeResource, type HugePages } from '../huge-pages.ts';
import type { Draft } from '../../machinery/kinds/wire.ts';
import type { Node, NodeCondition } from '../../machinery/kinds/core.ts';
import { nothingReserved, type Reserved } from './reserved.ts';
import { ownHandler } from '../runtime/oci/handlers.ts';

/** What a node is: read once from the machine. */
export interface NodeFacts {
  readonly name: string;
  readonly address: string;
  readonly port: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly capacity: Readonly<Record<string, string>>;
  readonly allocatable: Readonly<Record<string, string>>;
  readonly info: NonNullable<NonNullable<Node['status']>['nodeInfo']>;
  /** Can pods have users of their own, with our own runtime? */
  readonly userNamespaces: boolean;
  /** Names that runtime classes have for other runtimes than ours. */
  readonly foreignHandlers: readonly string[];
}

const architecture = architectureOf(arch());
export const kubeletVersion = 'v1.36.0';

export interface NodeOptions {
  readonly name: string;
  readonly address: string;
  readonly port: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly maxPods: number;
  readonly dataDir: string;
  readonly runtimeVersion: string;
  readonly hugePages?: readonly HugePages[];
  readonly userNamespaces: boolean;
  /** Bytes. */
  readonly swapCapacity?: number;
  /** What pods are not to be promised; absent: nothing. */
  readonly reserved?: Reserved;
  readonly foreignHandlers?: readonly string[];
  /** Of `capacity` bytes, so many must be left free: pods are not to be given them. Absent: all may be used. */
  readonly kept?: (what: 'memory' | 'storage', capacity: number) => number;
}

export async function readNodeFacts(options: NodeOptions): Promise<NodeFacts> {
  const disk = await statfs(options.dataDir, { bigint: true });
  const cpus = availableParallelism();
  const memory = totalmem();
  const storage = disk.blocks * disk.bsize;
  const kept = options.kept ?? (() => 0);
  const { hugePages = [], reserved = nothingReserved } = options;
  const huge = Object.fromEntries(hugePages.map(({ sizeBytes, count }) => [hugeResource(sizeBytes), binary(sizeBytes * count)]));
  // Nobody else can have it.
  const setAside = hugePages.reduce((sum, { sizeBytes, count }) => sum + sizeBytes * count, 0);
  const osRelease = await textOf('/etc/os-release');
  return {
    name: options.name, address: options.address, port: options.port, userNamespaces: options.userNamespaces,
    foreignHandlers: options.foreignHandlers ?? [],
    labels: {
      ...options.labels, 'kubernetes.io/hostname': options.name, 'kubernetes.io/os': 'linux', 'kubernetes.io/arch': architecture,
      'beta.kubernetes.io/os': 'linux', 'beta.kubernetes.io/arch': architecture,
    },
    capacity: { ...quantities(cpus * 1000, memory, storage, options.maxPods), ...huge },
    allocatable: {
      ...quantities(
        Math.max(0, cpus * 1000 - reserved.cpuMillis), Math.max(0, memory - kept('memory', memory) - setAside - reserved.memoryBytes),
        BigInt(Math.max(0, Math.trunc(Number(storage) - kept('storage', Number(storage)) - reserved.storageBytes))), options.maxPods,
      ),
      ...huge,
    },
    info: {
      machineID: await textOf('/etc/machine-id'), systemUUID: await textOf('/sys/class/dmi/id/product_uuid'), bootID: await textOf('/proc/sys/kernel/random/boot_id'),
      kernelVersion: release(), osImage: /^PRETTY_NAME="?([^"\n]*)/m.exec(osRelease)?.[1] ?? 'Linux', containerRuntimeVersion: options.runtimeVersion,
      kubeletVersion, kubeProxyVersion: '', operatingSystem: 'linux', architecture, ...(options.swapCapacity === undefined || options.swapCapacity === 0 ? {} : { swap: { capacity: options.swapCapacity } }),
    },
  };
}

/** '' for a file that this machine doesn't have. */
async function textOf(path: string): Promise<string> {
  return (await readFile(path, 'utf8').catch(() => '')).trim();
}

function quantities(cpuMillis: number, memoryBytes: number, storageBytes: bigint, pods: number): Readonly<Record<string, string>> {
  return {
    cpu: cpuMillis % 1000 === 0 ? String(cpuMillis / 1000) : `${cpuMillis}m`, memory: `${Math.floor(memoryBytes / 1024)}Ki`,
    'ephemeral-storage': `${storageBytes / 1024n}Ki`, 'hugepages-1Gi': '0', 'hugepages-2Mi': '0', pods: String(pods),
  };
}

/** The object that a node registers itself as. */
export function newNode(facts: NodeFacts): Node {
  return { metadata: { name: facts.name, labels: facts.labels, annotations: { 'volumes.kubernetes.io/controller-managed-attach-detach': 'true' } }, spec: {}, status: {} };
}

export interface NodeHealth {
  /** Why pods can't run here; absent: they can. */
  readonly notReady?: string;
  readonly memoryPressure: boolean;
  readonly diskPressure: boolean;
  readonly pidPressure: boolean;
  readonly networkConfigured: boolean;
}

interface Verdict {
  readonly status: boolean;
  readonly reason: string;
  readonly message: string;
}

/** Conditions in Kubernetes' words; each keeps the time of its last change. Pure. Source: "Node conditions". */
export function nodeConditions(health: NodeHealth, before: readonly NodeCondition[], now: string): readonly NodeCondition[] {
  const verdicts: Readonly<Record<string, Verdict>> = {
    NetworkUnavailable: health.networkConfigured
      ? { status: false, reason: 'RouteCreated', message: 'the node has its share of pod addresses and its routes' }
      : { status: true, reason: 'NoRouteCreated', message: 'the node waits for its share of pod addresses' },
    MemoryPressure: health.memoryPressure
      ? { status: true, reason: 'KubeletHasInsufficientMemory', message: 'kubelet has insufficient memory available' }
      : { status: false, reason: 'KubeletHasSufficientMemory', message: 'kubelet has sufficient memory available' },
    DiskPressure: health.diskPressure
      ? { status: true, reason: 'KubeletHasDiskPressure', message: 'kubelet has disk pressure' }
      : { status: false, reason: 'KubeletHasNoDiskPressure', message: 'kubelet has no disk pressure' },
    PIDPressure: health.pidPressure
      ? { status: true, reason: 'KubeletHasInsufficientPID', message: 'kubelet has insufficient PID available' }
      : { status: false, reason: 'KubeletHasSufficientPID', message: 'kubelet has sufficient PID available' },
    Ready: health.notReady === undefined
      ? { status: true, reason: 'KubeletReady', message: 'kubelet is posting ready status' }
      : { status: false, reason: 'KubeletNotReady', message: health.notReady },
  };
  return Object.entries(verdicts).map(([type, verdict]) => {
    const status = verdict.status ? 'True' : 'False';
    const last = before.find((each) => each.type === type);
    const since = last?.status === status ? last.lastTransitionTime : undefined;
    return { type, status, reason: verdict.reason, message: verdict.message, lastHeartbeatTime: now, lastTransitionTime: since ?? now };
  });
}

type RuntimeHandler = NonNullable<NonNullable<Node['status']>['runtimeHandlers']>[number];

/** What pods can have here. Every kernel that can mount their volumes can make those read-only all the way down. */
export function runtimeFeatures({ userNamespaces }: Pick<NodeFacts, 'userNamespaces'>): NonNullable<RuntimeHandler['features']> {
  return { recursiveReadOnlyMounts: true, userNamespaces };
}

/** The node's status as the API should have it. */
export function nodeStatus(facts: NodeFacts, conditions: readonly NodeCondition[], images: NonNullable<Node['status']>['images']): NonNullable<Node['status']> {
  const status: Draft<NonNullable<Node['status']>> = {
    capacity: { ...facts.capacity }, allocatable: { ...facts.allocatable }, nodeInfo: { ...facts.info },
    conditions: conditions.map((each) => ({ ...each })),
    addresses: [{ type: 'InternalIP', address: facts.address }, { type: 'Hostname', address: facts.name }],
    daemonEndpoints: { kubeletEndpoint: { Port: facts.port } },
    runtimeHandlers: [
      ...['', ownHandler].map((name) => ({ name, features: runtimeFeatures(facts) })),
      ...facts.foreignHandlers.map((name) => ({ name, features: { recursiveReadOnlyMounts: false, userNamespaces: false } })),
    ],
  };
  return { ...status, ...(images === undefined ? {} : { images }) };
}
