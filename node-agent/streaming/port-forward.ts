import type { StreamingOptions } from './server.ts';
import { StreamError } from './stream-error.ts';
import { findPod } from './target.ts';
import type { StreamSession } from './session.ts';
import { sendMessage } from './websocket.ts';
import { createForwards } from './spdy/forwards.ts';
import { receiveFrom, sendBytes } from './spdy/socket.ts';

/** kubectl tunnels SPDY through the WebSocket's binary messages. Source: KEP-4006, port-forward over WebSockets. */
export const portForwardProtocol = 'SPDY/3.1+portforward.k8s.io';
/** What it is called over SPDY itself. */
export const spdyForwardProtocol = 'portforward.k8s.io';

/** /portForward/{namespace}/{pod}: connections to ports inside the pod, two SPDY streams each (`data` and `error`). */
export function servePortForward(options: StreamingOptions, path: readonly string[]): StreamSession {
  const [namespace = '', pod = ''] = path;
  const worker = findPod(options.find, namespace, pod);
  if (worker.sandbox() === undefined) throw new StreamError(404, `sandbox of pod "${namespace}/${pod}" is not running`);
  const dial = async (port: number): Promise<NodeJS.ReadWriteStream> => {
    const sandbox = worker.sandbox();
    if (sandbox === undefined) throw new Error('the pod sandbox is gone');
    return await sandbox.dial(port);
  };
  return {
    async overWebSocket(socket) {
      const connection = createForwards({ send: (bytes) => sendMessage(socket, bytes), dial });
      socket.on('message', (message) => {
        void connection.receive(Buffer.isBuffer(message) ? message : Buffer.concat([message].flat().map((part) => Buffer.from(part as ArrayBuffer))));
      });
      socket.on('close', () => connection.close());
      socket.resume();
      await connection.ended;
      socket.close(1000);
    },
    async overSpdy(socket) {
      const connection = createForwards({ send: (bytes) => sendBytes(socket, bytes), dial });
      receiveFrom(socket, connection);
      await connection.ended;
    },
  };
}
