import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { keptBlobs, type ImageIndex } from './index-file.ts';
import { hexOf, type LayerStore } from './layers.ts';

export interface OrphanOptions {
  readonly index: ImageIndex;
  readonly blobsDir: string;
  readonly layersDir: string;
  readonly layers: Pick<LayerStore, 'remove'>;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** No pull takes so long: what is younger may be on its way into an image. */
const leastAgeMs = 60 * 60_000;

/** Removes what pulls and builds that were cut short have left: layers and blobs that no image has. For the holder of the index's lock. */
export async function removeOrphans({ index, blobsDir, layersDir, layers, now }: OrphanOptions): Promise<void> {
  const images = Object.values(index.images);
  const blobs = new Set(images.flatMap((image) => [image.id, ...keptBlobs(image)].map(hexOf)));
  const unpacked = new Set(images.flatMap(({ diffIds }) => diffIds.map(hexOf)));
  for (const name of await readdir(layersDir)) if (!unpacked.has(name) && (await isOld(join(layersDir, name), now))) await layers.remove(`sha256:${name}`);
  for (const name of await readdir(blobsDir)) {
    // Locks are their holders'.
    if (!name.endsWith('.lock') && !blobs.has(name) && (await isOld(join(blobsDir, name), now))) await rm(join(blobsDir, name), { force: true });
  }
}

/** By the time of its last change of any kind: layers have the times that their archives say. */
async function isOld(path: string, now: number): Promise<boolean> {
  return now - (await stat(path)).ctimeMs > leastAgeMs;
}
