import { equal } from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { eventually } from './eventually.ts';

/** A process as the machine sees it. */
export interface MachineProcess {
  readonly pid: number;
  /** Its arguments, joined by spaces. */
  readonly command: string;
}

async function allPids(): Promise<readonly number[]> {
  return (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
}

/** '' for a process that has ended. */
export async function commandOf(pid: number): Promise<string> {
  return (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).replaceAll('\0', ' ').trim();
}

/** Who started it, or took it over. Rejects for a process that has ended. */
export async function parentOf(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
}

/** The processes in a cluster's cgroups whose command line matches, by pid. */
export async function podProcesses(instance: string, command: RegExp): Promise<MachineProcess[]> {
  const found = await Promise.all((await allPids()).map(async (pid) => {
    // A process that ends while it is looked at is none.
    const [groups, line] = await Promise.all([readFile(`/proc/${pid}/cgroup`, 'utf8').catch(() => ''), commandOf(pid)]);
    return groups.includes(instance) && command.test(line) ? [{ pid, command: line }] : [];
  }));
  return found.flat().toSorted((one, other) => one.pid - other.pid);
}

/** Waits until there is one such process and no other. */
export async function onlyProcess(instance: string, command: RegExp): Promise<number> {
  return eventually(async () => {
    const found = await podProcesses(instance, command);
    equal(found.length, 1, `processes of ${command.source}`);
    return found[0]?.pid ?? -1;
  });
}

/** The processes that one has started, and those that these have, by pid. */
export async function descendantsOf(ancestor: number): Promise<MachineProcess[]> {
  const parents = new Map(await Promise.all((await allPids()).map(async (pid) => [pid, await parentOf(pid).catch(() => 0)] as const)));
  const isBelow = (pid: number): boolean => {
    const parent = parents.get(pid) ?? 0;
    return parent === ancestor || (parent > 1 && isBelow(parent));
  };
  const below = [...parents.keys()].filter(isBelow).toSorted((one, other) => one - other);
  return await Promise.all(below.map(async (pid) => ({ pid, command: await commandOf(pid) })));
}
