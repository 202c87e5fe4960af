import type { StreamingOptions } from './server.ts';
import { findPod, runningTarget } from './target.ts';
import { copyOut, processSession, sendExit } from './process-session.ts';
import { asks, type StreamSession } from './session.ts';

/** /attach/{namespace}/{pod}/{container}?input&output&error&tty: the container's own streams. */
export async function serveAttach(options: StreamingOptions, path: readonly string[], query: URLSearchParams): Promise<StreamSession> {
  const [namespace = '', pod = '', container = ''] = path;
  const { sandbox, containerId } = runningTarget(findPod(options.find, namespace, pod), container);
  const streams = await sandbox.attach(containerId, { stdin: asks(query, 'input', 'stdin') });
  return processSession(query, async (client) => {
    try {
      await client.ready;
      client.feed(streams);
      client.onGone(() => streams.close());
      await Promise.all([copyOut(client, 'stdout', streams.stdout), copyOut(client, 'stderr', streams.stderr), streams.exit]);
      await sendExit(client, 0);
    } finally {
      streams.close();
    }
  });
}
