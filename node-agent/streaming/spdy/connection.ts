import { dataFrame, parseFrames, pingFrame, replyFrame, resetFrame, type SpdyFrame } from './frames.ts';
import { createHeaderReader, createHeaderWriter, type HeaderReader, type HeaderWriter } from './header-block.ts';
import { messageOf } from '../../../machinery/thrown.ts';

export interface SpdyConnectionOptions {
  /** Bytes for the client; resolves when more may follow. */
  send(bytes: Buffer): Promise<void>;
  /** A connection to a port inside the pod. */
  dial(port: number): Promise<NodeJS.ReadWriteStream>;
}

export interface SpdyConnection {
  /** Bytes of the client, in order. */
  receive(bytes: Buffer): Promise<void>;
  close(): void;
  /** Resolves when it is over, for whatever reason. */
  readonly ended: Promise<void>;
}

/** One forwarded connection: the pair of streams that have the same request id. */
interface Forward {
  readonly id: string;
  readonly port: number;
  readonly errorStream: number;
  target?: NodeJS.ReadWriteStream;
}

/** Most connections that one client may have open. */
const mostForwards = 256;

/** One client's connection. */
interface Session {
  readonly options: SpdyConnectionOptions;
  readonly reader: HeaderReader;
  readonly writer: HeaderWriter;
  /** By request id, from the `error` stream on. */
  readonly forwards: Map<string, Forward>;
  readonly byDataStream: Map<number, Forward>;
  isOver: boolean;
  close(): void;
}

/**
 * Kubernetes' port-forward protocol over SPDY: for each connection the client opens an `error` stream and then a `data`
 * stream, both with a port and a request id in their headers. Source: "portforward.k8s.io", kubelet streaming.
 */
export function createSpdyConnection(options: SpdyConnectionOptions): SpdyConnection {
  const over = Promise.withResolvers<void>();
  let rest: Buffer = Buffer.alloc(0);
  let queue: Promise<void> = Promise.resolve();
  const session: Session = {
    options, reader: createHeaderReader(), writer: createHeaderWriter(), forwards: new Map(), byDataStream: new Map(), isOver: false,
    close() {
      if (session.isOver) return;
      session.isOver = true;
      for (const forward of session.byDataStream.values()) destroy(forward.target);
      session.reader.close();
      session.writer.close();
      over.resolve();
    },
  };
  return {
    ended: over.promise,
    close: () => session.close(),
    receive(bytes) {
      queue = queue.then(async () => {
        if (session.isOver) return;
        const parsed = parseFrames(Buffer.concat([rest, bytes]));
        rest = parsed.rest;
        for (const frame of parsed.frames) await take(session, frame);
      }).catch(() => session.close());
      return queue;
    },
  };
}

async function take(session: Session, frame: SpdyFrame): Promise<void> {
  switch (frame.type) {
    case 'synStream': return await opened(session, frame.streamId, frame.headerBlock);
    case 'data': return await written(session.byDataStream.get(frame.streamId)?.target, frame.data, frame.end);
    case 'reset': return destroy(session.byDataStream.get(frame.streamId)?.target);
    case 'ping': return await session.options.send(pingFrame(frame.id));
    case 'goAway': return session.close();
    case 'other':
      // It belongs to the one compressed stream, whatever it says.
      if (frame.headerBlock !== undefined && frame.headerBlock.length > 0) await session.reader.read(frame.headerBlock);
  }
}

async function opened(session: Session, streamId: number, headerBlock: Buffer): Promise<void> {
  const { options, forwards } = session;
  const headers = await session.reader.read(headerBlock);
  const id = headers.get('requestid') ?? headers.get('port') ?? '';
  const port = Number(headers.get('port'));
  const kind = headers.get('streamtype');
  const isValid = Number.isInteger(port) && port > 0 && port < 65536 && (kind === 'error' ? forwards.size < mostForwards : kind === 'data' && forwards.has(id));
  if (!isValid) return await options.send(resetFrame(streamId));
  await options.send(replyFrame(streamId, await session.writer.write(new Map())));
  const forward = forwards.get(id);
  if (kind === 'error') forwards.set(id, { id, port, errorStream: streamId });
  else if (forward !== undefined) await connect(session, streamId, forward);
}

async function connect(session: Session, streamId: number, forward: Forward): Promise<void> {
  session.byDataStream.set(streamId, forward);
  try {
    forward.target = await session.options.dial(forward.port);
    void copyBack(session, streamId, forward, forward.target);
  } catch (error) {
    const cause = messageOf(error);
    await finish(session, streamId, forward, `error forwarding port ${forward.port} to pod: ${cause}`);
  }
}

async function copyBack(session: Session, streamId: number, forward: Forward, target: NodeJS.ReadWriteStream): Promise<void> {
  try {
    for await (const chunk of target) await session.options.send(dataFrame(streamId, Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk), false));
  } catch {
    // The pod closed its end abruptly: for the client that is the end of the connection too.
  }
  await finish(session, streamId, forward, '').catch(() => session.close());
}

/** Ends both streams of a forwarded connection; `failure` is what the client prints, '' for none. */
async function finish(session: Session, streamId: number, forward: Forward, failure: string): Promise<void> {
  session.byDataStream.delete(streamId);
  session.forwards.delete(forward.id);
  if (session.isOver) return;
  await session.options.send(dataFrame(forward.errorStream, Buffer.from(failure), true));
  await session.options.send(dataFrame(streamId, Buffer.alloc(0), true));
}

/** Waits for a slow pod: the client's next frame is read when this one has been taken. */
async function written(target: NodeJS.ReadWriteStream | undefined, data: Buffer, end: boolean): Promise<void> {
  if (target === undefined) return;
  if (data.length > 0 && !target.write(data)) await drained(target);
  if (end) target.end();
}

function destroy(stream: NodeJS.ReadWriteStream | undefined): void {
  if (stream !== undefined && 'destroy' in stream && typeof stream.destroy === 'function') stream.destroy();
}

function drained(stream: NodeJS.ReadWriteStream): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      for (const event of ['drain', 'close', 'error']) stream.off(event, done);
      resolve();
    };
    for (const event of ['drain', 'close', 'error']) stream.on(event, done);
  });
}
