import { constants, open, opendir, lstat, type FileHandle } from 'node:fs/promises';
import type { Stats } from 'node:fs';
import { systemCode } from '../../machinery/thrown.ts';

/** What files take up. */
export interface DiskUsage {
  readonly bytes: number;
  readonly inodes: number;
}

export const noUsage: DiskUsage = { bytes: 0, inodes: 0 };

export function sumOf(usages: Iterable<DiskUsage>): DiskUsage {
  let [bytes, inodes] = [0, 0];
  for (const usage of usages) {
    bytes += usage.bytes;
    inodes += usage.inodes;
  }
  return { bytes, inodes };
}

/** Directories that are open at once, one below the other. What is deeper is not counted. */
const deepest = 256;
const statsAtOnce = 32;
const blockBytes = 512;

interface Walk {
  readonly device: number;
  readonly linked: Set<string>;
  readonly signal: AbortSignal;
  bytes: number;
  inodes: number;
}

/**
 * What a directory and all below it take up, as du(1) counts: blocks, a file with several names once, no other file system.
 * Nothing there is nothing. Pods change what is looked at meanwhile: each directory is entered from the one above it, which is
 * held open, so that a link put in its place leads nowhere and no path gets too long. Rejects when `signal` aborts.
 */
export async function diskUsage(directory: string, signal: AbortSignal): Promise<DiskUsage> {
  const root = await enter(directory);
  if (root === undefined) return noUsage;
  try {
    const stats = await root.stat();
    const walk: Walk = { device: stats.dev, linked: new Set(), signal, bytes: 0, inodes: 0 };
    count(walk, stats);
    await walkThrough(walk, root, 1);
    return { bytes: walk.bytes, inodes: walk.inodes };
  } finally {
    await root.close();
  }
}

/** Undefined: it is gone, or no directory. */
async function enter(path: string | Buffer): Promise<FileHandle | undefined> {
  try {
    return await open(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  } catch (error) {
    return gone(error);
  }
}

function gone(error: unknown): undefined {
  const code = systemCode(error);
  if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ELOOP') return undefined;
  throw error;
}

async function walkThrough(walk: Walk, directory: FileHandle, depth: number): Promise<void> {
  const below: Buffer[] = [];
  let names: Buffer[] = [];
  const look = async (): Promise<void> => {
    walk.signal.throwIfAborted();
    const all = await Promise.all(names.map(async (name) => await lstat(inside(directory, name)).catch(gone)));
    for (const [index, stats] of all.entries()) {
      if (stats === undefined || stats.dev !== walk.device) continue;
      count(walk, stats);
      const name = names[index];
      if (stats.isDirectory() && name !== undefined) below.push(name);
    }
    names = [];
  };
  try {
    // Names are bytes: one that is no UTF-8 hides nothing.
    for await (const entry of await opendir(`/proc/self/fd/${directory.fd}`, { encoding: 'buffer' as BufferEncoding, bufferSize: statsAtOnce })) {
      names.push(entry.name as unknown as Buffer);
      if (names.length >= statsAtOnce) await look();
    }
  } catch (error) {
    // It was removed meanwhile, though it is still open.
    gone(error);
  }
  await look();
  if (depth >= deepest) return;
  for (const name of below) {
    const child = await enter(inside(directory, name));
    if (child === undefined) continue;
    try {
      await walkThrough(walk, child, depth + 1);
    } finally {
      await child.close();
    }
  }
}

function inside(directory: FileHandle, name: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`/proc/self/fd/${directory.fd}/`), name]);
}

function count(walk: Walk, stats: Stats): void {
  if (stats.nlink > 1 && !stats.isDirectory()) {
    const key = String(stats.ino);
    if (walk.linked.has(key)) return;
    walk.linked.add(key);
  }
  walk.bytes += stats.blocks * blockBytes;
  walk.inodes += 1;
}
