import { encodeFailure } from '../../client/streams/channels.ts';
import type { StreamingOptions } from './server.ts';
import { StreamError } from './stream-error.ts';
import { findPod, runningTarget } from './target.ts';
import { copyOut, processSession, sendExit } from './process-session.ts';
import { asks, type StreamSession } from './session.ts';
import { messageOf } from '../../machinery/thrown.ts';

/** /exec/{namespace}/{pod}/{container}?command=…&input&output&error&tty */
export async function serveExec(options: StreamingOptions, path: readonly string[], query: URLSearchParams): Promise<StreamSession> {
  const [namespace = '', pod = '', container = ''] = path;
  const worker = findPod(options.find, namespace, pod);
  const { sandbox, containerId } = runningTarget(worker, container);
  const args = query.getAll('command');
  if (args.length === 0) throw new StreamError(400, 'you must specify a command');
  const tty = asks(query, 'tty');
  return processSession(query, async (client) => {
    await client.ready;
    let streams;
    try {
      streams = await sandbox.exec(containerId, { args, tty, stdin: asks(query, 'input', 'stdin') });
    } catch (error) {
      await client.send('error', commandFailure(error, client.protocol));
      await client.finish();
      return;
    }
    client.feed(streams);
    const { close } = streams;
    client.onGone(() => close.call(streams));
    try {
      const [, , { exitCode }] = await Promise.all([copyOut(client, 'stdout', streams.stdout), copyOut(client, 'stderr', streams.stderr), streams.exit]);
      await sendExit(client, exitCode);
    } finally {
      close.call(streams);
    }
  });
}

/** In the kubelet's words; a command that isn't there is among the causes. */
function commandFailure(error: unknown, protocol: string): Buffer {
  return encodeFailure(`Internal error occurred: error executing command in container: ${messageOf(error)}`, protocol);
}
