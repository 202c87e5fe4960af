/** Where this machine's cgroup hierarchies are, and what a sandbox uses of them. */
import { readdir, readFile } from 'node:fs/promises';
import { systemCode } from '../../machinery/thrown.ts';

export interface Hierarchy {
  readonly controllers: readonly string[];
  /** Where it is mounted. */
  readonly mount: string;
}

export interface CgroupLayout {
  readonly version: 1 | 2;
  readonly hierarchies: readonly Hierarchy[];
}

/** What limits and counts are made of; a v1 hierarchy with none of them is left alone. */
const wanted = ['cpu', 'cpuacct', 'memory', 'pids'];

/** `/proc/self/mountinfo` → layout. v1 and hybrid when any v1 controller of ours is mounted, else v2. Throws when there is neither. */
export function parseLayout(mountinfo: string): CgroupLayout {
  const mounts = mountinfo.split('\n').flatMap((line) => {
    const [before = '', after = ''] = line.split(' - ');
    const mount = before.split(' ')[4];
    const [type, , options = ''] = after.split(' ');
    return mount === undefined || type === undefined ? [] : [{ mount, type, options: options.split(',') }];
  });
  const v1 = mounts.filter(({ type }) => type === 'cgroup').map(({ mount, options }) => ({ mount, controllers: options.filter((option) => wanted.includes(option)) }));
  const ours = v1.filter(({ controllers }, index) => controllers.length > 0 && v1.findIndex((other) => other.controllers.join() === controllers.join()) === index);
  if (ours.length > 0) return { version: 1, hierarchies: ours };
  const unified = mounts.find(({ type }) => type === 'cgroup2');
  if (unified === undefined) throw new Error('no cgroup hierarchy is mounted: mount cgroup2 on /sys/fs/cgroup');
  return { version: 2, hierarchies: [{ controllers: wanted, mount: unified.mount }] };
}

export async function readLayout(): Promise<CgroupLayout> {
  return parseLayout(await readFile('/proc/self/mountinfo', 'utf8'));
}

export const instanceCgroup = (instance: string): string => `coracle-${instance}`;

/** The directories of one sandbox, one in each hierarchy. */
export function slotPaths(layout: CgroupLayout, instance: string, key: string): string[] {
  return layout.hierarchies.map(({ mount }) => `${mount}/${instanceCgroup(instance)}/${key}`);
}

/** Keys of all sandboxes that have a cgroup, adopted or left behind. */
export async function listSlots(layout: CgroupLayout, instance: string): Promise<Set<string>> {
  const lists = await Promise.all(layout.hierarchies.map(async ({ mount }) => {
    const entries = await readdir(`${mount}/${instanceCgroup(instance)}`, { withFileTypes: true }).catch((error: unknown) => {
      if (systemCode(error) === 'ENOENT') return [];
      throw error;
    });
    return entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  }));
  return new Set(lists.flat());
}

export interface CgroupUsage {
  readonly cpuNanos: number;
  /** Working set: what is in use, without file pages that the kernel would give up first. */
  readonly memoryBytes: number;
  readonly pids: number;
}

const fieldOf = (text: string, name: string): number => Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(text)?.[1] ?? 0);

/** Reads the counters of `child` (`''`: the whole pod, `c0`: a container, its zygote not counted) below a sandbox's directories. */
export async function readUsage(layout: CgroupLayout, slots: readonly string[], child: string): Promise<CgroupUsage> {
  const read = async (controller: string, file: string): Promise<string> => {
    const index = layout.hierarchies.findIndex(({ controllers }) => controllers.includes(controller));
    return index < 0 ? '0' : readFile(`${slots[index] ?? ''}/${child}/${file}`, 'utf8');
  };
  const ours = child === '' ? 0 : 1;
  if (layout.version === 1) {
    const [cpu, memory, statistics, pids] = await Promise.all([read('cpuacct', 'cpuacct.usage'), read('memory', 'memory.usage_in_bytes'), read('memory', 'memory.stat'), read('pids', 'pids.current')]);
    return { cpuNanos: Number(cpu), memoryBytes: Math.max(0, Number(memory) - fieldOf(statistics, 'total_inactive_file')), pids: Number(pids) - ours };
  }
  const [cpu, memory, statistics, pids] = await Promise.all([read('cpu', 'cpu.stat'), read('memory', 'memory.current'), read('memory', 'memory.stat'), read('pids', 'pids.current')]);
  return { cpuNanos: fieldOf(cpu, 'usage_usec') * 1000, memoryBytes: Math.max(0, Number(memory) - fieldOf(statistics, 'inactive_file')), pids: Number(pids) - ours };
}
