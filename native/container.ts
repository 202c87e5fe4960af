/** What `coracle-pod` is told of a pod and its containers, and tells of them: the shapes and their bytes. */
import { PayloadReader, PayloadWriter } from './frame.ts';
import { readSpeaker, type Speaker } from './version.ts';

/** Limits and weights of one cgroup. Absent: unlimited, or the kernel's default. */
export interface CgroupResources {
  /** Requested cpu, thousandths of a core: becomes shares (v1) or weight (v2). */
  readonly cpuRequestMillis?: number;
  /** Limit of cpu, thousandths of a core: becomes a quota per 100 ms. */
  readonly cpuLimitMillis?: number;
  readonly memoryLimitBytes?: number;
  readonly pidsLimit?: number;
  /** Further files of the cgroup, written in this order. Those of a controller that the machine doesn't have are left out. */
  readonly files?: readonly CgroupFile[];
}

export interface CgroupFile {
  readonly controller: string;
  readonly name: string;
  readonly value: string;
  /** A supervisor that is too old to write it may go without. */
  readonly isOptional?: boolean;
}

export interface Mount {
  /** `bind`: `source` on the host. `tmpfs`: `sizeBytes` bounds it. `image`: `layers`, read-only; `source` names it in messages. */
  readonly type: keyof typeof mountTypes;
  readonly source: string;
  /** The part of a bind's `source` that is mounted, made when missing, or of an image; refused when a link leads it out of there. */
  readonly subPath?: string;
  /** Of an image: unpacked, the lowest first. */
  readonly layers?: readonly string[];
  /** Absolute path in the container; made when missing, resolved inside its root. */
  readonly target: string;
  readonly readOnly: boolean;
  /** What is mounted below a read-only bind is read-only too. */
  readonly recursiveReadOnly?: boolean;
  readonly sizeBytes?: number;
  readonly propagation?: 'private' | 'slave' | 'shared';
}

/** Of the sandbox as a whole: what a pod from the pool takes on. */
export interface PodConfiguration {
  readonly hostname: string;
  readonly sysctls: Readonly<Record<string, string>>;
  readonly resources: CgroupResources;
  readonly shareProcesses: boolean;
}

/** What a container is, but for who its process runs as. */
export interface ContainerDescription {
  /** Unique on this node: 64 hex digits. */
  readonly id: string;
  /** Unpacked layers, lowest first; the writable layer is the runtime's. */
  readonly layers: readonly string[];
  readonly readOnlyRoot: boolean;
  /** The whole command line; `args[0]` is looked up in the container's PATH. */
  readonly args: readonly string[];
  /** `NAME=value`. */
  readonly env: readonly string[];
  readonly workingDir: string;
  readonly mounts: readonly Mount[];
  /** Paths hidden, and paths made read-only. Both empty: `procMount: Unmasked` or privileged. */
  readonly maskedPaths: readonly string[];
  readonly readOnlyPaths: readonly string[];
  readonly resources: CgroupResources;
  readonly tty: boolean;
  /** Keeps standard input open for `attach`. */
  readonly stdin: boolean;
  /** Standard input closes when the first attached client leaves. */
  readonly stdinOnce: boolean;
  /** Where coracle-pod writes the log, CRI format, in a directory that is there; rotated beside it as `.1` … */
  readonly logPath: string;
  readonly logMaxBytes: number;
  readonly logMaxFiles: number;
  /** The id of a running container whose processes it shares: it is in that one's pid namespace, and ends with it. */
  readonly joins?: string;
}

/** A container as `pod/spec.c` reads it. */
export interface PodContainer extends ContainerDescription {
  readonly uid: number;
  readonly gid: number;
  readonly groups: readonly number[];
  /** A bit per capability. */
  readonly capabilities: bigint;
  readonly noNewPrivileges: boolean;
  readonly privileged: boolean;
  /** BPF bytes of the filter; empty: unconfined. */
  readonly seccomp: Buffer;
  readonly oomScoreAdj: number;
  /** Of the writable layer, by which the file system limits it. */
  readonly project?: number;
  /** The OCI runtime that runs it; absent: coracle-pod itself does. */
  readonly runtime?: RuntimeCall;
}

/** How a container of a runtime handler is run. */
export interface RuntimeCall {
  /** Path and options of the runtime, before its subcommand. */
  readonly command: readonly string[];
  /** Its config.json, in parts: the name of the container's cgroup comes between them. */
  readonly config: readonly string[];
}

export interface ContainerExit {
  readonly containerId: string;
  /** 128 + signal for a process that a signal ended. */
  readonly exitCode: number;
  readonly signal?: number;
  readonly oomKilled: boolean;
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  readonly finishedAt: number;
}

export interface PodRunning {
  readonly containerId: string;
  /** Of the container's first process, in the host's pid namespace. */
  readonly pid: number;
  readonly startedAt: number;
  /** Its cgroup is `c<index>` in the sandbox's. */
  readonly cgroupIndex: number;
}

export interface PodState {
  readonly key: string;
  readonly running: readonly PodRunning[];
  readonly exits: readonly ContainerExit[];
  /** The protocol's version that its supervisor speaks. */
  readonly speaker: Speaker;
}

const mountTypes = { bind: 0, tmpfs: 1, image: 2 } as const;
const propagations = { private: 0, slave: 1, shared: 2 } as const;

function writeResources(writer: PayloadWriter, resources: CgroupResources): void {
  writer.optional(resources.cpuRequestMillis).optional(resources.cpuLimitMillis).optional(resources.memoryLimitBytes).optional(resources.pidsLimit);
}

function writeFiles(writer: PayloadWriter, { files = [] }: CgroupResources): PayloadWriter {
  return writer.list(files, ({ controller, name, value }) => writer.text(controller).text(name).text(value));
}

export function encodeConfiguration(configuration: PodConfiguration): Buffer {
  const writer = new PayloadWriter().text(configuration.hostname);
  writer.list(Object.entries(configuration.sysctls), ([name, value]) => writer.text(name).text(value));
  writeResources(writer, configuration.resources);
  return writeFiles(writer.flag(configuration.shareProcesses), configuration.resources).bytes();
}

export function encodeResize(containerId: string, resources: CgroupResources): Buffer {
  const writer = new PayloadWriter().text(containerId);
  writeResources(writer, resources);
  return writeFiles(writer, resources).bytes();
}

function flagsOf(container: PodContainer): number {
  const bits = [container.readOnlyRoot, container.tty, container.stdin, container.stdinOnce, container.privileged, container.noNewPrivileges];
  return bits.reduce((flags, set, bit) => flags | (set ? 1 << bit : 0), 0);
}

export function encodeContainer(container: PodContainer): Buffer {
  const writer = new PayloadWriter().text(container.id).texts(container.layers).u32(flagsOf(container)).texts(container.args).texts(container.env);
  writer.text(container.workingDir);
  writer.list(container.mounts, (mount) => {
    writer.u32(mountTypes[mount.type]).text(mount.source).text(mount.subPath ?? '').text(mount.target).flag(mount.readOnly);
    writer.optional(mount.sizeBytes).u32(propagations[mount.propagation ?? 'private']);
  });
  writer.texts(container.maskedPaths).texts(container.readOnlyPaths).u32(container.uid).u32(container.gid);
  writer.list(container.groups, (group) => writer.u32(group)).u64(container.capabilities).blob(container.seccomp).u32(container.oomScoreAdj);
  writeResources(writer, container.resources);
  writer.text(container.logPath).u64(container.logMaxBytes).u32(container.logMaxFiles).text(container.joins ?? '');
  for (const { type, layers = [] } of container.mounts) if (type === 'image') writer.texts(layers);
  writeFiles(writer, container.resources);
  writer.texts(container.runtime?.command ?? []).texts(container.runtime?.config ?? []);
  const recursive = container.mounts.flatMap((mount, index) => (mount.recursiveReadOnly === true ? [index] : []));
  return writer.list(recursive, (index) => writer.u32(index)).u32(container.project ?? 0).bytes();
}

export function readExit(reader: PayloadReader): ContainerExit {
  const [containerId, exitCode, signal, oomKilled] = [reader.text(), reader.u32(), reader.u32(), reader.u32() === 1];
  return { containerId, exitCode, ...(signal === 0 ? {} : { signal }), oomKilled, startedAt: reader.u64(), finishedAt: reader.u64() };
}

export function readState(payload: Buffer): PodState {
  const reader = new PayloadReader(payload);
  return {
    key: reader.text(),
    running: reader.list(() => ({ containerId: reader.text(), pid: reader.u32(), startedAt: reader.u64(), cgroupIndex: reader.u32() })),
    exits: reader.list(() => readExit(reader)),
    speaker: readSpeaker(reader),
  };
}
