import { readFile, statfs } from 'node:fs/promises';

/** What the machine has and uses at one moment. */
export interface MachineReading {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly startedAt: number;
  readonly cpuNanos: number;
  readonly memory: MemoryReading;
  readonly disk: FileSystemReading;
  readonly processes: { readonly most: number; readonly running: number };
  /** Those that lead out. */
  readonly interfaces: readonly InterfaceReading[];
}

export interface MemoryReading {
  readonly totalBytes: number;
  readonly usageBytes: number;
  /** In use, without file pages that the kernel would give up first. */
  readonly workingSetBytes: number;
  readonly rssBytes: number;
  readonly swapBytes: number;
}

export interface FileSystemReading {
  readonly capacityBytes: number;
  readonly availableBytes: number;
  readonly usedBytes: number;
  readonly inodes: number;
  readonly inodesFree: number;
}

/** Counters of one network device. */
export interface InterfaceReading {
  readonly name: string;
  readonly rxBytes: number;
  readonly rxPackets: number;
  readonly rxErrors: number;
  readonly rxDropped: number;
  readonly txBytes: number;
  readonly txPackets: number;
  readonly txErrors: number;
  readonly txDropped: number;
}

/** Linux tells user programs of processor time in hundredths of a second (`USER_HZ`), whatever it counts in. */
const nanosPerTick = 10_000_000;

/** Reads /proc and the file system that `directory` is on. */
export async function readMachine(directory: string, now: number): Promise<MachineReading> {
  const [meminfo, stat, loadavg, pidMax, threadsMax, devices, routes, disk] = await Promise.all([
    read('/proc/meminfo'), read('/proc/stat'), read('/proc/loadavg'), read('/proc/sys/kernel/pid_max'), read('/proc/sys/kernel/threads-max'), read('/proc/net/dev'), read('/proc/net/route'), readFileSystem(directory),
  ]);
  const leadOut = defaultDevices(routes);
  return {
    at: now, ...parseStat(stat), memory: parseMeminfo(meminfo), disk, interfaces: parseInterfaces(devices).filter(({ name }) => leadOut.has(name)),
    processes: { most: Math.min(Number(pidMax), Number(threadsMax)), running: Number(/\d+\/(\d+)/.exec(loadavg)?.[1] ?? 0) },
  };
}

function read(path: string): Promise<string> {
  return readFile(path, 'utf8');
}

export async function readMemory(): Promise<MemoryReading> {
  return parseMeminfo(await read('/proc/meminfo'));
}

/** Bytes; those in use too. */
export async function readSwapCapacity(): Promise<number> {
  return meminfoBytes(await read('/proc/meminfo'), 'SwapTotal');
}

export async function readFileSystem(directory: string): Promise<FileSystemReading> {
  const { blocks, bfree, bavail, bsize, files, ffree } = await statfs(directory);
  return { capacityBytes: blocks * bsize, availableBytes: bavail * bsize, usedBytes: (blocks - bfree) * bsize, inodes: files, inodesFree: ffree };
}

/** /proc/meminfo: as the kubelet counts, what is used but for inactive file pages is the working set. Source: "Node-pressure Eviction", memory.available. */
export function parseMeminfo(text: string): MemoryReading {
  const bytes = (name: string): number => meminfoBytes(text, name);
  const totalBytes = bytes('MemTotal');
  const usageBytes = totalBytes - bytes('MemFree');
  return {
    totalBytes, usageBytes, workingSetBytes: Math.max(0, usageBytes - bytes('Inactive\\(file\\)')),
    rssBytes: bytes('AnonPages'), swapBytes: bytes('SwapTotal') - bytes('SwapFree'),
  };
}

function meminfoBytes(text: string, name: string): number {
  return Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(text)?.[1] ?? 0) * 1024;
}

/** /proc/stat: time of all processors that wasn't idle, and when the machine started. */
export function parseStat(text: string): Pick<MachineReading, 'cpuNanos' | 'startedAt'> {
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = (/^cpu +(.*)$/m.exec(text)?.[1] ?? '').split(' ').map(Number);
  return { cpuNanos: (user + nice + system + irq + softirq + steal) * nanosPerTick, startedAt: Number(/^btime (\d+)$/m.exec(text)?.[1] ?? 0) * 1000 };
}

/** /proc/net/dev, without the loopback. */
export function parseInterfaces(text: string): readonly InterfaceReading[] {
  return text.split('\n').flatMap((line) => {
    const [, name, counters = ''] = /^\s*([^\s:]+):\s*(.*)$/.exec(line) ?? [];
    if (name === undefined || name === 'lo') return [];
    const [rxBytes = 0, rxPackets = 0, rxErrors = 0, rxDropped = 0, , , , , txBytes = 0, txPackets = 0, txErrors = 0, txDropped = 0] = counters.split(/\s+/).map(Number);
    return [{ name, rxBytes, rxPackets, rxErrors, rxDropped, txBytes, txPackets, txErrors, txDropped }];
  });
}

/** /proc/net/route: the devices of default routes. All else is traffic between the pods of this machine, or the machine and itself. */
export function defaultDevices(text: string): ReadonlySet<string> {
  const rows = text.split('\n').slice(1).map((line) => line.split('\t'));
  return new Set(rows.flatMap(([device, destination]) => (device !== undefined && destination === '00000000' ? [device.trim()] : [])));
}
