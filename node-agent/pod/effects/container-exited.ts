import { open } from 'node:fs/promises';
import type { Container } from '../../../machinery/kinds/core.ts';
import type { ContainerExit, Sandbox } from '../../runtime/runtime.ts';
import { exitOf } from '../adopt.ts';
import { terminationFile } from '../files.ts';
import type { PodHandle } from '../handle.ts';
import { containersOf, recordOf, withExit, withStarted, type Exit } from '../state.ts';
import { removeRun } from '../unowned.ts';
import { lastLines } from '../../streaming/log-tail.ts';

/** "Termination messages": at most so much of the file, or of the log's end. */
const longestMessage = 4096;
const longestFromLog = 2048;
const linesFromLog = 80;

/** Takes an exit that the runtime reports into the pod's state. */
export async function containerExited(handle: PodHandle, exit: ContainerExit): Promise<void> {
  const record = [...handle.state().containers.values()].find((each) => each.current?.id === exit.containerId || each.pending?.id === exit.containerId);
  const container = containersOf(handle.pod()).find((each) => each.spec.name === record?.name)?.spec;
  // Its start was given up before it was answered.
  if (record === undefined) return removeRun(handle, exit.containerId);
  if (container === undefined) return;
  const isPending = record.pending?.id === exit.containerId;
  const logPath = (isPending ? record.pending : record.current)?.logPath ?? '';
  const message = await terminationMessage(handle, container, exit, logPath);
  const ended: Exit = { ...exitOf(exit), ...(message === undefined ? {} : { message }) };
  handle.changeContainer(record.name, (each) => {
    // While the start is still being answered for, that task goes on and clears its mark itself.
    if (each.pending?.id === exit.containerId) return { ...withExit(withStarted(each, exit.startedAt), ended), activity: 'starting' };
    return each.current?.id === exit.containerId ? withExit(each, ended) : each;
  });
}

/** What the containers that `sandbox` was found with as ended have said last, by their ids: nobody was there to read it. */
export async function lastWords(handle: PodHandle, sandbox: Sandbox): Promise<ReadonlyMap<string, string>> {
  const words = new Map<string, string>();
  for (const { spec } of containersOf(handle.pod())) {
    const { current, pending } = recordOf(handle.state(), spec.name);
    for (const run of [current, pending]) {
      const exit = sandbox.exits.get(run?.id ?? '');
      const message = run === undefined || exit === undefined ? undefined : await terminationMessage(handle, spec, exit, run.logPath);
      if (message !== undefined) words.set(exit?.containerId ?? '', message);
    }
  }
  return words;
}

/** One that can't be read is none. */
async function terminationMessage(handle: PodHandle, container: Container, exit: ContainerExit, logPath: string): Promise<string | undefined> {
  return await readMessage(handle, container, exit, logPath).catch((error: unknown) => {
    handle.node.log.warn({ err: error, uid: handle.uid, containerId: exit.containerId }, 'a termination message was not read');
    return undefined;
  });
}

async function readMessage(handle: PodHandle, container: Container, exit: ContainerExit, logPath: string): Promise<string | undefined> {
  const text = await readBeginning(terminationFile(handle, exit.containerId), longestMessage);
  if (text !== '') return text;
  if (container.terminationMessagePolicy !== 'FallbackToLogsOnError' || exit.exitCode === 0) return undefined;
  const lines = (await lastLines(logPath, linesFromLog)).slice(-longestFromLog);
  return lines === '' ? undefined : lines;
}

async function readBeginning(path: string, bytes: number): Promise<string> {
  const file = await open(path).catch(() => undefined);
  if (file === undefined) return '';
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(bytes), 0, bytes, 0);
    return buffer.toString('utf8', 0, bytesRead);
  } finally {
    await file.close();
  }
}
