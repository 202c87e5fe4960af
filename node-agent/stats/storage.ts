import { join } from 'node:path';
import type { Clock } from '../../machinery/clock.ts';
import type { Pod, Volume } from '../../machinery/kinds/core.ts';
import { containersOf } from '../pod/state.ts';
import type { PodWorker } from '../pod/worker.ts';
import { podDirectory } from '../pod/records.ts';
import { isMemory } from '../volumes/memory.ts';
import { sandboxDirectory } from '../runtime/sandbox-record.ts';
import { diskUsage, noUsage, sumOf, type DiskUsage } from './disk-usage.ts';

/** What a pod has on the node's disk (a volume in memory: there). */
export interface PodStorage {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly containers: ReadonlyMap<string, ContainerStorage>;
  /** All volumes that have a directory of their own on this node. */
  readonly volumes: ReadonlyMap<string, DiskUsage>;
}

export interface ContainerStorage {
  /** The writable layer. */
  readonly rootfs: DiskUsage;
  readonly logs: DiskUsage;
}

/** Measures pods one after another, and remembers what it saw. */
export interface StorageMeter {
  /** What was measured at most `maxAgeMs` ago, or is now. Rejects when the agent stops. */
  measure(worker: PodWorker, maxAgeMs: number): Promise<PodStorage>;
  keepOnly(uids: ReadonlySet<string>): void;
}

/** Looking costs processor time: a pod with so many files that it takes long is looked at less often. */
const restPerWork = 20;

export function createStorageMeter({ dataDir, clock, working }: { readonly dataDir: string; readonly clock: Clock; readonly working: AbortSignal }): StorageMeter {
  const measured = new Map<string, { readonly storage: PodStorage; readonly tookMs: number }>();
  const underWay = new Map<string, Promise<PodStorage>>();
  let last: Promise<unknown> = Promise.resolve();

  async function look(worker: PodWorker): Promise<PodStorage> {
    const began = clock.now();
    const storage = await podStorage(dataDir, worker, began, working);
    measured.set(worker.uid, { storage, tookMs: clock.now() - began });
    return storage;
  }

  return {
    measure(worker, maxAgeMs) {
      const known = measured.get(worker.uid);
      if (known !== undefined && clock.now() - known.storage.at < Math.max(maxAgeMs, known.tookMs * restPerWork)) return Promise.resolve(known.storage);
      const present = underWay.get(worker.uid);
      if (present !== undefined) return present;
      const next = last.then(() => look(worker)).finally(() => underWay.delete(worker.uid));
      underWay.set(worker.uid, next);
      last = next.catch(() => undefined);
      return next;
    },
    keepOnly(uids) {
      for (const uid of measured.keys()) if (!uids.has(uid)) measured.delete(uid);
    },
  };
}

async function podStorage(dataDir: string, worker: PodWorker, at: number, signal: AbortSignal): Promise<PodStorage> {
  const pod = worker.pod();
  const containers = new Map<string, ContainerStorage>();
  for (const { spec } of containersOf(pod)) {
    const id = worker.state().containers.get(spec.name)?.current?.id;
    containers.set(spec.name, {
      rootfs: id === undefined ? noUsage : await diskUsage(join(sandboxDirectory(dataDir, worker.uid), 'c', id, 'upper'), signal),
      logs: await diskUsage(join(podDirectory(dataDir, worker.uid), 'logs', spec.name), signal),
    });
  }
  const volumes = new Map<string, DiskUsage>();
  for (const volume of pod.spec?.volumes ?? []) {
    const directory = volume.hostPath === undefined ? worker.volumePath(volume.name) : undefined;
    if (directory !== undefined) volumes.set(volume.name, await diskUsage(directory, signal));
  }
  return { at, containers, volumes };
}

/** Does the volume count as the pod's ephemeral storage? Source: "Local ephemeral storage". */
export function isEphemeral(volume: Volume): boolean {
  return (volume.emptyDir !== undefined && !isMemory(volume)) || volume.configMap !== undefined;
}

/** All that counts as the pod's ephemeral storage. Pure. */
export function ephemeralStorage(pod: Pod, { containers, volumes }: PodStorage): DiskUsage {
  const local = (pod.spec?.volumes ?? []).filter(isEphemeral).map(({ name }) => volumes.get(name) ?? noUsage);
  return sumOf([...[...containers.values()].flatMap(({ rootfs, logs }) => [rootfs, logs]), ...local]);
}
