/** The typed client of `coracle-pod`: one control connection, and one connection per exec, attach or port-forward. */
import type { Duplex } from 'node:stream';
import { encodeConfiguration, encodeContainer, encodeResize, readExit, readState, type CgroupResources, type ContainerExit, type PodConfiguration, type PodContainer, type PodRunning, type PodState } from './container.ts';
import { createFrameParser, createRequests, frameTypes, NativeError, PayloadReader, PayloadWriter } from './frame.ts';
import { connectTo, openStream, requestTimeoutMs, streamsOf, type OpenedStream, type ProcessStreams } from './streams.ts';
import { firstVersion, protocolVersion, refusalOf, knowsField, requireField, requireRequest, type PodField, type PodRequest } from './version.ts';

export interface PodClient {
  readonly state: PodState;
  /** Why its supervisor takes nothing but signals from this agent; undefined: it does. */
  readonly refusal: string | undefined;
  /** Whether its supervisor reads a field of a container; one that it would ignore is refused. */
  knows(field: PodField): boolean;
  configure(configuration: PodConfiguration): Promise<void>;
  start(container: PodContainer): Promise<PodRunning>;
  signal(containerId: string, signal: number): Promise<void>;
  /** Changes what a running container may use, or the pod as a whole (undefined). What is absent stays as it is. */
  resize(containerId: string | undefined, resources: CgroupResources): Promise<void>;
  /** Forgets an ended container; resolves with the index of its cgroup. */
  remove(containerId: string): Promise<number>;
  exec(containerId: string, options: { readonly args: readonly string[]; readonly tty: boolean; readonly stdin: boolean }): Promise<ProcessStreams>;
  attach(containerId: string, options: { readonly stdin: boolean }): Promise<ProcessStreams>;
  dial(port: number): Promise<Duplex>;
  /** Lets go; the pod goes on. */
  close(): void;
}

export interface PodEvents {
  exited(exit: ContainerExit): void;
  /** The supervisor closed the connection: it is dying or dead. Not called after `close`. */
  lost(): void;
}

export interface PodGreeting {
  /** How long the supervisor may take to answer the first time; a minute if not said. */
  readonly deadlineMs?: number;
  /** Ends the attempt. */
  readonly signal?: AbortSignal;
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
  const requireFiles = ({ files = [] }: CgroupResources): void => {
    if (files.some(({ isOptional = false }) => !isOptional)) requireField('cgroupFiles', speaker);
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
    knows: (field) => knowsField(field, speaker),
    async configure(configuration) {
      requireFiles(configuration.resources);
      await send('podConfigure', encodeConfiguration(configuration));
    },
    async start(container) {
      requireFiles(container.resources);
      if (container.joins !== undefined) requireField('joins', speaker);
      if (container.mounts.some(({ type }) => type === 'image')) requireField('imageMounts', speaker);
      if (container.runtime !== undefined) requireField('runtime', speaker);
      if (container.mounts.some(({ recursiveReadOnly }) => recursiveReadOnly === true)) requireField('recursiveReadOnly', speaker);
      if (container.project !== undefined) requireField('project', speaker);
      const reader = new PayloadReader(await send('podStart', encodeContainer(container)));
      return { containerId: container.id, pid: reader.u32(), startedAt: reader.u64(), cgroupIndex: reader.u32() };
    },
    signal: async (containerId, signal) => void (await send('podSignal', new PayloadWriter().text(containerId).u32(signal).bytes())),
    async resize(containerId, resources) {
      requireFiles(resources);
      await send('podResize', encodeResize(containerId ?? '', resources));
    },
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
