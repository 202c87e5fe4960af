/** A connection of its own for each exec, attach and port-forward. */
import { open } from 'node:fs/promises';
import { createConnection, type Socket } from 'node:net';
import { PassThrough, Writable } from 'node:stream';
import { createFrameParser, encodeFrame, errorOf, frameTypes, NativeError, PayloadReader, PayloadWriter, type Frame } from './frame.ts';

/** A process started by exec, or the container's own streams by attach. Back-pressure is the sockets'. */
export interface ProcessStreams {
  /** Present when asked for. Ending it is end of input. */
  readonly stdin?: NodeJS.WritableStream;
  readonly stdout: NodeJS.ReadableStream;
  /** Absent with a terminal. */
  readonly stderr?: NodeJS.ReadableStream;
  resize(columns: number, rows: number): void;
  /** Resolves when the process has ended (exec), or the streams have (attach: exit code 0). */
  readonly exit: Promise<{ readonly exitCode: number }>;
  /** Ends the process (exec) or only the connection (attach). */
  close(): void;
}

/** How long `coracle-pod` may take to answer one request. */
export const requestTimeoutMs = 60_000;

/** A socket's path has 107 bytes; through the directory's descriptor any data directory fits. */
export async function connectTo(directory: string): Promise<Socket> {
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

export interface OpenedStream {
  readonly socket: Socket;
  readonly rest: Buffer;
  readonly answer: Buffer;
}

/** Opens a stream's own connection: its first frame, then the OK or ERROR that answers it. What follows goes to the caller. */
export async function openStream(directory: string, type: number, payload: Buffer): Promise<OpenedStream> {
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
export function streamsOf(socket: Socket, rest: Buffer, options: { readonly stdin: boolean; readonly tty: boolean }): ProcessStreams {
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
