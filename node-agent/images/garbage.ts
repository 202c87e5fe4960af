/**
 * Which images go when the disk fills up: the least recently used first, never one that containers were made from nor one that is
 * pinned. Pure. Behaviour: "Garbage collection of unused containers and images" (imageGCHighThresholdPercent and its like).
 */
import type { StoredImage } from './store.ts';

export interface GarbagePolicy {
  /** Nothing is removed below this use of the disk. */
  readonly highThresholdPercent: number;
  /** What removing images aims for. */
  readonly lowThresholdPercent: number;
  /** An image stays at least so long. */
  readonly minimumAgeMs: number;
}

export const defaultGarbagePolicy: GarbagePolicy = { highThresholdPercent: 85, lowThresholdPercent: 80, minimumAgeMs: 120_000 };

export interface Disk {
  readonly capacityBytes: number;
  readonly availableBytes: number;
}

/** What is remembered of an image, milliseconds since the epoch; 0 for one that was never used, or was here before the agent. */
export interface ImageUse {
  readonly firstSeen: number;
  readonly lastUsed: number;
}

export type ImageUses = ReadonlyMap<string, ImageUse>;

/** The uses as they are at `now`; images that are gone are forgotten. `before` undefined: the first look, at images of unknown age. */
export function withUse(before: ImageUses | undefined, images: readonly Pick<StoredImage, 'id'>[], inUse: ReadonlySet<string>, now: number): ImageUses {
  return new Map(images.map(({ id }) => {
    const known = before?.get(id) ?? { firstSeen: before === undefined ? 0 : now, lastUsed: 0 };
    return [id, inUse.has(id) ? { ...known, lastUsed: now } : known];
  }));
}

/** How many bytes images have to give back; 0 below the high threshold. */
export function bytesToFree({ capacityBytes, availableBytes }: Disk, { highThresholdPercent, lowThresholdPercent }: GarbagePolicy): number {
  const usedPercent = 100 - Math.floor((availableBytes * 100) / capacityBytes);
  return usedPercent < highThresholdPercent ? 0 : Math.max(0, Math.floor((capacityBytes * (100 - lowThresholdPercent)) / 100) - availableBytes);
}

type Candidate = Pick<StoredImage, 'id' | 'pinned' | 'sizeBytes'>;

/** Images that may go, in the order in which they do. */
export function removable<T extends Candidate>(images: readonly T[], uses: ImageUses, inUse: ReadonlySet<string>, { minimumAgeMs }: GarbagePolicy, now: number): readonly T[] {
  const useOf = ({ id }: T): ImageUse => uses.get(id) ?? { firstSeen: now, lastUsed: 0 };
  return images.filter((image) => !image.pinned && !inUse.has(image.id) && now - useOf(image).firstSeen >= minimumAgeMs)
    .toSorted((a, b) => useOf(a).lastUsed - useOf(b).lastUsed || useOf(a).firstSeen - useOf(b).firstSeen);
}
