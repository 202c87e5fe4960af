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

/** As often as the kubelet. */
const everyMs = 5 * 60_000;

/** Keeps images from filling the disk until `signal` aborts. What can't be freed is an event of the node, in the kubelet's words. */
export async function collectImageGarbage(options: ImageGarbageOptions, signal: AbortSignal): Promise<void> {
  const { clock, log, recorder, nodeName } = options;
  let uses: ImageUses | undefined;
  let hasFailed = false;
  while (!signal.aborted) {
    try {
      const images = await options.images.list();
      const inUse = await options.inUse();
      uses = withUse(uses, images, inUse, clock.now());
      await collect(options, uses, signal);
      hasFailed = false;
    } catch (error) {
      // Once may be chance: only what goes on is told.
      if (hasFailed) recorder.record(nodeReference(nodeName), 'Warning', 'ImageGCFailed', messageOf(error));
      log.warn({ err: error }, 'images were not removed to make room');
      hasFailed = true;
    }
    await pause(clock, everyMs, signal).catch(() => undefined);
  }
}

async function collect({ images, inUse, disk, policy, clock, log, recorder, nodeName }: ImageGarbageOptions, uses: ImageUses, signal: AbortSignal): Promise<void> {
  const { capacityBytes, availableBytes } = await disk();
  if (capacityBytes === 0) {
    recorder.record(nodeReference(nodeName), 'Warning', 'InvalidDiskCapacity', 'invalid capacity 0 on image filesystem');
    throw new Error('invalid capacity 0 on image filesystem');
  }
  if (bytesToFree({ capacityBytes, availableBytes }, policy) === 0) return;
  await images.removeOrphans(clock.now());
  const wanted = bytesToFree(await disk(), policy);
  if (wanted === 0) return;
  log.info({ capacityBytes, availableBytes, wanted }, 'the disk fills up: images that nothing uses are removed');
  let freed = 0;
  for (const { id, references, sizeBytes } of removable(await images.list(), uses, await inUse(), policy, clock.now())) {
    if (freed >= wanted || signal.aborted) break;
    try {
      await images.remove(id);
      freed += sizeBytes;
      log.info({ image: references[0] ?? id, sizeBytes }, 'an image was removed to make room');
    } catch (error) {
      // A container may have begun with it just now; there may be others.
      log.warn({ err: error, image: references[0] ?? id }, 'an image was not removed');
    }
  }
  if (freed >= wanted || signal.aborted) return;
  const message = `Failed to garbage collect required amount of images. Attempted to free ${wanted} bytes, but only found ${freed} bytes eligible to free.`;
  recorder.record(nodeReference(nodeName), 'Warning', 'FreeDiskSpaceFailed', message);
  throw new Error(message);
}
