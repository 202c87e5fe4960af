import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Pod, Volume } from '../../machinery/kinds/core.ts';
import { unitsOf } from '../../machinery/quantity.ts';
import { isInHugePages } from '../huge-pages.ts';
import { podResources } from '../pod-resources.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { memoryDirectory } from '../runtime/sandbox-record.ts';

/** What volumes in memory ask of the machine. */
export type Memory = Pick<Runtime, 'mountMemory' | 'removeDirectory'>;
/** What bounds those on the disk. */
export type Disk = Pick<Runtime, 'limitDirectory' | 'removeDirectory'>;

/**
 * The node's own memory, one file system for what all pods are shown of Secrets, tokens and themselves: nothing of it reaches
 * a disk or survives the machine. Pods can't write there, so that none fills it. Returns its directory, in which each pod has
 * one by its uid; those of pods that are not in `uids` were left by a crash and go.
 */
export async function openMemory(memory: Memory, dataDir: string, uids: ReadonlySet<string>): Promise<string> {
  const directory = memoryDirectory(dataDir);
  await memory.mountMemory({ directory, mode: 0o700, gid: 0 });
  for (const uid of await readdir(directory)) if (!uids.has(uid)) await memory.removeDirectory(join(directory, uid));
  return directory;
}

/** An emptyDir that is a file system of its own: only so can it be bounded. */
export function isMemory(volume: Volume): boolean {
  return volume.emptyDir?.medium === 'Memory' || isInHugePages(volume);
}

/** As little as the volume, its pod and the node allow. Pure. Source: "emptyDir: memory backed volumes are sized to allocatable memory or less". */
export function memorySize(pod: Pod, volume: Volume, allocatable: Readonly<Record<string, string>>): number | undefined {
  const asked = [volume.emptyDir?.sizeLimit, allocatable['memory']].map(unitsOf).filter((each) => each !== undefined);
  const { memoryLimitBytes } = podResources(pod);
  // A limit of nothing is none.
  const bounds = [...asked, ...(memoryLimitBytes === undefined ? [] : [memoryLimitBytes])].filter((bytes) => bytes > 0);
  return bounds.length === 0 ? undefined : Math.min(...bounds);
}

/** Whole pages; what the node has bounds it otherwise. Pure. */
export function hugeSize({ emptyDir }: Volume, pageBytes: number): number | undefined {
  const bytes = unitsOf(emptyDir?.sizeLimit) ?? 0;
  return bytes <= 0 ? undefined : Math.max(Math.floor(bytes / pageBytes), 1) * pageBytes;
}

/** What an emptyDir on the disk may hold; undefined: as much as there is. 0 is no limit, as with the kubelet. Pure. */
export function diskSize(volume: Volume): number | undefined {
  const bytes = isMemory(volume) ? undefined : unitsOf(volume.emptyDir?.sizeLimit);
  return bytes === 0 ? undefined : bytes;
}
