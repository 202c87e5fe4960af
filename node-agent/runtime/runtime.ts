import type { CgroupResources as NativeResources, ContainerDescription, ContainerExit, Mount } from '../../native/container.ts';
import type { ProcessStreams } from '../../native/streams.ts';
import type { CgroupUsage } from './cgroups.ts';
import type { ClassRequests } from './qos-tree.ts';

/**
 * What the pod workers ask of the machine. The plan above it speaks of pods; everything below it (namespaces, cgroups,
 * overlay, network devices) is behind this interface. `native-runtime.ts` implements it over `native/`.
 *
 * Pods outlive the agent: whatever is started here goes on when the agent ends, and `recover` finds it again.
 */

/** What a container is made of is said the same way up here and in the protocol. */
export type { CgroupUsage, ClassRequests, ContainerExit, Mount, ProcessStreams };

/** Limits and weights of one cgroup. Absent: unlimited, or the kernel's default. */
export interface CgroupResources extends Omit<NativeResources, 'files'> {
  /** What may be swapped out of it; v1 knows that only of what has a limit of memory. */
  readonly memorySwapBytes?: number;
  /** v2: what the kernel never takes away, and what it takes from nobody else first. */
  readonly memoryMinBytes?: number;
  readonly memoryLowBytes?: number;
  /** v2: from where on what asks for more is slowed down; Infinity: from nowhere. */
  readonly memoryHighBytes?: number;
  /** By the size of their pages, bytes: how much it may have in huge ones. */
  readonly hugeBytes?: ReadonlyMap<number, number>;
  /** The processors that it may run on: `0-1,4`. Only where the runtime was opened to assign them. */
  readonly cpus?: string;
}

export type Qos = 'Guaranteed' | 'Burstable' | 'BestEffort';

/** One pod's shell: its namespaces, address and cgroup. */
export interface SandboxSpec {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  readonly hostname: string;
  readonly qos: Qos;
  readonly resources: CgroupResources;
  readonly hostNetwork: boolean;
  readonly hostPid: boolean;
  readonly hostIpc: boolean;
  /** False: the pod's users are nobody on the host. */
  readonly hostUsers: boolean;
  readonly shareProcessNamespace: boolean;
  /** Of the pod's runtime class; absent: our own runtime. */
  readonly handler?: string;
  readonly sysctls: Readonly<Record<string, string>>;
}

/** Who a process runs as, and what it may do. Ids are numbers: names are looked up in the image before. */
export interface ProcessSecurity {
  readonly uid: number;
  readonly gid: number;
  readonly groups: readonly number[];
  /** `CAP_CHOWN`, …: the bounding, effective and permitted set (for a root process; others lose effective and permitted). */
  readonly capabilities: readonly string[];
  readonly noNewPrivileges: boolean;
  readonly privileged: boolean;
  /** BPF bytes of the filter (`struct sock_filter[]`); absent: unconfined. */
  readonly seccomp?: Buffer;
  /** The text of the machine's own profile that the filter was made of; absent: it is the default one. */
  readonly seccompProfile?: string;
  readonly oomScoreAdj: number;
}

export interface ContainerSpec extends Omit<ContainerDescription, 'resources'> {
  readonly resources: CgroupResources;
  readonly name: string;
  readonly security: ProcessSecurity;
  /** Most that its writable layer may hold; kept where the node limits directories (`limitsDisk`). */
  readonly diskLimitBytes?: number;
}

export interface StartedContainer {
  readonly containerId: string;
  /** Of the container's first process, in the host's pid namespace. */
  readonly pid: number;
  readonly startedAt: number;
}

export interface ExecSpec {
  readonly args: readonly string[];
  readonly tty: boolean;
  readonly stdin: boolean;
}

/** A running pod sandbox. Every method rejects with `RuntimeError` when the machine refuses. */
export interface Sandbox {
  readonly uid: string;
  readonly spec: SandboxSpec;
  /** IPv4 address; absent with the host's network. */
  readonly address: string | undefined;
  /** Why nothing can be started in it or seen of it by this version: it can be signalled and destroyed only. Undefined: all can be done. */
  readonly refusal: string | undefined;
  /** Whether mounts below a read-only one can be made read-only too: an older supervisor can't, and of other runtimes it isn't known. */
  readonly recursiveReadOnly: boolean;
  /** False: its supervisor is gone, or has been silent since `recover`. Nothing can be asked of it any more, but to be destroyed. */
  readonly answers: boolean;
  /** Running containers by id, and exits not yet forgotten: after `recover`, what happened while no agent looked. */
  readonly running: ReadonlyMap<string, StartedContainer>;
  readonly exits: ReadonlyMap<string, ContainerExit>;
  /** Makes the root filesystem, mounts and process; resolves when the command was executed (exec(2) succeeded). */
  start(spec: ContainerSpec): Promise<StartedContainer>;
  /** Signals the container's first process; no error if it is gone. */
  signal(containerId: string, signal: number): Promise<void>;
  /** Changes what a running container may use, or the pod as a whole (undefined); what is absent stays. Rejects when more memory is in use than is left. */
  resize(containerId: string | undefined, resources: CgroupResources): Promise<void>;
  exec(containerId: string, spec: ExecSpec): Promise<ProcessStreams>;
  attach(containerId: string, options: { readonly stdin: boolean }): Promise<ProcessStreams>;
  /** Frees what an ended container has left (its writable layer, cgroup, exit record). */
  remove(containerId: string): Promise<void>;
  /** Opens a TCP connection from inside the pod's network namespace to its own loopback. */
  dial(port: number): Promise<NodeJS.ReadWriteStream>;
  /** Kills every process, frees everything the sandbox has; resolves when nothing is left. Safe to repeat. */
  destroy(): Promise<void>;
}

export interface RuntimeEvents {
  /** A container's first process ended; recorded on disk before. */
  exited(uid: string, exit: ContainerExit): void;
  /** The supervisor is gone, and with it every process of the pod. */
  lost(uid: string): void;
  /** A supervisor that was silent after `recover` answers: `sandbox` takes the place of the one given then. */
  answered(uid: string, sandbox: Sandbox): void;
}

export interface PodNetwork {
  /** This node's share of pod addresses: `10.42.0.0/24`. */
  readonly podCidr: string;
  /** All pods' addresses: traffic that leaves it is masqueraded. */
  readonly clusterCidr: string;
  /** Other nodes: their share, and their own address as the gateway. */
  readonly routes: readonly { readonly cidr: string; readonly via: string }[];
}

/** Options of one layer's unpacking. */
export interface UnpackRequest {
  /** The compressed blob on disk. */
  readonly blob: string;
  /** `sha256:…` of the blob as it is; checked while it streams. */
  readonly digest: string;
  /** `sha256:…` of the tar inside; checked too, when known. */
  readonly diffId?: string;
  readonly compression: 'gzip' | 'zstd' | 'none';
  /** Directory to fill; must not exist. It appears only when complete. */
  readonly target: string;
}

/** Options of the way back: a directory into one layer's tar. */
export interface PackRequest {
  readonly directory: string;
  /** Of every entry, seconds since the epoch: equal directories make equal bytes. */
  readonly mtime: number;
  /** The tar to make; must not exist. */
  readonly target: string;
}

/** A file system in memory: nothing of it reaches a disk, and its pages are charged to who writes them. */
export interface MemoryRequest {
  /** Made when missing. */
  readonly directory: string;
  /** Most that it holds; absent: half of the machine's memory, or all of its huge pages. */
  readonly sizeBytes?: number;
  /** In huge pages of this size. */
  readonly pageBytes?: number;
  readonly mode: number;
  /** The group of its root directory. */
  readonly gid: number;
}

export interface Runtime {
  /** Of this machine's cgroups: v1 has no files for some of what pods can be given. */
  readonly cgroupVersion: 1 | 2;
  /**
   * Pods of this data directory that still run, adopted; what no longer runs is cleared away. One whose supervisor is there but
   * does not answer in time is kept (`answers` is false) and asked again until it does, or is gone. Call once, first.
   */
  recover(): Promise<readonly Sandbox[]>;
  /** Sets up or changes bridge, routes and masquerading. Needed before the first sandbox with a network of its own. */
  configureNetwork(network: PodNetwork): Promise<void>;
  /** Has each QoS class weigh what its pods ask for together. */
  weighClasses(requests: ClassRequests): Promise<void>;
  createSandbox(spec: SandboxSpec): Promise<Sandbox>;
  unpack(request: UnpackRequest): Promise<void>;
  /** Keeps owners, modes, links, devices and the attributes that `unpack` takes. */
  pack(request: PackRequest): Promise<void>;
  /** Which directories of an unpacked layer hide what layers below have there, as paths (`/a/b`); `scratch` is a file that may be made for it. */
  opaqueDirectories(layer: string, scratch: string): Promise<ReadonlySet<string>>;
  /** Mounts a file system in memory under the data directory, unless one is there already: it outlives the agent, not the instance. */
  mountMemory(request: MemoryRequest): Promise<void>;
  /** Why a pod with users of its own (`hostUsers: false`) can't be shown what is at `path`; undefined: it can. */
  usersRefusal(path: string): Promise<string | undefined>;
  /** Whether the data directory's file system holds directories to limits; known from `recover` on. */
  limitsDisk(): boolean;
  /** Limits what a directory, empty when this is called first, may ever hold, where the node can; it ends with the directory, by `removeDirectory`. */
  limitDirectory(directory: string, bytes: number): Promise<void>;
  /** Takes away a directory with all below it, mounts and limits too. Not there is fine. */
  removeDirectory(directory: string): Promise<void>;
  /** What one container or pod uses. */
  usage(uid: string, containerId?: string): Promise<CgroupUsage>;
  /** Lets go of the pods, which go on running. */
  close(): Promise<void>;
}

export type RuntimeErrorCode =
  /** The command is not in the image or can't be executed. */
  | 'CommandNotFound' | 'CommandNotExecutable'
  /** A mount's source or target is wrong. */
  | 'MountFailed'
  /** The layer's bytes are not what its digest says, or hostile. */
  | 'DigestMismatch' | 'BadLayer'
  | 'NotFound' | 'Unavailable' | 'Failed'
  /** The pod was started by a version that this one can't drive. */
  | 'Incompatible';

/** `message` says what was being done to which path and why the kernel refused. */
export class RuntimeError extends Error {
  readonly code: RuntimeErrorCode;

  constructor(code: RuntimeErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'RuntimeError';
    this.code = code;
  }
}
