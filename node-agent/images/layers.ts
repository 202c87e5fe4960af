import { open, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Runtime } from '../runtime/runtime.ts';
import { temporaryName } from './incoming.ts';
import { withLock } from './lock.ts';
import { compressionOf } from './manifest.ts';
import { abortable } from '../../machinery/abortable.ts';
import { systemCode } from '../../machinery/thrown.ts';

/** One layer to take in: where its bytes are (or how to get them), and what is inside. */
export interface LayerSource {
  readonly diffId: string;
  /** The blob's own digest, checked by unpacking. */
  readonly digest: string;
  readonly size: number;
  /** Brings the blob to disk and answers its path. */
  fetch(): Promise<string>;
}

/** Unpacked layers by the digest of their content. A directory that is there is complete. */
export interface LayerStore {
  path(diffId: string): string;
  has(diffId: string): Promise<boolean>;
  /** Fetches and unpacks what isn't there; once at a time a layer, in this process and others. Rejects once `signal` aborts, whoever is at it. */
  take(layer: LayerSource, signal?: AbortSignal): Promise<void>;
  remove(diffId: string): Promise<void>;
}

export interface LayerStoreOptions {
  readonly layersDir: string;
  readonly blobsDir: string;
  /** For what is on its way out. */
  readonly incomingDir: string;
  readonly unpack: Runtime['unpack'];
}

/** How long another process may take over a layer that is needed here too. */
const lockDeadlineMs = 30 * 60_000;

export function createLayerStore({ layersDir, blobsDir, incomingDir, unpack }: LayerStoreOptions): LayerStore {
  const underWay = new Map<string, Promise<void>>();
  const path = (diffId: string): string => join(layersDir, hexOf(diffId));

  async function takeOne(layer: LayerSource): Promise<void> {
    const target = path(layer.diffId);
    if (await exists(target)) return;
    const blob = await layer.fetch();
    try {
      await unpack({ blob, digest: layer.digest, diffId: layer.diffId, compression: compressionOf(await firstBytes(blob)), target });
    } finally {
      // Unpacked it is not needed any more; refused it must not be resumed from.
      await rm(blob, { force: true });
    }
  }

  return {
    path,
    has: (diffId) => exists(path(diffId)),
    async take(layer, signal) {
      // Whoever is at it may be given up, or refused what this one is allowed: its failure is not this one's.
      for (let other = underWay.get(layer.diffId); other !== undefined; other = underWay.get(layer.diffId)) {
        if (await abortable(other.then(() => true, () => false), signal)) return;
      }
      const lock = join(blobsDir, `${hexOf(layer.digest)}.lock`);
      const own = withLock(lock, lockDeadlineMs, () => takeOne(layer), signal).finally(() => underWay.delete(layer.diffId));
      underWay.set(layer.diffId, own);
      return await own;
    },
    async remove(diffId) {
      // Renamed first: a directory in its place is always complete.
      const doomed = join(incomingDir, temporaryName('removed'));
      if (await exists(path(diffId))) await rename(path(diffId), doomed);
      await rm(doomed, { recursive: true, force: true });
    },
  };
}

/** The hexadecimal part of `sha256:…`. */
export function hexOf(digest: string): string {
  return digest.slice('sha256:'.length);
}

async function exists(path: string): Promise<boolean> {
  return await stat(path).then(() => true, (error: unknown) => {
    if (systemCode(error) === 'ENOENT') return false;
    throw error;
  });
}

async function firstBytes(path: string): Promise<Buffer> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(4), 0, 4, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}
