import { dataFrame, parseFrames, pingFrame, replyFrame, resetFrame, type SpdyFrame } from './frames.ts';
import { createHeaderReader, createHeaderWriter } from './header-block.ts';

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
  readonly port: number;
  readonly errorStream: number;
  target?: NodeJS.ReadWriteStream;
}

/** Most connections that one client may have open. */
const mostForwards = 256;

/**
 * Kubernetes' port-forward protocol over SPDY: for each connection the client opens an `error` stream and then a `data`
 * stream, both with a port and a request id in their headers. Source: "portforward.k8s.io", kubelet streaming.
 */
export function createSpdyConnection(options: SpdyConnectionOptions): SpdyConnection {
  const reader = createHeaderReader();
  const writer = createHeaderWriter();
  const forwards = new Map<string, Forward>();
  const byDataStream = new Map<number, Forward>();
  const over = Promise.withResolvers<void>();
  let rest: Buffer = Buffer.alloc(0);
  let queue: Promise<void> = Promise.resolve();
  let isOver = false;

  function close(): void {
    if (isOver) return;
    isOver = true;
    for (const forward of byDataStream.values()) destroy(forward.target);
    reader.close();
    writer.close();
    over.resolve();
  }

  async function opened(streamId: number, headerBlock: Buffer): Promise<void> {
    const headers = await reader.read(headerBlock);
    const id = headers.get('requestid') ?? headers.get('port') ?? '';
    const port = Number(headers.get('port'));
    const kind = headers.get('streamtype');
    const isValid = Number.isInteger(port) && port > 0 && port < 65536 && (kind === 'error' || kind === 'data') && forwards.size < mostForwards;
    if (!isValid) return await options.send(resetFrame(streamId));
    await options.send(replyFrame(streamId, await writer.write(new Map())));
    if (kind === 'error') {
      forwards.set(id, { port, errorStream: streamId });
      return;
    }
    const forward = forwards.get(id);
    if (forward === undefined) return await options.send(resetFrame(streamId));
    byDataStream.set(streamId, forward);
    await connect(streamId, id, forward);
  }

  async function connect(streamId: number, id: string, forward: Forward): Promise<void> {
    try {
      forward.target = await options.dial(forward.port);
    } catch (error) {
      const cause = error instanceof Error ? error.message : String(error);
      await options.send(dataFrame(forward.errorStream, Buffer.from(`error forwarding port ${forward.port} to pod: ${cause}`), true));
      await options.send(dataFrame(streamId, Buffer.alloc(0), true));
      byDataStream.delete(streamId);
      forwards.delete(id);
      return;
    }
    void copyBack(streamId, id, forward, forward.target);
  }

  async function copyBack(streamId: number, id: string, forward: Forward, target: NodeJS.ReadWriteStream): Promise<void> {
    try {
      for await (const chunk of target) await options.send(dataFrame(streamId, Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk), false));
    } catch {
      // The pod closed its end abruptly: for the client that is the end of the connection too.
    }
    byDataStream.delete(streamId);
    forwards.delete(id);
    if (isOver) return;
    await options.send(dataFrame(streamId, Buffer.alloc(0), true)).catch(close);
    await options.send(dataFrame(forward.errorStream, Buffer.alloc(0), true)).catch(close);
  }

  async function take(frame: SpdyFrame): Promise<void> {
    switch (frame.type) {
      case 'synStream': return await opened(frame.streamId, frame.headerBlock);
      case 'data': return await written(frame.streamId, frame.data, frame.end);
      case 'reset': return destroy(byDataStream.get(frame.streamId)?.target);
      case 'ping': return await options.send(pingFrame(frame.id));
      case 'goAway': return close();
      case 'other':
        // It belongs to the one compressed stream, whatever it says.
        if (frame.headerBlock !== undefined && frame.headerBlock.length > 0) await reader.read(frame.headerBlock);
    }
  }

  /** Waits for a slow pod: the client's next frame is read when this one has been taken. */
  async function written(streamId: number, data: Buffer, end: boolean): Promise<void> {
    const target = byDataStream.get(streamId)?.target;
    if (target === undefined) return;
    if (data.length > 0 && !target.write(data)) await drained(target);
    if (end) target.end();
  }

  return {
    ended: over.promise,
    close,
    receive(bytes) {
      queue = queue.then(async () => {
        if (isOver) return;
        const parsed = parseFrames(Buffer.concat([rest, bytes]));
        rest = parsed.rest;
        for (const frame of parsed.frames) await take(frame);
      }).catch(close);
      return queue;
    },
  };
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
