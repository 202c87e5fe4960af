import { PassThrough, type Duplex } from 'node:stream';
import { channelNamed, decodeResize, type Channel, type TerminalSize } from '../../../client/streams/channels.ts';
import type { ProcessClient } from '../session.ts';
import { createSpdyConnection, type SpdySink, type SpdyStream } from './connection.ts';
import { receiveFrom, sendBytes } from './socket.ts';
import { written } from './written.ts';

/** How long a client may take to open its streams. Source: the kubelet's `streamCreationTimeout`. */
const openMs = 30_000;

/** A process's streams over SPDY: one stream for each of them, which its client opens and names (`streamType`). Source: "remotecommand", SPDY. */
export function spdyClient(socket: Duplex, protocol: string, wanted: readonly Channel[]): ProcessClient {
  const streams = new Map<Channel, SpdyStream>();
  const input = new PassThrough();
  const ready = Promise.withResolvers<void>();
  const sizes = latestSize();
  const sinks: Partial<Record<Channel, SpdySink>> = {
    stdin: {
      async take(data, end) {
        if (!input.writableEnded) await written(input, data, end);
      },
      reset: () => void input.end(),
    },
    resize: { take: async (data) => sizes.take(data), reset: () => {} },
  };
  const connection = createSpdyConnection({
    send: (bytes) => sendBytes(socket, bytes),
    accept(headers) {
      const channel = channelNamed(headers.get('streamtype') ?? '');
      if (channel === undefined || streams.has(channel)) return undefined;
      return (stream) => {
        streams.set(channel, stream);
        if (wanted.every((each) => streams.has(each))) ready.resolve();
        return sinks[channel] ?? silent;
      };
    },
  });
  const late = AbortSignal.timeout(openMs);
  late.addEventListener('abort', () => {
    ready.reject(new Error(`the client did not open its streams within ${openMs} ms`));
    if (wanted.some((each) => !streams.has(each))) connection.close();
  }, { once: true });
  void connection.ended.then(() => {
    ready.reject(new Error('the client is gone'));
    input.end();
  });
  receiveFrom(socket, connection);
  return {
    protocol,
    ready: ready.promise,
    feed({ stdin, resize }) {
      sizes.tell(resize);
      if (stdin === undefined) return void input.resume();
      // The process has closed its input; what else is typed has no reader.
      stdin.on('error', () => void input.resume());
      input.pipe(stdin);
    },
    async send(channel, data) {
      await streams.get(channel)?.write(data);
    },
    onGone: (listener) => void connection.ended.then(listener),
    async finish() {
      for (const stream of streams.values()) await stream.end();
      connection.close();
    },
  };
}

/** Nothing comes from a client on what it reads. */
const silent: SpdySink = { take: async () => {}, reset: () => {} };

/** Sizes are lines of JSON, and may come before there is a process to tell of them. */
function latestSize() {
  let listener: ((columns: number, rows: number) => void) | undefined;
  let latest: TerminalSize | undefined;
  const pass = (): void => {
    if (latest !== undefined) listener?.(latest.width, latest.height);
  };
  return {
    take(data: Buffer): void {
      const line = data.toString().trim().split('\n').at(-1) ?? '';
      latest = decodeResize(Buffer.from(line)) ?? latest;
      pass();
    },
    tell(to: (columns: number, rows: number) => void): void {
      listener = to;
      pass();
    },
  };
}
