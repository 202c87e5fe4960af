import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { systemCode } from '../../machinery/thrown.ts';
import type { NodeContext, PodHandle } from './handle.ts';
import { removeLog, removeRunFiles } from './files.ts';
import { podDirectory } from './records.ts';
import type { Run } from './state.ts';

/** Removes the directories of pods that nobody knows: neither a worker of this agent nor the API. Earlier agents left them half made or half removed. */
export async function removeUnowned({ dataDir, runtime, log }: NodeContext, isOwned: (uid: string) => boolean): Promise<void> {
  const uids = await readdir(join(dataDir, 'pods')).catch((error: unknown) => {
    if (systemCode(error) === 'ENOENT') return [];
    throw error;
  });
  for (const uid of uids) {
    if (isOwned(uid)) continue;
    log.warn({ uid }, 'the directory of a pod that nobody knows is removed');
    await runtime.removeDirectory(podDirectory(dataDir, uid)).catch((error: unknown) => log.error({ err: error, uid }, 'the directory of a pod that nobody knows was not removed'));
  }
}

/**
 * Ends containers of a sandbox that was taken over that no record has, and removes what ended ones left: an earlier agent did not
 * live to see their start refused or their remains removed.
 */
export async function clearStrays(handle: PodHandle): Promise<void> {
  const sandbox = handle.sandbox();
  if (sandbox === undefined || !sandbox.answers || sandbox.refusal !== undefined) return;
  const owned = new Set([...handle.state().containers.values()].flatMap(({ current, pending }) => [current?.id, pending?.id]));
  const isStray = (id: string): boolean => !owned.has(id);
  // Looked at together: what is started from now on is no stray.
  const [running, ended] = [[...sandbox.running.keys()].filter(isStray), [...sandbox.exits.keys()].filter(isStray)];
  for (const id of running) await sandbox.signal(id, killSignal).catch((error: unknown) => notCleared(handle, id, error));
  for (const id of ended) await removeRun(handle, id);
}

const killSignal = 9;

/** Removes what an ended run has left that nothing will be read of any more. */
export async function removeRun(handle: PodHandle, containerId: string): Promise<void> {
  try {
    await handle.sandbox()?.remove(containerId);
    await removeRunFiles(handle, containerId);
  } catch (error) {
    notCleared(handle, containerId, error);
  }
}

/** The logs of the newest run and the one before it are kept, as Kubernetes does. */
export async function clearRun(handle: PodHandle, ended: Run, previous: Run | undefined): Promise<void> {
  await removeRun(handle, ended.id);
  if (previous !== undefined) await removeLog(previous.logPath).catch((error: unknown) => notCleared(handle, previous.id, error));
}

export function notCleared(handle: PodHandle, containerId: string, error: unknown): void {
  handle.node.log.warn({ err: error, uid: handle.uid, containerId }, 'what an ended container left was not removed');
}
