import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { messageOf } from '../../machinery/thrown.ts';
import { inBatches } from '../../machinery/in-batches.ts';
import { ImageError } from './image-error.ts';
import { formatReference, type ImageReference } from './reference.ts';
import { openRegistry, type Credentials, type Registry } from './registry.ts';
import { noRegistrySettings, type RegistrySettings } from './registry-settings.ts';

export interface PushOptions {
  /** Tried in order; none: nothing is said of who we are. */
  readonly credentials?: readonly Credentials[];
  /** Absent: none is anything but what its name says. */
  readonly registries?: RegistrySettings;
  readonly signal?: AbortSignal;
  /** How long the registry may stay silent, milliseconds; absent: a minute. */
  readonly silenceMs?: number;
  /** Larger blobs go up in pieces of so many bytes. */
  readonly chunkBytes?: number;
}

/** A whole image on disk. */
export interface PushedImage {
  readonly manifest: Buffer;
  readonly mediaType: string;
  readonly digest: string;
  /** Config and layers. */
  readonly blobs: readonly { readonly digest: string; readonly path: string }[];
}

/** What of it was sent, by digest: the registry had the rest. */
export interface Pushed {
  readonly digest: string;
  readonly sent: readonly string[];
}

const blobsAtOnce = 3;
const defaultChunkBytes = 64 * 1024 * 1024;
const deadlineMs = 60 * 60_000;
/** A connection that breaks is made again so often for one blob. */
const mostAttempts = 5;

/** Brings an image to its registry: blobs that are not there, then the manifest. Source: OCI distribution-spec 1.1, pushing. */
export async function pushImage(image: PushedImage, reference: ImageReference, options: PushOptions): Promise<Pushed> {
  const deadline = AbortSignal.timeout(deadlineMs);
  const signal = options.signal === undefined ? deadline : AbortSignal.any([options.signal, deadline]);
  const registry = openRegistry(reference, {
    action: 'push', credentials: options.credentials ?? [], settings: options.registries ?? noRegistrySettings, signal,
    ...(options.silenceMs === undefined ? {} : { silenceMs: options.silenceMs }),
  });
  const sent: string[] = [];
  try {
    await inBatches(image.blobs, blobsAtOnce, async ({ digest, path }) => {
      signal.throwIfAborted();
      if (await registry.has(digest)) return;
      await upload(registry, digest, path, options.chunkBytes ?? defaultChunkBytes, signal);
      sent.push(digest);
    });
    await registry.putManifest(reference.tag ?? image.digest, image.mediaType, image.manifest);
    return { digest: image.digest, sent };
  } catch (error) {
    if (options.signal?.aborted === true) throw options.signal.reason;
    throw new ImageError(error instanceof ImageError ? error.code : 'Unavailable', `failed to push image "${formatReference(reference)}": ${messageOf(error)}`, { cause: error });
  }
}

interface Progress {
  readonly location: string;
  readonly size: number;
}

/** In one request when it is small, else piece by piece: a broken connection then costs one piece, where the registry knows what it has. */
async function upload(registry: Registry, digest: string, path: string, chunkBytes: number, signal: AbortSignal): Promise<void> {
  const { size } = await stat(path);
  const { location, leastChunk } = await registry.beginUpload();
  const piece = Math.max(chunkBytes, leastChunk);
  if (size <= piece) return await registry.endUpload(location, digest, { size, open: () => createReadStream(path) });
  let at: Progress = { location, size: 0 };
  let failures = 0;
  while (at.size < size) {
    const { location: here, size: start } = at;
    const length = Math.min(piece, size - start);
    try {
      at = { location: await registry.uploadChunk(here, start, { size: length, open: () => createReadStream(path, { start, end: start + length - 1 }) }), size: start + length };
    } catch (error) {
      failures += 1;
      signal.throwIfAborted();
      // One whose beginning the registry was still taking in when it was asked for may be forgotten there: NotFound.
      if (failures === mostAttempts || !(error instanceof ImageError) || (error.code !== 'Unavailable' && error.code !== 'NotFound')) throw error;
      at = await whereToGoOn(registry, here);
    }
  }
  await registry.endUpload(at.location, digest);
}

/** What reached the registry of a piece is its to say; one that has lost count takes the blob from its beginning. */
async function whereToGoOn(registry: Registry, location: string): Promise<Progress> {
  try {
    return await registry.uploaded(location);
  } catch (error) {
    if (!(error instanceof ImageError)) throw error;
    return { location: (await registry.beginUpload()).location, size: 0 };
  }
}
