import { watch } from 'node:fs';
import { readFile, readlink, rm, symlink } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { systemCode } from '../../machinery/thrown.ts';

/**
 * A lock between processes: a symbolic link whose target names its holder, made by one atomic call. A holder that died is
 * found by its pid and start time, so a lock never outlives a crash. It is waited for until the deadline, or until `stop` aborts.
 */
export async function withLock<T>(path: string, deadlineMs: number, work: () => Promise<T>, stop?: AbortSignal): Promise<T> {
  const signal = AbortSignal.any([AbortSignal.timeout(deadlineMs), ...(stop === undefined ? [] : [stop])]);
  const me = await holderName(process.pid);
  while (!(await take(path, me ?? `${process.pid}:?`))) await released(path, signal);
  try {
    return await work();
  } finally {
    await rm(path, { force: true });
  }
}

async function take(path: string, holder: string): Promise<boolean> {
  try {
    await symlink(holder, path);
    return true;
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw error;
  }
  const other = await readlink(path).catch(() => undefined);
  if (other === undefined) return false;
  const pid = Number(other.split(':')[0]);
  if ((await holderName(pid)) === other) return false;
  await rm(path, { force: true });
  return false;
}

/** `pid:start time in clock ticks`; undefined when there is no such process. */
async function holderName(pid: number): Promise<string | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  // The fields after the command, which is in parentheses and may hold anything.
  return stat === undefined ? undefined : `${pid}:${stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '?'}`;
}

/** Resolves when the lock may be free: its file went, or a second has passed (the holder may have died without a trace). */
async function released(path: string, deadline: AbortSignal): Promise<void> {
  deadline.throwIfAborted();
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const signal = AbortSignal.any([deadline, AbortSignal.timeout(1000)]);
  signal.addEventListener('abort', () => resolve(), { once: true });
  const watcher = watch(dirname(path), (_event, name) => {
    if (name === basename(path)) resolve();
  });
  watcher.on('error', reject);
  try {
    // It may have gone before the watch began.
    if ((await readlink(path).catch(() => undefined)) !== undefined) await promise;
  } finally {
    watcher.close();
  }
  deadline.throwIfAborted();
}
