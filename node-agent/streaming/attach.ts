import type { StreamingOptions } from './server.ts';
import { findPod, runningTarget } from './target.ts';
import { asks, type StreamSession } from './session.ts';
import { copyIn, copyOut, sendExit } from './websocket.ts';

/** /attach/{namespace}/{pod}/{container}?input&output&error&tty: the container's own streams. */
export async function serveAttach(options: StreamingOptions, path: readonly string[], query: URLSearchParams): Promise<StreamSession> {
  const [namespace = '', pod = '', container = ''] = path;
  const { sandbox, containerId } = runningTarget(findPod(options.find, namespace, pod), container);
  const streams = await sandbox.attach(containerId, { stdin: asks(query, 'input', 'stdin') });
  return async (socket) => {
    copyIn(socket, streams);
    socket.on('close', () => streams.close());
    try {
      await Promise.all([copyOut(socket, 'stdout', streams.stdout), copyOut(socket, 'stderr', streams.stderr), streams.exit]);
      await sendExit(socket, 0);
      socket.close(1000);
    } finally {
      streams.close();
    }
  };
}
