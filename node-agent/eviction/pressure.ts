import type { MachineReading } from '../stats/machine.ts';
import { countOf, type Signal, type Threshold } from './thresholds.ts';

/** Under which pressure a node is: what its conditions tell, and which thresholds want something done. Pure. Source: "Node-pressure Eviction". */

export type Pressure = 'MemoryPressure' | 'DiskPressure' | 'PIDPressure';

export interface Observation {
  readonly available: number;
  readonly capacity: number;
}

export type Observations = ReadonlyMap<Signal, Observation>;

/** Images and all that pods write lie on one file system: what is short of one is short of the other. */
export function observe({ memory, disk, processes }: MachineReading): Observations {
  const bytes = { available: disk.availableBytes, capacity: disk.capacityBytes };
  const inodes = { available: disk.inodesFree, capacity: disk.inodes };
  return new Map<Signal, Observation>([
    ['memory.available', { available: Math.max(0, memory.totalBytes - memory.workingSetBytes), capacity: memory.totalBytes }],
    ['nodefs.available', bytes], ['imagefs.available', bytes],
    // Some file systems have no fixed number of inodes: they can't run out of them.
    ...(disk.inodes === 0 ? [] : [['nodefs.inodesFree', inodes], ['imagefs.inodesFree', inodes]] as const),
    ['pid.available', { available: processes.most - processes.running, capacity: processes.most }],
  ]);
}

/** The thresholds below which something is; `withReclaim`: or below what must be left again after it. */
export function metThresholds(thresholds: readonly Threshold[], observations: Observations, withReclaim = false): readonly Threshold[] {
  return thresholds.filter(({ signal, value, minReclaim }) => {
    const seen = observations.get(signal);
    if (seen === undefined) return false;
    const more = withReclaim && minReclaim !== undefined ? countOf(minReclaim, seen.capacity) : 0;
    return seen.available < countOf(value, seen.capacity) + more;
  });
}

/** What one look leaves for the next. */
export interface Memory {
  /** Since when a threshold has been met, without a break. */
  readonly metSince: ReadonlyMap<Threshold, number>;
  /** When a pressure was there last. */
  readonly seenAt: ReadonlyMap<Pressure, number>;
  /** Thresholds whose grace period was over. */
  readonly due: readonly Threshold[];
}

export const noMemory: Memory = { metSince: new Map(), seenAt: new Map(), due: [] };

export interface Judgement {
  readonly memory: Memory;
  /** What the node's conditions are to say. */
  readonly pressures: readonly Pressure[];
  /** What must be acted on, the most urgent first. */
  readonly due: readonly Threshold[];
}

export function judge(thresholds: readonly Threshold[], observations: Observations, before: Memory, transitionMs: number, now: number): Judgement {
  // One that was acted on stays met until its minimum is reclaimed.
  const met = new Set([...metThresholds(thresholds, observations), ...metThresholds(before.due, observations, true)]);
  const metSince = new Map([...met].map((threshold) => [threshold, before.metSince.get(threshold) ?? now]));
  const seenAt = new Map([...before.seenAt, ...[...met].map(({ signal }) => [pressureOf(signal), now] as const)]);
  const due = [...metSince].filter(([{ graceMs }, since]) => now - since >= graceMs).map(([threshold]) => threshold);
  return {
    memory: { metSince, seenAt, due },
    pressures: order.filter((pressure) => now - (seenAt.get(pressure) ?? -Infinity) < Math.max(transitionMs, 1)),
    due: due.toSorted((a, b) => urgency(a.signal) - urgency(b.signal)),
  };
}

const order: readonly Pressure[] = ['MemoryPressure', 'DiskPressure', 'PIDPressure'];

/** Memory before all else: who runs out of it is killed by the kernel meanwhile. */
function urgency(signal: Signal): number {
  return signal === 'memory.available' ? 0 : 1;
}

function pressureOf(signal: Signal): Pressure {
  switch (signal) {
    case 'memory.available': return 'MemoryPressure';
    case 'pid.available': return 'PIDPressure';
    case 'nodefs.available': case 'nodefs.inodesFree': case 'imagefs.available': case 'imagefs.inodesFree': return 'DiskPressure';
  }
}

/** What pods use of it, as messages name it. */
export type Starved = 'memory' | 'ephemeral-storage' | 'inodes' | 'pids';

export function starvedOf(signal: Signal): Starved {
  switch (signal) {
    case 'memory.available': return 'memory';
    case 'pid.available': return 'pids';
    case 'nodefs.inodesFree': case 'imagefs.inodesFree': return 'inodes';
    case 'nodefs.available': case 'imagefs.available': return 'ephemeral-storage';
  }
}
