import { readdir, readFile } from 'node:fs/promises';

/** A process as the machine sees it. */
export interface MachineProcess {
  readonly pid: number;
  /** Its arguments, joined by spaces. */
  readonly command: string;
}

/** The processes in a cluster's cgroups whose command line matches, by pid. */
export async function podProcesses(instance: string, command: RegExp): Promise<MachineProcess[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(pids.map(async (pid) => {
    // A process that ends while it is looked at is none.
    const [groups, words] = await Promise.all([readFile(`/proc/${pid}/cgroup`, 'utf8').catch(() => ''), readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')]);
    const line = words.replaceAll('\0', ' ').trim();
    return groups.includes(instance) && command.test(line) ? [{ pid: Number(pid), command: line }] : [];
  }));
  return found.flat().toSorted((one, other) => one.pid - other.pid);
}
