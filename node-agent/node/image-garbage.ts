import { pause, type Clock } from '../../machinery/clock.ts';
import { messageOf } from '../../machinery/thrown.ts';
import type { Recorder } from '../../client/events.ts';
import type { Log } from '../../client/log.ts';
import { bytesToFree, removable, withUse, type Disk, type GarbagePolicy, type ImageUses } from '../images/garbage.ts';
import type { ImageStore } from '../images/store.ts';
import { nodeReference } from './reference.ts';

export interface ImageGarbageOptions {
  readonly images: Pick<ImageStore, 'list' | 'remove' | 'removeOrphans'>;
  /** Ids of images that containers of this node's pods were made from, those included that have ended. */
  readonly inUse: () => Promise<ReadonlySet<string>>;
  /** The disk that images lie on. */
  readonly disk: () => Promise<Disk>;
  readonly policy: GarbagePolicy;
  readonly clock: Clock;
  readonly log: Log;
  readonly recorder: Recorder;
  readonly nodeName: string;
}

/** Keeps images from filling the disk. */
export interface ImageGarbage {
  /** Looks at the disk now and then until `signal` aborts. What can't be freed is an event of the node, in the kubelet's words. */
  run(signal: AbortSignal): Promise<void>;
  /** Removes all that nothing uses, however full the disk is: before a pod has to go for want of room. */
  removeUnused(): Promise<void>;
}

/** As often as the kubelet. */
const everyMs = 5 * 60_000;

export function createImageGarbage(options: ImageGarbageOptions): ImageGarbage {
  const { images, clock, log, recorder, nodeName, policy } = options;
  let uses: ImageUses | undefined;

  async function look(): Promise<ImageUses> {
    uses = withUse(uses, await images.list(), await options.inUse(), clock.now());
    return uses;
  }

  /** Removes images until so many bytes are free, and answers how many are. */
  async function free(wanted: number, known: ImageUses, signal?: AbortSignal): Promise<number> {
    let freed = 0;
    for (const { id, references, sizeBytes } of removable(await images.list(), known, await options.inUse(), policy, clock.now())) {
      if (freed >= wanted || signal?.aborted === true) break;
      try {
        await images.remove(id);
        freed += sizeBytes;
        log.info({ image: references[0] ?? id, sizeBytes }, 'an image was removed to make room');
      } catch (error) {
        // A container may have begun with it just now; there may be others.
        log.warn({ err: error, image: references[0] ?? id }, 'an image was not removed');
      }
    }
    return freed;
  }

  async function collect(signal: AbortSignal): Promise<void> {
    const known = await look();
    const { capacityBytes, availableBytes } = await options.disk();
    if (capacityBytes === 0) {
      recorder.record(nodeReference(nodeName), 'Warning', 'InvalidDiskCapacity', 'invalid capacity 0 on image filesystem');
      throw new Error('invalid capacity 0 on image filesystem');
    }
    if (bytesToFree({ capacityBytes, availableBytes }, policy) === 0) return;
    await images.removeOrphans(clock.now());
    const wanted = bytesToFree(await options.disk(), policy);
    if (wanted === 0) return;
    log.info({ capacityBytes, availableBytes, wanted }, 'the disk fills up: images that nothing uses are removed');
    const freed = await free(wanted, known, signal);
    if (freed >= wanted || signal.aborted) return;
    const message = `Failed to garbage collect required amount of images. Attempted to free ${wanted} bytes, but only found ${freed} bytes eligible to free.`;
    recorder.record(nodeReference(nodeName), 'Warning', 'FreeDiskSpaceFailed', message);
    throw new Error(message);
  }

  return {
    async run(signal) {
      let hasFailed = false;
      while (!signal.aborted) {
        try {
          await collect(signal);
          hasFailed = false;
        } catch (error) {
          // Once may be chance: only what goes on is told.
          if (hasFailed) recorder.record(nodeReference(nodeName), 'Warning', 'ImageGCFailed', messageOf(error));
          log.warn({ err: error }, 'images were not removed to make room');
          hasFailed = true;
        }
        await pause(clock, everyMs, signal).catch(() => undefined);
      }
    },
    async removeUnused() {
      const known = await look();
      await images.removeOrphans(clock.now());
      await free(Infinity, known);
    },
  };
}
