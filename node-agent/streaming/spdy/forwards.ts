import { createSpdyConnection, type SpdyConnection, type SpdySink, type SpdyStream } from './connection.ts';
import { written } from './written.ts';
import { messageOf } from '../../../machinery/thrown.ts';

export interface ForwardsOptions {
  /** Bytes for the client; resolves when more may follow. */
  send(bytes: Buffer): Promise<void>;
  /** A connection to a port inside the pod. */
  dial(port: number): Promise<NodeJS.ReadWriteStream>;
}

/** One forwarded connection: the pair of streams that have the same request id. */
interface Forward {
  readonly id: string;
  readonly port: number;
  readonly errorStream: SpdyStream;
  isConnected: boolean;
}

/** Most connections that one client may have open. */
const mostForwards = 256;

/**
 * Kubernetes' port-forward protocol over SPDY: for each connection the client opens an `error` stream and then a `data`
 * stream, both with a port and a request id in their headers. Source: "portforward.k8s.io", kubelet streaming.
 */
export function createForwards({ send, dial }: ForwardsOptions): SpdyConnection {
  /** By request id, from the `error` stream on. */
  const forwards = new Map<string, Forward>();

  /** Ends both streams of a forwarded connection; `failure` is what the client prints, '' for none. */
  async function finish(stream: SpdyStream, { id, errorStream }: Forward, failure: string): Promise<void> {
    forwards.delete(id);
    if (failure !== '') await errorStream.write(Buffer.from(failure));
    await errorStream.end();
    await stream.end();
  }

  /** Passes on what the pod answers, until it has no more. */
  async function copyBack(stream: SpdyStream, forward: Forward, target: NodeJS.ReadWriteStream): Promise<void> {
    try {
      for await (const chunk of target) await stream.write(Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk));
    } catch {
      // The pod closed its end abruptly: for the client that is the end of the connection too.
    }
    await finish(stream, forward, '');
  }

  function connect(stream: SpdyStream, forward: Forward): SpdySink {
    forward.isConnected = true;
    const target = dial(forward.port).then((opened) => {
      copyBack(stream, forward, opened).catch(() => connection.close());
      return opened;
    }, (error: unknown) => {
      finish(stream, forward, `error forwarding port ${forward.port} to pod: ${messageOf(error)}`).catch(() => connection.close());
      return undefined;
    });
    return {
      async take(data, end) {
        const opened = await target;
        if (opened !== undefined) await written(opened, data, end);
      },
      reset: () => void target.then(destroy),
    };
  }

  const connection = createSpdyConnection({
    send,
    accept(headers) {
      const id = headers.get('requestid') ?? headers.get('port') ?? '';
      const port = Number(headers.get('port'));
      if (!Number.isInteger(port) || port <= 0 || port >= 65536) return undefined;
      const kind = headers.get('streamtype');
      const forward = forwards.get(id);
      if (kind === 'data' && forward?.isConnected === false) return (stream) => connect(stream, forward);
      if (kind !== 'error' || forward !== undefined || forwards.size >= mostForwards) return undefined;
      return (errorStream) => {
        forwards.set(id, { id, port, errorStream, isConnected: false });
        return silent;
      };
    },
  });
  return connection;
}

/** Clients say nothing on an `error` stream. */
const silent: SpdySink = { take: async () => {}, reset: () => {} };

function destroy(stream: NodeJS.ReadWriteStream | undefined): void {
  if (stream !== undefined && 'destroy' in stream && typeof stream.destroy === 'function') stream.destroy();
}
