import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bytesToFree, defaultGarbagePolicy, removable, withUse, type ImageUses } from './garbage.ts';

const minute = 60_000;
const images = ['a', 'b', 'c'].map((id) => ({ id, pinned: false, sizeBytes: 10 }));
const none: ReadonlySet<string> = new Set();
const idsOf = (found: readonly { readonly id: string }[]): readonly string[] => found.map(({ id }) => id);

describe('how much is to be freed', () => {
  it.each([
    ['far below the high threshold', 50, 0],
    ['just below it', 16, 0],
    ['at it', 15, 5],
    ['on a full disk', 0, 20],
  ])('%s', (_name, availableBytes, bytes) => {
    expect(bytesToFree({ capacityBytes: 100, availableBytes }, defaultGarbagePolicy)).toBe(bytes);
  });

  it('brings the disk to the low threshold, or is nothing', () => {
    fc.assert(fc.property(fc.integer({ min: 1, max: 1e15 }), fc.double({ min: 0, max: 1, noNaN: true }), (capacityBytes, share) => {
      const availableBytes = Math.floor(capacityBytes * share);
      const bytes = bytesToFree({ capacityBytes, availableBytes }, defaultGarbagePolicy);
      const left = availableBytes + bytes;
      return bytes === 0 ? availableBytes * 100 >= capacityBytes * 15 || left * 100 >= capacityBytes * 20 - 100 : Math.abs(left - capacityBytes * 0.2) <= 1;
    }));
  });
});

describe('which images may go', () => {
  it('those used least recently first, and of those never used the ones that came first', () => {
    let uses: ImageUses = withUse(undefined, images.slice(0, 1), none, 0);
    uses = withUse(uses, images, new Set(['c']), 1 * minute);
    uses = withUse(uses, images, new Set(['b']), 2 * minute);
    expect(idsOf(removable(images, uses, none, defaultGarbagePolicy, 10 * minute))).toEqual(['a', 'c', 'b']);
  });

  it('none that is in use, pinned, or younger than the least age', () => {
    const uses = withUse(withUse(undefined, images.slice(0, 2), none, 0), images, none, 5 * minute);
    const all = images.map((image) => ({ ...image, pinned: image.id === 'b' }));
    expect(idsOf(removable(all, uses, new Set(['a']), defaultGarbagePolicy, 6 * minute))).toEqual([]);
    expect(idsOf(removable(all, uses, none, defaultGarbagePolicy, 6 * minute))).toEqual(['a']);
    expect(idsOf(removable(all, uses, none, defaultGarbagePolicy, 7 * minute))).toEqual(['a', 'c']);
  });

  it('none of which nothing is known yet', () => {
    expect(removable(images, new Map(), none, defaultGarbagePolicy, 100 * minute)).toEqual([]);
  });

  it('is forgotten with the image', () => {
    const uses = withUse(withUse(undefined, images, new Set(['a']), 0), images.slice(1), none, minute);
    expect([...uses.keys()]).toEqual(['b', 'c']);
  });
});
