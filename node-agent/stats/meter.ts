/**
 * The room of measures: what the machine, its pods and containers use. Eviction, the kubelet's summary and its metrics are made
 * of the same readings. It knows pods and their cgroups, and decides nothing.
 */
import { readFile } from 'node:fs/promises';
import type { Clock } from '../../machinery/clock.ts';
import type { Log } from '../../client/log.ts';
import { containersOf } from '../pod/state.ts';
import type { PodWorker } from '../pod/worker.ts';
import { rfc3339 } from '../pod/status.ts';
import type { CgroupUsage, Runtime } from '../runtime/runtime.ts';
import { createCpuRates, type CpuSample } from './cpu-rate.ts';
import { noUsage, type DiskUsage } from './disk-usage.ts';
import { parseInterfaces, readMachine, type InterfaceReading, type MachineReading } from './machine.ts';
import { createStorageMeter, ephemeralStorage, type PodStorage, type StorageMeter } from './storage.ts';
import type { ContainerStats, CpuStats, FsStats, MemoryStats, NetworkStats, NodeStats, PodStats, Summary, SwapStats } from './summary.ts';

/** One container, as its cgroup counts. */
export interface ContainerReading {
  readonly name: string;
  readonly id: string;
  readonly image: string;
  readonly startedAt: number;
  readonly usage: CgroupUsage;
  readonly cpu: CpuSample;
}

export interface PodReading {
  readonly worker: PodWorker;
  readonly usage: CgroupUsage;
  readonly cpu: CpuSample;
  readonly containers: readonly ContainerReading[];
  /** Of the pod's own network; with the host's: none. */
  readonly interfaces: readonly InterfaceReading[];
}

export interface Reading {
  readonly machine: MachineReading;
  readonly cpu: CpuSample;
  readonly pods: readonly PodReading[];
}

export interface Meter {
  /** Processor time, memory, processes, network: all that the kernel keeps count of. */
  read(): Promise<Reading>;
  /** The machine alone. */
  machine(): Promise<MachineReading>;
  readonly storage: StorageMeter;
  /** What a pod has on the disk, as it was within the last minute; undefined: it can't be read. */
  storageOf(worker: PodWorker): Promise<PodStorage | undefined>;
  /** `withStorage`: and what lies on the disk. */
  summary(withStorage: boolean): Promise<Summary>;
}

export interface MeterOptions {
  readonly runtime: Pick<Runtime, 'usage'>;
  readonly list: () => readonly PodWorker[];
  readonly clock: Clock;
  readonly nodeName: string;
  readonly dataDir: string;
  /** What the images on this node take up. */
  readonly imageBytes: () => Promise<number>;
  readonly working: AbortSignal;
  readonly log: Log;
}

/** As the kubelet does ("volumeStatsAggPeriod"). */
const storageAgeMs = 60_000;

export function createMeter(options: MeterOptions): Meter {
  const { clock, dataDir, list, nodeName } = options;
  const rates = createCpuRates();
  const storage = createStorageMeter(options);
  const machine = (): Promise<MachineReading> => readMachine(dataDir, clock.now());

  async function readContainer(worker: PodWorker, name: string): Promise<ContainerReading | undefined> {
    const run = worker.state().containers.get(name)?.current;
    if (run?.startedAt === undefined || run.exit !== undefined) return undefined;
    try {
      const usage = await options.runtime.usage(worker.uid, run.id);
      return { name, id: run.id, image: run.image, startedAt: run.startedAt, usage, cpu: rates.sample(run.id, usage.cpuNanos, clock.now()) };
    } catch {
      // It has ended meanwhile.
      return undefined;
    }
  }

  async function readPod(worker: PodWorker): Promise<PodReading | undefined> {
    const names = containersOf(worker.pod()).map(({ spec }) => spec.name);
    try {
      const [usage, interfaces, ...containers] = await Promise.all([options.runtime.usage(worker.uid), readInterfaces(worker), ...names.map((name) => readContainer(worker, name))]);
      return { worker, usage, interfaces, cpu: rates.sample(worker.uid, usage.cpuNanos, clock.now()), containers: containers.filter((each) => each !== undefined) };
    } catch {
      // It has ended meanwhile, or its supervisor is silent.
      return undefined;
    }
  }

  async function read(): Promise<Reading> {
    const workers = list();
    const [now, ...pods] = await Promise.all([machine(), ...workers.filter((worker) => worker.sandbox() !== undefined).map(readPod)]);
    const runs = workers.flatMap((worker) => [worker.uid, ...[...worker.state().containers.values()].map(({ current }) => current?.id ?? '')]);
    rates.keepOnly(new Set(['', ...runs]));
    storage.keepOnly(new Set(workers.map(({ uid }) => uid)));
    return { machine: now, cpu: rates.sample('', now.cpuNanos, now.at), pods: pods.filter((each) => each !== undefined) };
  }

  async function storageOf(worker: PodWorker): Promise<PodStorage | undefined> {
    try {
      return await storage.measure(worker, storageAgeMs);
    } catch (error) {
      // One pod's damaged files are no reason to say nothing of the others.
      if (!options.working.aborted) options.log.warn({ err: error, uid: worker.uid }, 'what a pod has on the disk was not measured');
      return undefined;
    }
  }

  return {
    read, machine, storage, storageOf,
    async summary(withStorage) {
      const { pods, ...node } = await read();
      if (!withStorage) return { node: nodeStats(nodeName, node, undefined), pods: pods.map((pod) => podStats(pod, undefined)) };
      const [imageBytes, ...measured] = await Promise.all([options.imageBytes(), ...pods.map(({ worker }) => storageOf(worker))]);
      const fs = (at: number, used: DiskUsage): FsStats => fsStats(node.machine, at, used);
      return { node: nodeStats(nodeName, node, { fs, imageBytes }), pods: pods.map((pod, index) => podStats(pod, measured[index], fs)) };
    },
  };
}

async function readInterfaces(worker: PodWorker): Promise<readonly InterfaceReading[]> {
  const sandbox = worker.sandbox();
  const [first] = sandbox?.running.values() ?? [];
  if (first === undefined || sandbox === undefined || sandbox.spec.hostNetwork) return [];
  return parseInterfaces(await readFile(`/proc/${first.pid}/net/dev`, 'utf8').catch(() => ''));
}

/** RFC 3339 of a moment. */
const timeOf = (at: number): string => new Date(at).toISOString();

function cpuStats({ at, nanos, nanoCores, windowMs = 0 }: CpuSample): CpuStats {
  return { time: timeOf(at), ...(nanoCores === undefined ? {} : { usageNanoCores: nanoCores, usageWindowSeconds: windowMs / 1000 }), usageCoreNanoSeconds: nanos };
}

function memoryStats(usage: CgroupUsage, at: number): MemoryStats {
  const { memoryLimitBytes, memoryBytes: workingSetBytes, memoryUsageBytes: usageBytes, rssBytes, pageFaults, majorPageFaults } = usage;
  return {
    time: timeOf(at), ...(memoryLimitBytes === undefined ? {} : { availableBytes: Math.max(0, memoryLimitBytes - workingSetBytes) }),
    usageBytes, workingSetBytes, rssBytes, pageFaults, majorPageFaults,
  };
}

function swapStats(bytes: number, at: number): SwapStats {
  return { time: timeOf(at), swapUsageBytes: bytes };
}

function fsStats({ disk }: MachineReading, at: number, { bytes, inodes }: DiskUsage): FsStats {
  return {
    time: timeOf(at), availableBytes: disk.availableBytes, capacityBytes: disk.capacityBytes, usedBytes: bytes, inodesFree: disk.inodesFree, inodes: disk.inodes, inodesUsed: inodes,
  };
}

/** `eth0` is named first, as the kubelet does. */
function networkStats(interfaces: readonly InterfaceReading[], at: number): NetworkStats | undefined {
  if (interfaces.length === 0) return undefined;
  const all = interfaces.map(({ name, rxBytes, rxErrors, txBytes, txErrors }) => ({ name, rxBytes, rxErrors, txBytes, txErrors }));
  return { time: timeOf(at), ...all.find(({ name }) => name === 'eth0'), interfaces: all };
}

interface NodeStorage {
  readonly fs: (at: number, used: DiskUsage) => FsStats;
  readonly imageBytes: number;
}

function nodeStats(nodeName: string, { machine, cpu }: Omit<Reading, 'pods'>, storage: NodeStorage | undefined): NodeStats {
  const { at, memory, disk, processes } = machine;
  const network = networkStats(machine.interfaces, at);
  return {
    nodeName, startTime: rfc3339(machine.startedAt), cpu: cpuStats(cpu),
    memory: { time: timeOf(at), availableBytes: Math.max(0, memory.totalBytes - memory.workingSetBytes), usageBytes: memory.usageBytes, workingSetBytes: memory.workingSetBytes, rssBytes: memory.rssBytes },
    swap: swapStats(memory.swapBytes, at),
    ...(network === undefined ? {} : { network }),
    ...(storage === undefined ? {} : {
      fs: storage.fs(at, { bytes: disk.usedBytes, inodes: disk.inodes - disk.inodesFree }),
      // Images, writable layers and the pods' own files lie on one file system.
      runtime: { imageFs: storage.fs(at, { ...noUsage, bytes: storage.imageBytes }), containerFs: storage.fs(at, { bytes: disk.usedBytes, inodes: disk.inodes - disk.inodesFree }) },
      rlimit: { time: timeOf(at), maxpid: processes.most, curproc: processes.running },
    }),
  };
}

function podStats({ worker, usage, cpu, containers, interfaces }: PodReading, storage: PodStorage | undefined, fs?: NodeStorage['fs']): PodStats {
  const { name = '', namespace = '', uid = '' } = worker.pod().metadata ?? {};
  const network = networkStats(interfaces, cpu.at);
  return {
    podRef: { name, namespace, uid }, startTime: rfc3339(worker.state().startTime),
    containers: containers.map((container): ContainerStats => {
      const used = storage?.containers.get(container.name);
      return {
        name: container.name, startTime: rfc3339(container.startedAt), cpu: cpuStats(container.cpu), memory: memoryStats(container.usage, container.cpu.at), swap: swapStats(container.usage.swapBytes, container.cpu.at),
        ...(storage === undefined || used === undefined || fs === undefined ? {} : { rootfs: fs(storage.at, used.rootfs), logs: fs(storage.at, used.logs) }),
      };
    }),
    cpu: cpuStats(cpu), memory: memoryStats(usage, cpu.at), swap: swapStats(usage.swapBytes, cpu.at),
    ...(network === undefined ? {} : { network }),
    ...(storage === undefined || fs === undefined ? {} : {
      volume: [...storage.volumes].map(([volume, used]) => ({ ...fs(storage.at, used), name: volume })),
      'ephemeral-storage': fs(storage.at, ephemeralStorage(worker.pod(), storage)),
    }),
    process_stats: { process_count: usage.pids },
  };
}
