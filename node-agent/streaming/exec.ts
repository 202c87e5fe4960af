import { encodeFailure } from '../../client/streams/channels.ts';
import type { StreamingOptions } from './server.ts';
import { StreamError } from './stream-error.ts';
import { findPod, runningTarget } from './target.ts';
import { asks, type StreamSession } from './session.ts';
import { copyIn, copyOut, sendExit, sendMessage } from './websocket.ts';
import { messageOf } from '../../machinery/thrown.ts';

/** /exec/{namespace}/{pod}/{container}?command=…&input&output&error&tty */
export async function serveExec(options: StreamingOptions, path: readonly string[], query: URLSearchParams): Promise<StreamSession> {
  const [namespace = '', pod = '', container = ''] = path;
  const worker = findPod(options.find, namespace, pod);
  const { sandbox, containerId } = runningTarget(worker, container);
  const args = query.getAll('command');
  if (args.length === 0) throw new StreamError(400, 'you must specify a command');
  const tty = asks(query, 'tty');
  return async (socket) => {
    let streams;
    try {
      streams = await sandbox.exec(containerId, { args, tty, stdin: asks(query, 'input', 'stdin') });
    } catch (error) {
      await sendMessage(socket, commandFailure(error, socket.protocol));
      socket.resume();
      socket.close(1000);
      return;
    }
    copyIn(socket, streams);
    const { close } = streams;
    socket.on('close', () => close.call(streams));
    try {
      const [, , { exitCode }] = await Promise.all([copyOut(socket, 'stdout', streams.stdout), copyOut(socket, 'stderr', streams.stderr), streams.exit]);
      await sendExit(socket, exitCode);
      socket.close(1000);
    } finally {
      close.call(streams);
    }
  };
}

/** In the kubelet's words; a command that isn't there is among the causes. */
function commandFailure(error: unknown, protocol: string): Buffer {
  return encodeFailure(`Internal error occurred: error executing command in container: ${messageOf(error)}`, protocol);
}
