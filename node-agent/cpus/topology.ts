import { readFile } from 'node:fs/promises';
import { parseCpus } from './cpu-set.ts';

/** One processor as the kernel schedules on it: a thread of a core. */
export interface Cpu {
  readonly id: number;
  /** Its core: the smallest id of that core's threads. */
  readonly core: number;
  readonly socket: number;
}

/** The processors that this process, and with it the node, may use. Source: the kernel's cputopology. */
export async function readTopology(): Promise<readonly Cpu[]> {
  const allowed = parseCpus(/^Cpus_allowed_list:\s*(.*)$/m.exec(await readFile('/proc/self/status', 'utf8'))?.[1] ?? '');
  if (allowed === undefined) throw new Error('/proc/self/status does not say which processors may be used');
  return Promise.all([...allowed].map(async (id): Promise<Cpu> => {
    const read = (file: string): Promise<string> => readFile(`/sys/devices/system/cpu/cpu${id}/topology/${file}`, 'utf8');
    const [threads, socket] = await Promise.all([read('thread_siblings_list'), read('physical_package_id')]);
    // Virtual machines may not know of sockets: -1.
    return { id, core: Math.min(id, ...parseCpus(threads) ?? []), socket: Number(socket) };
  }));
}
