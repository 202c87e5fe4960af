/** The typed client of `coracle-host`: netlink, nftables, unpacking, starting and ending sandboxes. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { createFrameParser, createRequests, frameTypes, NativeError, PayloadReader, PayloadWriter } from './frame.ts';
import { firstVersion, protocolVersion, readSpeaker, refusalOf } from './version.ts';

/** One cgroup hierarchy of a sandbox: its controllers and the sandbox's directory in it. */
export interface CgroupSlot {
  readonly controllers: readonly string[];
  readonly path: string;
}

/** A cgroup that is to be there, and what its files are to say. */
export interface CgroupFiles {
  /** Of its hierarchy; v2's are handed down to what is below. */
  readonly controllers: readonly string[];
  readonly path: string;
  readonly files: readonly { readonly name: string; readonly value: string }[];
}

/** Ids in a pod's own user namespace; `POD_USERS` in `host/host.h`. */
export const usersPerPod = 65_536;

/** An IPv4 range; `net` as an unsigned number. */
export interface Ipv4Range {
  readonly net: number;
  readonly prefix: number;
}

export interface SpawnRequest {
  readonly key: string;
  readonly directory: string;
  readonly cgroupVersion: 1 | 2;
  readonly cgroups: readonly CgroupSlot[];
  readonly hostNetwork: boolean;
  readonly hostPid: boolean;
  readonly hostIpc: boolean;
  /** How many zygotes are parked beforehand. */
  readonly zygotes: number;
  /** What most containers of the pod will have hidden and protected: it is made beforehand. */
  readonly maskedPaths: readonly string[];
  readonly readOnlyPaths: readonly string[];
  /** The host's id of the pod's root, the first of `usersPerPod`; absent: the pod has the host's users. */
  readonly firstUser?: number;
  readonly link?: { readonly veth: string; readonly bridge: string; readonly address: number; readonly prefix: number; readonly gateway: number };
}

/** A process that can't be mistaken for a later one with the same pid. */
export interface ProcessIdentity {
  readonly pid: number;
  readonly startTicks: number;
}

export interface NetworkRequest {
  readonly bridge: string;
  readonly gateway: number;
  readonly table: string;
  readonly pods: Ipv4Range;
  readonly cluster: Ipv4Range;
  readonly routes: readonly (Ipv4Range & { readonly via: number })[];
}

export interface HostUnpackRequest {
  readonly blob: string;
  readonly digest: string;
  readonly diffId?: string;
  readonly compression: 'none' | 'gzip' | 'zstd';
  readonly target: string;
}

export interface HostPackRequest {
  readonly directory: string;
  /** Of every entry, seconds since the epoch. */
  readonly mtime: number;
  /** The tar to make; must not exist. */
  readonly target: string;
}

export interface MemoryRequest {
  /** Made when missing. */
  readonly directory: string;
  /** What the list of mounts calls it. */
  readonly name: string;
  /** Absent: half of the machine's memory, or all of its huge pages: the kernel's default. */
  readonly sizeBytes?: number;
  readonly mode: number;
  readonly gid: number;
  /** In huge pages of this size. */
  readonly pageBytes?: number;
}

export interface LimitRequest {
  /** On the file system that limits the project; with `gives`, all that is made in it from now on is the project's. */
  readonly directory: string;
  readonly gives: boolean;
  readonly project: number;
  /** 0: no longer limited. */
  readonly bytes: number;
}

export interface DestroyRequest {
  readonly supervisor?: ProcessIdentity;
  /** Removed with all below it. */
  readonly directory?: string;
  readonly cgroups: readonly string[];
}

export interface TeardownRequest {
  readonly cgroups: readonly string[];
  readonly directories: readonly string[];
  readonly devicePrefix: string;
  readonly table: string;
  readonly mountsBelow: string;
}

export interface HostClient {
  /** Resolves when it runs and speaks what this agent does; rejects with `Incompatible`, which says what to do. */
  ready(): Promise<void>;
  spawn(request: SpawnRequest): Promise<ProcessIdentity>;
  configureNetwork(request: NetworkRequest): Promise<void>;
  unpack(request: HostUnpackRequest): Promise<void>;
  pack(request: HostPackRequest): Promise<void>;
  /** Writes to `target`, which must not exist, which directories of an unpacked layer hide those below: `/a/b`, each with a NUL behind it. */
  findOpaque(directory: string, target: string): Promise<void>;
  /** Makes cgroups above the pods' where they are missing, and writes their files; outer ones first. What one refuses keeps nothing from the others. */
  arrangeCgroups(version: 1 | 2, cgroups: readonly CgroupFiles[]): Promise<void>;
  /** Mounts a file system in memory, unless one is there already. */
  mountMemory(request: MemoryRequest): Promise<void>;
  /** Rejects when a pod with a user namespace can't be shown what is at `path`: the message says what the machine lacks. */
  checkUsers(path: string): Promise<void>;
  /** Rejects when the file system at `path` doesn't hold projects to limits, and says why. */
  checkQuota(path: string): Promise<void>;
  /** Limits what files of a project take up. False: the project is another's already, and nothing was changed. */
  limitProject(request: LimitRequest): Promise<boolean>;
  destroy(request: DestroyRequest): Promise<void>;
  teardown(request: TeardownRequest): Promise<void>;
  close(): Promise<void>;
}

const buildDirectory = fileURLToPath(new URL('build/', import.meta.url));
export const hostBinary = `${buildDirectory}coracle-host`;
const podBinary = `${buildDirectory}coracle-pod`;

const requestTimeoutMs = 60_000;
/** A layer of several gigabytes on a slow disk. */
const unpackTimeoutMs = 30 * 60_000;
const compressions = { none: 0, gzip: 1, zstd: 2 } as const;

function encodeSpawn(request: SpawnRequest): Buffer {
  const writer = new PayloadWriter().text(request.key).text(request.directory).u32(request.cgroupVersion);
  writer.list(request.cgroups, (slot) => writer.text(slot.controllers.join(',')).text(slot.path));
  writer.u32((request.hostNetwork ? 1 : 0) | (request.hostPid ? 2 : 0) | (request.hostIpc ? 4 : 0)).u32(request.zygotes);
  writer.flag(request.link !== undefined);
  if (request.link !== undefined) {
    writer.text(request.link.veth).text(request.link.bridge).u32(request.link.address).u32(request.link.prefix).u32(request.link.gateway);
  }
  return writer.u32(request.firstUser ?? 0).texts(request.maskedPaths).texts(request.readOnlyPaths).bytes();
}

function encodeNetwork(request: NetworkRequest): Buffer {
  const writer = new PayloadWriter().text(request.bridge).u32(request.gateway).u32(request.pods.prefix).text(request.table);
  writer.u32(request.pods.net).u32(request.pods.prefix).u32(request.cluster.net).u32(request.cluster.prefix);
  writer.list(request.routes, (route) => writer.u32(route.net).u32(route.prefix).u32(route.via));
  return writer.bytes();
}

function encodeDestroy(request: DestroyRequest): Buffer {
  const { supervisor, directory = '', cgroups } = request;
  return new PayloadWriter().u32(supervisor?.pid ?? 0).u64(supervisor?.startTicks ?? 0).text(directory).texts(cgroups).bytes();
}

/** Writes and reads one child's frames; `lost` is called once, when the child has ended. */
function connect(child: ChildProcess, lost: (error: NativeError) => void) {
  const { stdin, stdout } = child;
  if (stdin === null || stdout === null) throw new NativeError('Unavailable', 'coracle-host has no standard streams');
  const requests = createRequests((bytes) => stdin.write(bytes), 'coracle-host');
  const parse = createFrameParser();
  stdin.on('error', () => undefined); // said by `exit`
  stdout.on('data', (chunk: Buffer) => {
    try {
      for (const frame of parse(chunk)) requests.answered(frame);
    } catch {
      child.kill('SIGKILL'); // its bytes make no sense any more; `exit` rejects what waits
    }
  });
  const end = (reason: string, cause?: Error) => {
    const error = new NativeError('Unavailable', `coracle-host ended: ${reason}`, cause === undefined ? {} : { cause });
    requests.fail(error);
    lost(error);
  };
  child.once('error', (error) => end(error.message, error));
  child.once('exit', (code, signal) => end(signal === null ? `exit code ${code ?? 'unknown'}` : `signal ${signal}`));
  return requests;
}

interface Greeted extends Pick<ReturnType<typeof connect>, 'send'> {
  readonly greeted: Promise<void>;
}

/** A child that the machine could not make, for want of processes or descriptors, say: whoever asks it for something is told why. */
function unborn(child: ChildProcess): Greeted {
  const greeted = once(child, 'error').then(([error]) => {
    const cause: unknown = error;
    throw new NativeError('Unavailable', `coracle-host could not be started: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  });
  greeted.catch(() => undefined);
  return { greeted, send: async () => await greeted };
}

/** Whether the two understand each other; nothing else is asked of it before. */
async function greet(requests: ReturnType<typeof connect>): Promise<void> {
  const greeting = requests.send(frameTypes.hostHello, new PayloadWriter().u32(protocolVersion).bytes(), requestTimeoutMs);
  // The first version knows no hello.
  const answer = await greeting.catch((error: unknown) => {
    if (error instanceof NativeError && error.code === 'Failed') return undefined;
    throw error;
  });
  const refusal = refusalOf('coracle-host', answer === undefined ? firstVersion : readSpeaker(new PayloadReader(answer)));
  if (refusal !== undefined) throw new NativeError('Incompatible', refusal);
}

/**
 * Starts `coracle-host` and keeps one running: it has no state, so a request that a dying one left without an answer is
 * repeated once at the next. Not so `spawn`, whose caller must first clear away what the first try left.
 */
export function startHost(options: { readonly hostBinary?: string; readonly podBinary?: string } = {}): HostClient {
  let closed = false;
  let child: ChildProcess | undefined;
  let requests: Greeted | undefined;
  const current = (): Greeted => {
    if (closed) throw new NativeError('Unavailable', 'the runtime is closed');
    if (requests !== undefined) return requests;
    const started = spawn(options.hostBinary ?? hostBinary, [options.podBinary ?? podBinary], { stdio: ['pipe', 'pipe', 'inherit'], env: {} });
    // The next who asks tries again.
    if (started.pid === undefined) return unborn(started);
    child = started;
    const connected = connect(started, () => {
      if (requests === own) requests = undefined;
    });
    const greeted = greet(connected);
    greeted.catch(() => undefined); // whoever asks for something learns of it
    const own: Greeted = {
      greeted,
      async send(type, payload, timeoutMs) {
        await greeted;
        return connected.send(type, payload, timeoutMs);
      },
    };
    requests = own;
    return own;
  };
  const ask = async (type: number, payload: Buffer, timeoutMs = requestTimeoutMs) => current().send(type, payload, timeoutMs);
  const repeated = async (type: number, payload: Buffer, timeoutMs = requestTimeoutMs): Promise<void> => {
    const used = current();
    try {
      await used.send(type, payload, timeoutMs);
    } catch (error) {
      if (!(error instanceof NativeError) || error.code !== 'Unavailable' || closed || used === requests) throw error;
      await ask(type, payload, timeoutMs);
    }
  };
  current();
  return {
    ready: () => current().greeted,
    async spawn(request) {
      const reader = new PayloadReader(await ask(frameTypes.hostSpawn, encodeSpawn(request)));
      return { pid: reader.u32(), startTicks: reader.u64() };
    },
    configureNetwork: (request) => repeated(frameTypes.hostNetwork, encodeNetwork(request)),
    unpack: ({ blob, digest, diffId = '', compression, target }) =>
      repeated(frameTypes.hostUnpack, new PayloadWriter().text(blob).text(digest).text(diffId).u32(compressions[compression]).text(target).bytes(), unpackTimeoutMs),
    // Not repeated: the file of a worker that died would be in its way.
    async pack({ directory, mtime, target }) {
      await ask(frameTypes.hostPack, new PayloadWriter().text(directory).u64(mtime).text(target).bytes(), unpackTimeoutMs);
    },
    async findOpaque(directory, target) {
      await ask(frameTypes.hostOpaque, new PayloadWriter().text(directory).text(target).bytes(), unpackTimeoutMs);
    },
    async arrangeCgroups(version, cgroups) {
      const writer = new PayloadWriter().u32(version);
      writer.list(cgroups, ({ controllers, path, files }) => {
        writer.text(controllers.join(',')).text(path).list(files, ({ name, value }) => writer.text(name).text(value));
      });
      await repeated(frameTypes.hostCgroups, writer.bytes());
    },
    mountMemory: ({ directory, name, sizeBytes, mode, gid, pageBytes }) => repeated(frameTypes.hostMemory, new PayloadWriter().text(directory).text(name).optional(sizeBytes).u32(mode).u32(gid).optional(pageBytes).bytes()),
    checkUsers: (path) => repeated(frameTypes.hostUsers, new PayloadWriter().text(path).bytes()),
    checkQuota: (path) => repeated(frameTypes.hostQuota, new PayloadWriter().text(path).bytes()),
    async limitProject({ directory, gives, project, bytes }) {
      return new PayloadReader(await ask(frameTypes.hostLimit, new PayloadWriter().text(directory).u32(project).u64(bytes).flag(gives).bytes())).u32() === 1;
    },
    destroy: (request) => repeated(frameTypes.hostDestroy, encodeDestroy(request)),
    teardown: (request) =>
      repeated(frameTypes.hostTeardown, new PayloadWriter().texts(request.cgroups).texts(request.directories).text(request.devicePrefix).text(request.table).text(request.mountsBelow).bytes()),
    async close() {
      closed = true;
      const ending = child;
      if (ending === undefined || ending.exitCode !== null || ending.signalCode !== null) return;
      const ended = new Promise((resolve) => ending.once('exit', resolve));
      ending.stdin?.end();
      await ended;
    },
  };
}
