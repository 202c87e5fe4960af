import { finished } from 'node:stream/promises';
import { abortable } from '../../machinery/abortable.ts';
import type { PodHandle } from './handle.ts';

/** Output of a hook or probe that is kept, bytes: as much as Kubernetes shows. */
const keptBytes = 10 * 1024;

/** Runs a command in a running container and answers how it ended, with the beginning of what it wrote. Aborting ends it. */
export async function runInContainer(
  handle: Pick<PodHandle, 'sandbox'>, containerId: string, args: readonly string[], signal: AbortSignal,
): Promise<{ readonly exitCode: number; readonly output: string }> {
  const sandbox = handle.sandbox();
  if (sandbox === undefined) throw new Error('the pod sandbox is gone');
  const streams = await sandbox.exec(containerId, { args, tty: false, stdin: false });
  const chunks: Buffer[] = [];
  let kept = 0;
  const keep = (chunk: unknown): void => {
    if (!Buffer.isBuffer(chunk) || kept >= keptBytes) return;
    chunks.push(chunk.subarray(0, keptBytes - kept));
    kept += chunk.length;
  };
  streams.stdout.on('data', keep);
  streams.stderr?.on('data', keep);
  // What it wrote last may be read after its exit is known.
  const written = [streams.stdout, streams.stderr].map((stream) => (stream === undefined ? undefined : finished(stream)));
  try {
    const [{ exitCode }] = await abortable(Promise.all([streams.exit, ...written]), signal);
    return { exitCode, output: Buffer.concat(chunks).toString('utf8') };
  } finally {
    streams.close();
  }
}
