import { describe, expect, it } from 'vitest';
import { manualClock } from '../../machinery/clock.ts';
import { silentLog } from '../../client/log.ts';
import { defaultGarbagePolicy } from '../images/garbage.ts';
import { ImageError } from '../images/image-error.ts';
import type { StoredImage } from '../images/store.ts';
import { createImageGarbage } from './image-garbage.ts';

const image = (id: string, sizeBytes: number): StoredImage => ({
  id, sizeBytes, pinned: false, references: [`example.com/${id}:1`], repoDigests: [], layers: [], config: { diffIds: [], env: [], entrypoint: [], command: [], workingDir: '', user: '' },
});

/** A node with a disk of 1000 bytes; each round of the collector is one step of the clock. */
function newNode(images: StoredImage[], availableBytes: number, inUse: readonly string[] = [], capacityBytes = 1000, orphanBytes = 0) {
  const clock = manualClock();
  const events: string[] = [];
  const refused = new Set<string>();
  const stop = new AbortController();
  const disk = { capacityBytes, availableBytes };
  const garbage = createImageGarbage({
    clock, log: silentLog, policy: defaultGarbagePolicy, nodeName: 'n', inUse: async () => new Set(inUse), disk: async () => disk,
    images: {
      list: async () => images,
      async removeOrphans() {
        disk.availableBytes += orphanBytes;
        orphanBytes = 0;
      },
      async remove(id) {
        if (refused.has(id)) throw new ImageError('InUse', `image ${id} is used by a pod`);
        const [gone] = images.splice(images.findIndex((each) => each.id === id), 1);
        disk.availableBytes += gone?.sizeBytes ?? 0;
      },
    },
    recorder: { record: ({ kind, name }, type, reason, message) => void events.push(`${kind}/${name} ${type} ${reason}: ${message}`), drain: async () => {} },
  });
  const running = garbage.run(stop.signal);
  return {
    garbage, events, refused, disk, left: () => images.map(({ id }) => id),
    /** Resolves when a round has ended and the next is waited for. */
    rested: () => expect.poll(() => clock.pending()).toBe(1),
    next: () => clock.advance(5 * 60_000),
    async end() {
      stop.abort();
      await running;
    },
  };
}

describe('the collector of images', () => {
  it('removes no more than it has to, and only when the disk is full', async () => {
    const node = newNode([image('a', 60), image('b', 60), image('c', 60)], 500);
    await node.rested();
    expect(node.left()).toEqual(['a', 'b', 'c']);
    node.disk.availableBytes = 100;
    node.next();
    await node.rested();
    expect(node.left()).toEqual(['c']);
    expect(node.events).toEqual([]);
    await node.end();
  });

  it('removes what belongs to no image before any image', async () => {
    const node = newNode([image('a', 60)], 100, [], 1000, 100);
    await node.rested();
    expect(node.left()).toEqual(['a']);
    expect(node.disk.availableBytes).toBe(200);
    await node.end();
  });

  it('removes all that nothing uses when a pod would have to go otherwise, but what has just come', async () => {
    const images = [image('a', 60), image('b', 60)];
    const node = newNode(images, 500, ['b'], 1000, 10);
    await node.rested();
    images.push(image('new', 60));
    await node.garbage.removeUnused();
    expect([node.left(), node.disk.availableBytes]).toEqual([['b', 'new'], 570]);
    await node.end();
  });

  it('goes on with the next when one is just being used', async () => {
    const node = newNode([image('a', 60), image('b', 60)], 145);
    node.refused.add('a');
    await node.rested();
    expect(node.left()).toEqual(['a']);
    await node.end();
  });

  it('says on the node what it could not free, and that it goes on failing', async () => {
    const node = newNode([image('a', 30), image('b', 500)], 50, ['b']);
    await node.rested();
    expect(node.left()).toEqual(['b']);
    const failed = 'Failed to garbage collect required amount of images. Attempted to free 150 bytes, but only found 30 bytes eligible to free.';
    expect(node.events).toEqual([`Node/n Warning FreeDiskSpaceFailed: ${failed}`]);
    node.next();
    await node.rested();
    expect(node.events.slice(1).map((each) => each.replace(/: .*/, ''))).toEqual(['Node/n Warning FreeDiskSpaceFailed', 'Node/n Warning ImageGCFailed']);
    await node.end();
  });

  it('says that a disk has no size', async () => {
    const node = newNode([], 0, [], 0);
    await node.rested();
    expect(node.events).toEqual(['Node/n Warning InvalidDiskCapacity: invalid capacity 0 on image filesystem']);
    await node.end();
  });
});
