/** Where this machine's cgroup hierarchies are, and what a sandbox uses of them. */
import { readdir, readFile } from 'node:fs/promises';
import { systemCode } from '../../machinery/thrown.ts';
import { classCgroups } from './qos-tree.ts';

export interface Hierarchy {
  readonly controllers: readonly string[];
  /** Where it is mounted. */
  readonly mount: string;
}

export interface CgroupLayout {
  readonly version: 1 | 2;
  /** Those that sandboxes are put into. */
  readonly hierarchies: readonly Hierarchy[];
  /** Those that sandboxes of runtime handlers, or of an agent with other options, may be in. */
  readonly others: readonly Hierarchy[];
}

/** What limits and counts are made of; a v1 hierarchy with none of them is left alone. */
const wanted = ['cpu', 'cpuacct', 'memory', 'pids'];
/** Which processors there are, and pages of other sizes: each hierarchy costs a start some of its time, so these are used only by who hands them out. */
const handedOut = ['cpuset', 'hugetlb'] as const;
export type HandedOut = (typeof handedOut)[number];
/** In which runtime handlers make cgroups of the same names. */
const handled = 'devices';

/**
 * `/proc/self/mountinfo` → layout. v1 and hybrid when any v1 controller of ours is mounted, else v2, with the controllers that
 * `available` names (its root's `cgroup.controllers`). Throws when there is neither. `more`: what else is handed out.
 */
export function parseLayout(mountinfo: string, available: string, more: readonly HandedOut[] = []): CgroupLayout {
  const known: readonly string[] = [...wanted, ...handedOut, handled];
  const used: readonly string[] = [...wanted, ...more];
  const mounts = mountinfo.split('\n').flatMap((line) => {
    const [before = '', after = ''] = line.split(' - ');
    const mount = before.split(' ')[4];
    const [type, , options = ''] = after.split(' ');
    return mount === undefined || type === undefined ? [] : [{ mount, type, options: options.split(',') }];
  });
  const v1 = mounts.filter(({ type }) => type === 'cgroup').map(({ mount, options }) => ({ mount, controllers: options.filter((option) => known.includes(option)) }));
  const ours = v1.filter(({ controllers }, index) => controllers.length > 0 && v1.findIndex((other) => other.controllers.join() === controllers.join()) === index);
  const isUsed = ({ controllers }: Hierarchy): boolean => controllers.some((controller) => used.includes(controller));
  if (ours.some(({ controllers }) => controllers.some((controller) => wanted.includes(controller)))) return { version: 1, hierarchies: ours.filter(isUsed), others: ours.filter((each) => !isUsed(each)) };
  const unified = mounts.find(({ type }) => type === 'cgroup2');
  if (unified === undefined) throw new Error('no cgroup hierarchy is mounted: mount cgroup2 on /sys/fs/cgroup');
  const controllers = available.trim().split(' ').filter((controller) => used.includes(controller));
  return { version: 2, hierarchies: [{ controllers, mount: unified.mount }], others: [] };
}

export async function readLayout(more: readonly HandedOut[] = []): Promise<CgroupLayout> {
  const available = readFile('/sys/fs/cgroup/cgroup.controllers', 'utf8').catch((error: unknown) => {
    if (systemCode(error) === 'ENOENT') return '';
    throw error;
  });
  return parseLayout(await readFile('/proc/self/mountinfo', 'utf8'), await available, more);
}

/** Every hierarchy that something of ours may be in. */
export function allHierarchies({ hierarchies, others }: CgroupLayout): readonly Hierarchy[] {
  return [...hierarchies, ...others];
}

export const instanceCgroup = (instance: string): string => `coracle-${instance}`;

/** The directories of one sandbox, one in each hierarchy, those that are used first. `cgroup`: below the instance's, `sandboxCgroup`. */
export function slotPaths(layout: CgroupLayout, instance: string, cgroup: string): string[] {
  return allHierarchies(layout).map(({ mount }) => `${mount}/${instanceCgroup(instance)}/${cgroup}`);
}

/** Cgroups of all sandboxes that have one, adopted or left behind, below the instance's. */
export async function listSlots(layout: CgroupLayout, instance: string): Promise<Set<string>> {
  const lists = await Promise.all(allHierarchies(layout).map(async ({ mount }) => {
    const root = `${mount}/${instanceCgroup(instance)}`;
    const [own, ...classes] = await Promise.all([directoriesIn(root), ...classCgroups.map(async (name) => (await directoriesIn(`${root}/${name}`)).map((key) => `${name}/${key}`))]);
    return [...own.filter((name) => !classCgroups.some((each) => each === name)), ...classes.flat()];
  }));
  return new Set(lists.flat());
}

async function directoriesIn(cgroup: string): Promise<string[]> {
  const entries = await readdir(cgroup, { withFileTypes: true }).catch((error: unknown) => {
    if (systemCode(error) === 'ENOENT') return [];
    throw error;
  });
  return entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
}

/** What one cgroup uses; counters grow for as long as it lives. */
export interface CgroupUsage {
  readonly cpuNanos: number;
  /** Of its quota of processor time; 0 without one. */
  readonly cpuPeriods: number;
  readonly throttledPeriods: number;
  readonly throttledNanos: number;
  /** Working set: what is in use, without file pages that the kernel would give up first. */
  readonly memoryBytes: number;
  /** Working set and those file pages. */
  readonly memoryUsageBytes: number;
  /** Anonymous memory. */
  readonly rssBytes: number;
  /** File pages. */
  readonly cacheBytes: number;
  readonly swapBytes: number;
  readonly pageFaults: number;
  readonly majorPageFaults: number;
  /** Absent: as much as there is. */
  readonly memoryLimitBytes?: number;
  readonly pids: number;
}

const fieldOf = (text: string, name: string): number => Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(text)?.[1] ?? 0);

/** What memory.stat calls the same. v1's `total_`: with the cgroups below. Source: the kernel's cgroup-v1/memory and cgroup-v2. */
const memoryFields = {
  1: { inactive: 'total_inactive_file', rss: 'total_rss', cache: 'total_cache', swap: 'total_swap', faults: 'total_pgfault', major: 'total_pgmajfault' },
  2: { inactive: 'inactive_file', rss: 'anon', cache: 'file', swap: '', faults: 'pgfault', major: 'pgmajfault' },
} as const;

const memoryFiles = {
  1: { usage: 'memory.usage_in_bytes', limit: 'memory.limit_in_bytes' },
  2: { usage: 'memory.current', limit: 'memory.max' },
} as const;

/** v1 says so when there is no limit: the most pages that there can be. v2 says `max`. */
const boundless = 2 ** 62;

/** Reads the counters of `child` (`''`: the whole pod, `c0`: a container) below a sandbox's directories; `parked` processes in it, zygotes, are not counted. */
export async function readUsage(layout: CgroupLayout, slots: readonly string[], child: string, parked: number): Promise<CgroupUsage> {
  const { version } = layout;
  const read = async (controller: string, file: string): Promise<string> => {
    const index = layout.hierarchies.findIndex(({ controllers }) => controllers.includes(controller));
    return index < 0 ? '0' : readFile(`${slots[index] ?? ''}/${child}/${file}`, 'utf8');
  };
  const [files, fields] = [memoryFiles[version], memoryFields[version]];
  const [cpu, used, memory, limit, statistics, pids, swap] = await Promise.all([
    read('cpu', 'cpu.stat'), version === 1 ? read('cpuacct', 'cpuacct.usage') : '',
    read('memory', files.usage), read('memory', files.limit), read('memory', 'memory.stat'), read('pids', 'pids.current'),
    // Not there without swap.
    version === 1 ? '0' : read('memory', 'memory.swap.current').catch(() => '0'),
  ]);
  const most = Number(limit);
  return {
    cpuNanos: version === 1 ? Number(used) : fieldOf(cpu, 'usage_usec') * 1000,
    cpuPeriods: fieldOf(cpu, 'nr_periods'), throttledPeriods: fieldOf(cpu, 'nr_throttled'), throttledNanos: version === 1 ? fieldOf(cpu, 'throttled_time') : fieldOf(cpu, 'throttled_usec') * 1000,
    memoryBytes: Math.max(0, Number(memory) - fieldOf(statistics, fields.inactive)), memoryUsageBytes: Number(memory),
    rssBytes: fieldOf(statistics, fields.rss), cacheBytes: fieldOf(statistics, fields.cache), swapBytes: fields.swap === '' ? Number(swap) : fieldOf(statistics, fields.swap),
    pageFaults: fieldOf(statistics, fields.faults), majorPageFaults: fieldOf(statistics, fields.major),
    ...(most > 0 && most < boundless ? { memoryLimitBytes: most } : {}),
    pids: Number(pids) - parked,
  };
}
