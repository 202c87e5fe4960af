import { WebSocketServer } from 'ws';
import type { WatchResult } from '../request.ts';
import type { Change } from '../store/cache.ts';
import type { Splice } from './splice.ts';
import type { SharedFrames } from './shared-frames.ts';
import { flowTo, framed, type WatchForm } from './watch-stream.ts';
import type { WatchQueues } from './watch-queues.ts';

/** What a client may say at once: nothing that it says is heard. */
const maxPayload = 64 * 1024;
const sockets = new WebSocketServer({ noServer: true, clientTracking: false, perMessageDeflate: false, maxPayload });
/** What stands before each event of a stream in protobuf; a message has a length of its own. */
const lengthBytes = 4;

/**
 * Answers with a watch's changes, each a message of a WebSocket: text, or binary for protobuf. A handshake that is none is refused
 * (400, 426). Resolves when it is over. Source: Kubernetes' endpoints/handlers/watch.go.
 */
export function watchOverSocket({ request, socket, head }: Splice, result: WatchResult, form: WatchForm, frames: SharedFrames, queues: WatchQueues, stopped: AbortSignal): Promise<void> {
  if (socket.destroyed) return Promise.resolve();
  const isBinary = 'shared' in form && form.shared.startsWith('protobuf');
  const message = (frame: Buffer): Buffer => (isBinary ? frame.subarray(lengthBytes) : frame);
  return new Promise((resolve, reject) => {
    // Refused, it is closed by whoever refused it.
    socket.once('close', resolve);
    sockets.handleUpgrade(request, socket, head, (client) => {
      client.on('error', () => { client.terminate(); });
      const send = (frame: Buffer): void => { client.send(message(frame), { binary: isBinary }); };
      flowTo({
        stream: socket,
        changes: (batch: readonly Change[]) => { for (const change of batch) send(framed(result, form, frames, [change])); },
        finish(last) {
          if (last !== undefined) send(last);
          client.close();
        },
        abort: () => { client.terminate(); },
        onEnd: (run) => void socket.once('close', run),
      }, result, form, queues, stopped).catch(reject);
    });
  });
}
