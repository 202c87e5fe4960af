/** The typed client of `coracle-pod`: one control connection, and one connection per exec, attach or port-forward. */
import { open } from 'node:fs/promises';
import { createConnection, type Socket } from 'node:net';
import { Duplex, PassThrough, Readable, Writable } from 'node:stream';
import { createFrameParser, createRequests, encodeFrame, errorOf, frameTypes, NativeError, PayloadReader, PayloadWriter, type Frame } from './frame.ts';
import { firstVersion, protocolVersion, readSpeaker, refusalOf, requireRequest, type PodRequest, type Speaker } from './version.ts';

export interface PodResources {
  readonly cpuRequestMillis?: number;
  readonly cpuLimitMillis?: number;
  readonly memoryLimitBytes?: number;
  readonly pidsLimit?: number;
}

export interface PodConfiguration {
  readonly hostname: string;
  readonly sysctls: Readonly<Record<string, string>>;
  readonly resources: PodResources;
  readonly shareProcesses: boolean;
}

export interface PodMount {
  readonly type: 'bind' | 'tmpfs';
  readonly source: string;
  readonly subPath?: string;
  readonly target: string;
  readonly readOnly: boolean;
  readonly sizeBytes?: number;
  readonly propagation?: 'private' | 'slave' | 'shared';
}

/** A container as `pod/spec.c` reads it. */
export interface PodContainer {
  readonly id: string;
  readonly layers: readonly string[];
  readonly readOnlyRoot: boolean;
  readonly args: readonly string[];
  readonly env: readonly string[];
  readonly workingDir: string;
  readonly mounts: readonly PodMount[];
  readonly maskedPaths: readonly string[];
  readonly readOnlyPaths: readonly string[];
  readonly uid: number;
  readonly gid: number;
  readonly groups: readonly number[];
  readonly capabilities: bigint;
  readonly noNewPrivileges: boolean;
  readonly privileged: boolean;
  readonly seccomp: Buffer;
  readonly oomScoreAdj: number;
  readonly resources: PodResources;
  readonly tty: boolean;
  readonly stdin: boolean;
  readonly stdinOnce: boolean;
  readonly logPath: string;
  readonly logMaxBytes: number;
  readonly logMaxFiles: number;
}

export interface PodExit {
  readonly containerId: string;
  readonly exitCode: number;
  readonly signal?: number;
  readonly oomKilled: boolean;
  readonly startedAt: number;
  readonly finishedAt: number;
}

export interface PodRunning {
  readonly containerId: string;
  readonly pid: number;
  readonly startedAt: number;
  /** Its cgroup is `c<index>` in the sandbox's. */
  readonly cgroupIndex: number;
}

export interface PodState {
  readonly key: string;
  readonly running: readonly PodRunning[];
  readonly exits: readonly PodExit[];
  /** The protocol's version that its supervisor speaks. */
  readonly speaker: Speaker;
}

export interface PodStreams {
  readonly stdin?: Writable;
  readonly stdout: Readable;
  readonly stderr?: Readable;
  resize(columns: number, rows: number): void;
  readonly exit: Promise<{ readonly exitCode: number }>;
  close(): void;
}

export interface PodClient {
  readonly state: PodState;
  /** Why its supervisor takes nothing but signals from this agent; undefined: it does. */
  readonly refusal: string | undefined;
  configure(configuration: PodConfiguration): Promise<void>;
  start(container: PodContainer): Promise<PodRunning>;
  signal(containerId: string, signal: number): Promise<void>;
  /** Forgets an ended container; resolves with the index of its cgroup. */
  remove(containerId: string): Promise<number>;
  exec(containerId: string, options: { readonly args: readonly string[]; readonly tty: boolean; readonly stdin: boolean }): Promise<PodStreams>;
  attach(containerId: string, options: { readonly stdin: boolean }): Promise<PodStreams>;
  dial(port: number): Promise<Duplex>;
  /** Lets go; the pod goes on. */
  close(): void;
}

export interface PodEvents {
  exited(exit: PodExit): void;
  /** The supervisor closed the connection: it is dying or dead. Not called after `close`. */
  lost(): void;
}

export interface PodGreeting {
  /** How long the supervisor may take to answer the first time; a minute if not said. */
  readonly deadlineMs?: number;
  /** Ends the attempt. */
  readonly signal?: AbortSignal;
}

const requestTimeoutMs = 60_000;
const propagations = { private: 0, slave: 1, shared: 2 } as const;

function writeResources(writer: PayloadWriter, resources: PodResources): void {
  writer.optional(resources.cpuRequestMillis).optional(resources.cpuLimitMillis).optional(resources.memoryLimitBytes).optional(resources.pidsLimit);
}

function encodeConfiguration(configuration: PodConfiguration): Buffer {
  const writer = new PayloadWriter().text(configuration.hostname);
  writer.list(Object.entries(configuration.sysctls), ([name, value]) => writer.text(name).text(value));
  writeResources(writer, configuration.resources);
  return writer.flag(configuration.shareProcesses).bytes();
}

function flagsOf(container: PodContainer): number {
  const bits = [container.readOnlyRoot, container.tty, container.stdin, container.stdinOnce, container.privileged, container.noNewPrivileges];
  return bits.reduce((flags, set, bit) => flags | (set ? 1 << bit : 0), 0);
}

export function encodeContainer(container: PodContainer): Buffer {
  const writer = new PayloadWriter().text(container.id).texts(container.layers).u32(flagsOf(container)).texts(container.args).texts(container.env);
  writer.text(container.workingDir);
  writer.list(container.mounts, (mount) => {
    writer.u32(mount.type === 'bind' ? 0 : 1).text(mount.source).text(mount.subPath ?? '').text(mount.target).flag(mount.readOnly);
    writer.optional(mount.sizeBytes).u32(propagations[mount.propagation ?? 'private']);
  });
  writer.texts(container.maskedPaths).texts(container.readOnlyPaths).u32(container.uid).u32(container.gid);
  writer.list(container.groups, (group) => writer.u32(group)).u64(container.capabilities).blob(container.seccomp).u32(container.oomScoreAdj);
  writeResources(writer, container.resources);
  return writer.text(container.logPath).u64(container.logMaxBytes).u32(container.logMaxFiles).bytes();
}

function readExit(reader: PayloadReader): PodExit {
  const [containerId, exitCode, signal, oomKilled] = [reader.text(), reader.u32(), reader.u32(), reader.u32() === 1];
  return { containerId, exitCode, ...(signal === 0 ? {} : { signal }), oomKilled, startedAt: reader.u64(), finishedAt: reader.u64() };
}

function readState(payload: Buffer): PodState {
  const reader = new PayloadReader(payload);
  return {
    key: reader.text(),
    running: reader.list(() => ({ containerId: reader.text(), pid: reader.u32(), startedAt: reader.u64(), cgroupIndex: reader.u32() })),
    exits: reader.list(() => readExit(reader)),
    speaker: readSpeaker(reader),
  };
}

/** A socket's path has 107 bytes; through the directory's descriptor any data directory fits. */
async function connectTo(directory: string): Promise<Socket> {
  const handle = await open(directory, 'r');
  try {
    const socket = createConnection({ path: `/proc/self/fd/${handle.fd}/pod.sock`, allowHalfOpen: true });
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', (error) => reject(new NativeError('Unavailable', `connecting to ${directory}/pod.sock: ${error.message}`, { cause: error })));
    });
    socket.removeAllListeners('error');
    return socket;
  } finally {
    await handle.close();
  }
}

interface OpenedStream {
  readonly socket: Socket;
  readonly rest: Buffer;
  readonly answer: Buffer;
}

/** Opens a stream's own connection: its first frame, then the OK or ERROR that answers it. What follows goes to the caller. */
async function openStream(directory: string, type: number, payload: Buffer): Promise<OpenedStream> {
  const socket = await connectTo(directory);
  socket.write(encodeFrame(type, 1, payload));
  return new Promise((resolve, reject) => {
    let received: Buffer = Buffer.alloc(0);
    const refuse = (error: Error) => {
      clearTimeout(timer);
      socket.destroy();
      reject(error);
    };
    const timer = setTimeout(() => refuse(new NativeError('Unavailable', `coracle-pod did not answer within ${requestTimeoutMs} ms`)), requestTimeoutMs);
    const gone = () => refuse(new NativeError('Unavailable', 'coracle-pod closed the connection'));
    const data = (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      if (received.length < 4 || received.length < received.readUInt32LE(0) + 4) return;
      const size = received.readUInt32LE(0) + 4;
      const [first] = createFrameParser()(received.subarray(0, size));
      if (first === undefined || first.type !== frameTypes.ok) return refuse(first === undefined ? new NativeError('Failed', 'no frame arrived') : errorOf(first));
      clearTimeout(timer);
      socket.pause();
      socket.off('data', data).off('error', refuse).off('end', gone);
      resolve({ socket, rest: received.subarray(size), answer: first.payload });
    };
    socket.on('data', data).once('error', refuse).once('end', gone);
  });
}

function stdinOf(socket: Socket): Writable {
  return new Writable({
    write(chunk: Buffer, _encoding, done) {
      socket.write(encodeFrame(frameTypes.stdin, 0, chunk), (error) => done(error ?? null));
    },
    final(done) {
      if (socket.writable) socket.write(encodeFrame(frameTypes.stdinClose, 0, Buffer.alloc(0)), () => done());
      else done();
    },
  });
}

/** Splits a connection's frames into standard output and error; a full reader pauses the connection, and so the process. */
function streamsOf(socket: Socket, rest: Buffer, options: { readonly stdin: boolean; readonly tty: boolean }): PodStreams {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const parse = createFrameParser();
  const exit = Promise.withResolvers<{ readonly exitCode: number }>();
  exit.promise.catch(() => undefined); // whoever needs it awaits it too
  const push = (stream: PassThrough, bytes: Buffer) => {
    if (stream.write(bytes)) return;
    socket.pause();
    stream.once('drain', () => socket.resume());
  };
  const received = (frame: Frame) => {
    if (frame.type === frameTypes.stdout) push(stdout, frame.payload);
    else if (frame.type === frameTypes.stderr) push(stderr, frame.payload);
    else if (frame.type === frameTypes.exit) exit.resolve({ exitCode: new PayloadReader(frame.payload).u32() });
  };
  const ended = () => {
    exit.reject(new NativeError('Unavailable', 'coracle-pod closed the connection before the process ended'));
    stdout.end();
    stderr.end();
    socket.destroy();
  };
  const data = (chunk: Buffer) => {
    try {
      for (const frame of parse(chunk)) received(frame);
    } catch {
      ended();
    }
  };
  socket.on('data', data).on('error', ended).on('end', ended).on('close', ended);
  if (rest.length > 0) data(rest);
  socket.resume();
  return {
    ...(options.stdin ? { stdin: stdinOf(socket) } : {}),
    stdout,
    ...(options.tty ? {} : { stderr }),
    resize(columns, rows) {
      if (socket.writable) socket.write(encodeFrame(frameTypes.resize, 0, new PayloadWriter().u32(columns).u32(rows).bytes()));
    },
    exit: exit.promise,
    close: () => socket.destroy(),
  };
}

/**
 * Connects to the supervisor whose socket is in `directory()`: a function, because a sandbox from the pool moves when a pod
 * takes it. Rejects with `Unavailable` when there is none. Requests that its version doesn't know reject with `Incompatible`.
 */
export async function connectPod(directory: () => string, events: PodEvents, greeting: PodGreeting = {}): Promise<PodClient> {
  const control = await connectTo(directory());
  const requests = createRequests((bytes) => control.write(bytes), 'coracle-pod');
  const parse = createFrameParser();
  let closed = false;
  control.on('data', (chunk: Buffer) => {
    try {
      for (const frame of parse(chunk)) {
        if (!requests.answered(frame) && frame.type === frameTypes.podExited) events.exited(readExit(new PayloadReader(frame.payload)));
      }
    } catch (error) {
      control.destroy(error instanceof Error ? error : new Error(String(error)));
    }
  });
  control.on('error', () => undefined); // `close` follows and says it
  control.on('end', () => control.destroy());
  control.once('close', () => {
    requests.fail(new NativeError('Unavailable', 'the pod\'s supervisor is gone'));
    if (!closed) events.lost();
  });
  let speaker = firstVersion;
  const send = async (request: PodRequest, payload: Buffer): Promise<Buffer> => {
    requireRequest(request, speaker);
    return requests.send(frameTypes[request], payload, requestTimeoutMs);
  };
  const stream = async (request: PodRequest, payload: Buffer): Promise<OpenedStream> => {
    requireRequest(request, speaker);
    return openStream(directory(), frameTypes[request], payload);
  };
  const letGo = (): void => {
    closed = true;
    control.destroy();
  };
  const greet = async (): Promise<PodState> => {
    const { deadlineMs = requestTimeoutMs, signal } = greeting;
    signal?.addEventListener('abort', letGo, { once: true });
    try {
      signal?.throwIfAborted();
      return readState(await requests.send(frameTypes.podHello, new PayloadWriter().u32(protocolVersion).bytes(), deadlineMs));
    } catch (error) {
      letGo();
      throw error;
    } finally {
      signal?.removeEventListener('abort', letGo);
    }
  };
  const state = await greet();
  ({ speaker } = state);
  return {
    state,
    refusal: refusalOf('coracle-pod', speaker),
    configure: async (configuration) => void (await send('podConfigure', encodeConfiguration(configuration))),
    async start(container) {
      const reader = new PayloadReader(await send('podStart', encodeContainer(container)));
      return { containerId: container.id, pid: reader.u32(), startedAt: reader.u64(), cgroupIndex: reader.u32() };
    },
    signal: async (containerId, signal) => void (await send('podSignal', new PayloadWriter().text(containerId).u32(signal).bytes())),
    remove: async (containerId) => new PayloadReader(await send('podRemove', new PayloadWriter().text(containerId).bytes())).u32(),
    async exec(containerId, options) {
      const payload = new PayloadWriter().text(containerId).texts(options.args).flag(options.tty).flag(options.stdin).bytes();
      const { socket, rest } = await stream('podExec', payload);
      return streamsOf(socket, rest, options);
    },
    async attach(containerId, options) {
      const { socket, rest, answer } = await stream('podAttach', new PayloadWriter().text(containerId).flag(options.stdin).bytes());
      return streamsOf(socket, rest, { ...options, tty: new PayloadReader(answer).u32() === 1 });
    },
    async dial(port) {
      const { socket, rest } = await stream('podDial', new PayloadWriter().u32(port).bytes());
      if (rest.length > 0) socket.unshift(rest); // a server that speaks first
      return socket;
    },
    close: letGo,
  };
}
