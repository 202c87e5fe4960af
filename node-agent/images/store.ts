/**
 * Images on this node: content-addressed, shared by all pods, safe against a crash at any instant and against several
 * processes (an agent and `coracle image`). Under `<dataDir>/images/`: `blobs/sha256/` (configs; layers only while they are
 * fetched), `layers/<diff id>/` unpacked (a directory there is complete), `index.json` (names and images, replaced
 * atomically). What the index doesn't name doesn't exist: a pull that was cut short leaves files, never an image.
 */
import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Runtime } from '../runtime/runtime.ts';
import { bytesDigest } from './digest.ts';
import { ImageError } from './image-error.ts';
import { emptyIndex, parseIndex, type ImageIndex, type ImageRecord } from './index-file.ts';
import { createLayerStore, hexOf, type LayerSource, type LayerStore } from './layers.ts';
import { withLock } from './lock.ts';
import { parseConfig, parseJson, type ImageConfig } from './manifest.ts';
import { formatReference, parseReference, referenceKey, repositoryOf, type ImageReference } from './reference.ts';
import { readWhenChanged } from '../read-when-changed.ts';
import { replaceFile } from '../replace-file.ts';
import { importImage } from './import.ts';
import { pullImage, type PullOptions } from './pull.ts';

export interface StoredImage {
  /** `sha256:…` of the image's config: its identity. */
  readonly id: string;
  /** Names it has: `docker.io/library/web:1`. */
  readonly references: readonly string[];
  /** `docker.io/library/web@sha256:…`: what registries call it. */
  readonly repoDigests: readonly string[];
  readonly sizeBytes: number;
  /** Unpacked layers on disk, lowest first. */
  readonly layers: readonly string[];
  readonly config: ImageConfig;
}

export interface ImageStore {
  /** Takes in an OCI layout (directory or tar) or a `docker save` archive; answers the images, named as the archive names them or as `options.name`. */
  import(path: string, options?: { readonly name?: string; readonly signal?: AbortSignal }): Promise<readonly StoredImage[]>;
  list(): Promise<readonly StoredImage[]>;
  /** Takes a name (or every name of an id) away, and the image with its last name; `InUse` while a pod runs from it. */
  remove(reference: string): Promise<void>;
  pull(reference: string, options: PullOptions): Promise<StoredImage>;
  /** By name, digest or id; `undefined` when it isn't here. `ImageError` `InvalidName` for a text that is no name. */
  resolve(reference: string): Promise<StoredImage | undefined>;
}

export interface ImageStoreOptions {
  readonly dataDir: string;
  readonly unpack: Runtime['unpack'];
  /** Ids of images that pods run from. */
  readonly inUse?: () => Promise<ReadonlySet<string>>;
}

/** A complete image on its way in. */
export interface IncomingImage {
  readonly config: Buffer;
  readonly layers: readonly LayerSource[];
  readonly references: readonly ImageReference[];
  readonly repoDigests: readonly string[];
}

/** What importing and pulling ask of the store. */
export interface ImageIntake {
  readonly blobsDir: string;
  readonly incomingDir: string;
  admit(image: IncomingImage, signal?: AbortSignal): Promise<StoredImage>;
}

const imagesDirectory = (dataDir: string): string => join(dataDir, 'images');
/** Replaced whenever an image comes or goes. */
export const indexPath = (dataDir: string): string => join(imagesDirectory(dataDir), 'index.json');

const layersAtOnce = 3;
const lockDeadlineMs = 30_000;

export async function openImageStore(options: ImageStoreOptions): Promise<ImageStore> {
  const root = imagesDirectory(options.dataDir);
  const paths = { index: indexPath(options.dataDir), lock: join(root, 'lock'), blobs: join(root, 'blobs', 'sha256'), layers: join(root, 'layers'), incoming: join(root, 'incoming') };
  for (const directory of [paths.blobs, paths.layers, paths.incoming]) await mkdir(directory, { recursive: true, mode: 0o700 });
  const readIndex = readWhenChanged(paths.index, parseIndex, emptyIndex);
  const layers = createLayerStore({ layersDir: paths.layers, blobsDir: paths.blobs, incomingDir: paths.incoming, unpack: options.unpack });
  const shelf: Shelf = {
    blobsDir: paths.blobs, incomingDir: paths.incoming, layers, readIndex, inUse: options.inUse, read: new WeakMap(),
    change: (edit) => withLock(paths.lock, lockDeadlineMs, async () => await replaceFile(paths.index, JSON.stringify(await edit(await readIndex())))),
  };
  const intake: ImageIntake = { blobsDir: paths.blobs, incomingDir: paths.incoming, admit: (image, signal) => admit(shelf, image, signal) };
  return {
    import: (path, importOptions = {}) => importImage(intake, path, importOptions),
    pull: (reference, pullOptions) => pullImage(intake, reference, pullOptions),
    list: async () => await Promise.all(Object.values((await readIndex()).images).map((record) => stored(shelf, record))),
    async resolve(reference) {
      const record = find(await readIndex(), reference);
      return record === undefined ? undefined : await stored(shelf, record);
    },
    remove: (reference) => remove(shelf, reference),
  };
}

/** What the store's parts share. */
interface Shelf {
  readonly blobsDir: string;
  readonly incomingDir: string;
  readonly layers: LayerStore;
  readonly inUse: ImageStoreOptions['inUse'];
  /** What has been read of the present index's records. */
  readonly read: WeakMap<ImageRecord, Promise<StoredImage>>;
  readIndex(): Promise<ImageIndex>;
  /** Replaces the index, under the lock that all processes heed. */
  change(edit: (index: ImageIndex) => Promise<ImageIndex> | ImageIndex): Promise<void>;
}

/** An image as its users see it, read once for each version of the index. */
function stored(shelf: Shelf, record: ImageRecord): Promise<StoredImage> {
  const known = shelf.read.get(record);
  if (known !== undefined) return known;
  const reading = readStored(shelf, record);
  shelf.read.set(record, reading);
  // A failure is not kept: the next who asks tries again.
  reading.catch(() => shelf.read.delete(record));
  return reading;
}

async function readStored(shelf: Shelf, record: ImageRecord): Promise<StoredImage> {
  const config = await readFile(join(shelf.blobsDir, hexOf(record.id)));
  return { ...record, layers: record.diffIds.map((diffId) => shelf.layers.path(diffId)), config: parseConfig(parseJson(config, `the config of ${record.id}`), record.id) };
}

/** Layers first, then the config, then the index: what the index names is whole. */
async function admit(shelf: Shelf, image: IncomingImage, signal?: AbortSignal): Promise<StoredImage> {
  const id = bytesDigest(image.config);
  await inBatches(image.layers, layersAtOnce, async (layer) => {
    signal?.throwIfAborted();
    await shelf.layers.take(layer);
  });
  await replaceFile(join(shelf.blobsDir, hexOf(id)), image.config);
  await shelf.change(async (index) => {
    for (const { diffId } of image.layers) {
      if (!(await shelf.layers.has(diffId))) throw new ImageError('Unavailable', `layer ${diffId} was removed while image ${id} was taken in: try again`);
    }
    return withImage(index, id, image);
  });
  const record = (await shelf.readIndex()).images[id];
  if (record === undefined) throw new ImageError('NotFound', `image ${id} was removed while it was taken in`);
  return await stored(shelf, record);
}

async function remove(shelf: Shelf, reference: string): Promise<void> {
  await shelf.change(async (index) => {
    const record = find(index, reference);
    if (record === undefined) throw new ImageError('NotFound', `image "${reference}" is not here`);
    const left = withoutName(index, record, reference);
    if (left.images[record.id] === undefined) await removeFiles(shelf, left, record);
    return left;
  });
}

/** Takes away what only this image needed. */
async function removeFiles(shelf: Shelf, left: ImageIndex, record: ImageRecord): Promise<void> {
  if ((await shelf.inUse?.())?.has(record.id) === true) throw new ImageError('InUse', `image ${record.id} is used by a pod`);
  const needed = new Set(Object.values(left.images).flatMap((each) => each.diffIds));
  for (const diffId of record.diffIds.filter((each) => !needed.has(each))) await shelf.layers.remove(diffId);
  await rm(join(shelf.blobsDir, hexOf(record.id)), { force: true });
}

function withImage(index: ImageIndex, id: string, image: IncomingImage): ImageIndex {
  const before = index.images[id];
  const names = image.references.map(referenceKey);
  const others = Object.values(index.images).filter((each) => each.id !== id)
    // A name points to one image: the older holder loses it, and stays under its id while pods may use it.
    .map((each) => ({ ...each, references: each.references.filter((name) => !names.includes(name)) }));
  const record: ImageRecord = {
    id, references: [...new Set([...(before?.references ?? []), ...names])], repoDigests: [...new Set([...(before?.repoDigests ?? []), ...image.repoDigests])],
    sizeBytes: image.layers.reduce((sum, layer) => sum + layer.size, image.config.length), diffIds: image.layers.map((layer) => layer.diffId),
  };
  return { images: Object.fromEntries([...others, record].map((each) => [each.id, each])) };
}

function find(index: ImageIndex, text: string): ImageRecord | undefined {
  const byId = index.images[text] ?? index.images[`sha256:${text}`];
  if (byId !== undefined) return byId;
  const reference = parseReference(text);
  if (reference === undefined) throw new ImageError('InvalidName', `couldn't parse image name "${text}": invalid reference format`);
  const key = referenceKey(reference);
  return Object.values(index.images).find((each) => each.references.includes(key) || each.repoDigests.includes(`${repositoryOf(reference)}@${reference.digest ?? ''}`));
}

function withoutName(index: ImageIndex, record: ImageRecord, text: string): ImageIndex {
  const isId = text === record.id || `sha256:${text}` === record.id;
  const reference = isId ? undefined : parseReference(text);
  const references = reference === undefined ? [] : record.references.filter((each) => each !== formatReference(reference));
  const { [record.id]: _removed, ...others } = index.images;
  return { images: references.length === 0 ? others : { ...others, [record.id]: { ...record, references } } };
}

/** Runs `work` for each item, so many at once; the first failure ends it. */
async function inBatches<T>(items: readonly T[], atOnce: number, work: (item: T) => Promise<void>): Promise<void> {
  const waiting = [...items];
  const worker = async (): Promise<void> => {
    for (let item = waiting.shift(); item !== undefined; item = waiting.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}
