/**
 * Images on this node: content-addressed, shared by all pods, safe against a crash at any instant and against several
 * processes (an agent and `coracle image`). Under `<dataDir>/images/`: `blobs/sha256/` (configs; layers only while they are
 * fetched, and those of images built here, to be pushed), `layers/<diff id>/` unpacked (a directory there is complete), `index.json` (names and images, replaced
 * atomically). What the index doesn't name doesn't exist: a pull that was cut short leaves files, never an image.
 */
import { link, mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Runtime } from '../runtime/runtime.ts';
import { buildImage, type BuildOptions } from './build.ts';
import { bytesDigest } from './digest.ts';
import { ImageError } from './image-error.ts';
import { temporaryName } from './incoming.ts';
import { emptyIndex, keptBlobs, parseIndex, type ImageIndex, type ImageRecord } from './index-file.ts';
import { createLayerStore, hexOf, type LayerSource, type LayerStore } from './layers.ts';
import { inBatches } from '../../machinery/in-batches.ts';
import { withLock } from './lock.ts';
import { manifestTypes, parseConfig, parseJson, type ImageConfig } from './manifest.ts';
import { formatReference, parseReference, referenceKey, repositoryOf, type ImageReference } from './reference.ts';
import { addSignatures, readSignatures, type Signature } from './signatures.ts';
import { readWhenChanged } from '../read-when-changed.ts';
import { replaceFile } from '../replace-file.ts';
import { importImage } from './import.ts';
import { removeOrphans } from './orphans.ts';
import { listPackages } from './packages/list.ts';
import type { Package } from './packages/parse.ts';
import { withPreloaded, withVerified, type PodCredentials, type VerifiedPulls } from './pull-access.ts';
import { pullImage, type PullOptions } from './pull.ts';
import { pushImage, type Pushed, type PushOptions } from './push.ts';
import { systemCode } from '../../machinery/thrown.ts';

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
  /** It stays when the disk fills up. */
  readonly pinned: boolean;
  /** Who may use it; absent in the records of earlier versions, whose images are for all. */
  readonly pulls?: VerifiedPulls;
}

export interface ImageStore {
  /** Takes in an OCI layout (directory or tar) or a `docker save` archive; answers the images, named as the archive names them or as `options.name`. */
  import(path: string, options?: { readonly name?: string; readonly signal?: AbortSignal }): Promise<readonly StoredImage[]>;
  list(): Promise<readonly StoredImage[]>;
  /** What package managers say is in an image, by its id; `NotFound` when it isn't here. */
  packages(id: string): Promise<readonly Package[]>;
  /** Signatures of a digest that were kept; whoever relies on one verifies it. */
  readonly signatures: (digest: string) => Promise<readonly Signature[]>;
  keepSignatures(digest: string, signatures: readonly Signature[]): Promise<void>;
  /** Removes what was left by pulls and builds that were cut short an hour before `now` (milliseconds since the epoch). */
  removeOrphans(now: number): Promise<void>;
  /** Has an image stay, or no longer, when the disk fills up. */
  pin(reference: string, pinned: boolean): Promise<void>;
  /** Takes a name (or every name of an id) away, and the image with its last name; `InUse` while a pod runs from it. */
  remove(reference: string): Promise<void>;
  pull(reference: string, options: PullOptions): Promise<StoredImage>;
  /** A directory as an image of one layer; its blobs are kept, so that it can be pushed. */
  build(directory: string, options: BuildOptions & { readonly name?: string; readonly signal?: AbortSignal }): Promise<StoredImage>;
  /** Brings an image that was built here to the registry that `target` names; `NotFound` when its blobs aren't here. */
  push(reference: string, target: string, options: PushOptions): Promise<Pushed>;
  /** By name, digest or id; `undefined` when it isn't here. `ImageError` `InvalidName` for a text that is no name. */
  resolve(reference: string): Promise<StoredImage | undefined>;
}

export interface ImageStoreOptions {
  readonly dataDir: string;
  readonly unpack: Runtime['unpack'];
  /** For `build`. */
  readonly pack?: Runtime['pack'];
  /** For `packages`. */
  readonly opaqueDirectories?: Runtime['opaqueDirectories'];
  /** Ids of images that pods run from. */
  readonly inUse?: () => Promise<ReadonlySet<string>>;
}

/** A complete image on its way in. */
export interface IncomingImage {
  readonly config: Buffer;
  readonly layers: readonly LayerSource[];
  readonly references: readonly ImageReference[];
  readonly repoDigests: readonly string[];
  /** No registry is known to have it, so it is not removed to make room. */
  readonly pinned?: boolean;
  /** It was pulled for a pod, by these of its credentials; `by` undefined: the registry asked for none. */
  readonly verified?: { readonly repository: string; readonly by: PodCredentials | undefined };
  /** To be kept as they are, beside what is unpacked: the manifest, and files that hold its layers. */
  readonly keep?: { readonly manifest: Buffer; readonly layers: readonly { readonly digest: string; readonly path: string }[] };
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
  const paths = { index: indexPath(options.dataDir), lock: join(root, 'lock'), blobs: join(root, 'blobs', 'sha256'), layers: join(root, 'layers'), incoming: join(root, 'incoming'), signatures: join(root, 'signatures'), packages: join(root, 'packages') };
  for (const directory of [paths.blobs, paths.layers, paths.incoming, paths.packages]) await mkdir(directory, { recursive: true, mode: 0o700 });
  const readIndex = readWhenChanged(paths.index, parseIndex, emptyIndex);
  const layers = createLayerStore({ layersDir: paths.layers, blobsDir: paths.blobs, incomingDir: paths.incoming, unpack: options.unpack });
  const shelf: Shelf = {
    blobsDir: paths.blobs, incomingDir: paths.incoming, signaturesDir: paths.signatures, packagesDir: paths.packages, layers, readIndex, inUse: options.inUse, read: new WeakMap(),
    change: (edit) => withLock(paths.lock, lockDeadlineMs, async () => {
      const before = await readIndex();
      const after = await edit(before);
      if (after !== before) await replaceFile(paths.index, JSON.stringify(after));
    }),
  };
  const intake: ImageIntake = { blobsDir: paths.blobs, incomingDir: paths.incoming, admit: (image, signal) => admit(shelf, image, signal) };
  return {
    import: (path, importOptions = {}) => importImage(intake, path, importOptions),
    pull: (reference, pullOptions) => pullImage(intake, reference, pullOptions),
    build: (directory, buildOptions) => build(intake, options.pack, directory, buildOptions),
    push: (reference, target, pushOptions) => push(shelf, reference, target, pushOptions),
    list: async () => await Promise.all(Object.values((await readIndex()).images).map((record) => stored(shelf, record))),
    async resolve(reference) {
      const record = find(await readIndex(), reference);
      return record === undefined ? undefined : await stored(shelf, record);
    },
    packages: (id) => packages(shelf, options.opaqueDirectories, id),
    signatures: (digest) => readSignatures(signaturePath(paths.signatures, digest)),
    keepSignatures: (digest, signatures) => addSignatures(signaturePath(paths.signatures, digest), signatures),
    removeOrphans: (now) => shelf.change(async (index) => {
      await removeOrphans({ index, now, blobsDir: paths.blobs, layersDir: paths.layers, layers });
      return index;
    }),
    pin: (reference, pinned) => pin(shelf, reference, pinned),
    remove: (reference) => remove(shelf, reference),
  };
}

/** What the store's parts share. */
interface Shelf {
  readonly blobsDir: string;
  readonly incomingDir: string;
  readonly signaturesDir: string;
  readonly packagesDir: string;
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
  return { ...record, pinned: record.pinned === true, layers: record.diffIds.map((diffId) => shelf.layers.path(diffId)), config: parseConfig(parseJson(config, `the config of ${record.id}`), record.id) };
}

/** Layers first, then the config, then the index: what the index names is whole. */
async function admit(shelf: Shelf, image: IncomingImage, signal?: AbortSignal): Promise<StoredImage> {
  const id = bytesDigest(image.config);
  await inBatches(image.layers, layersAtOnce, async (layer) => {
    signal?.throwIfAborted();
    await shelf.layers.take(layer, signal);
  });
  await replaceFile(join(shelf.blobsDir, hexOf(id)), image.config);
  await shelf.change(async (index) => {
    await keepBlobs(shelf, image);
    for (const { diffId } of image.layers) {
      if (!(await shelf.layers.has(diffId))) throw new ImageError('Unavailable', `layer ${diffId} was removed while image ${id} was taken in: try again`);
    }
    return withImage(index, id, image);
  });
  const record = (await shelf.readIndex()).images[id];
  if (record === undefined) throw new ImageError('NotFound', `image ${id} was removed while it was taken in`);
  return await stored(shelf, record);
}

/** Under the index's lock: whoever removes an image that shares a blob is before or after it. */
async function keepBlobs(shelf: Shelf, { keep }: IncomingImage): Promise<void> {
  if (keep === undefined) return;
  await replaceFile(join(shelf.blobsDir, hexOf(bytesDigest(keep.manifest))), keep.manifest);
  for (const { digest, path } of keep.layers) {
    await link(path, join(shelf.blobsDir, hexOf(digest))).catch((error: unknown) => {
      // The same bytes: an earlier build of the same directory.
      if (systemCode(error) !== 'EEXIST') throw error;
    });
  }
}

function referenceOf(text: string): ImageReference {
  const reference = parseReference(text);
  if (reference === undefined) throw new ImageError('InvalidName', `couldn't parse image name "${text}": invalid reference format`);
  return reference;
}

async function build(
  intake: ImageIntake, pack: ImageStoreOptions['pack'], directory: string, options: BuildOptions & { readonly name?: string; readonly signal?: AbortSignal },
): Promise<StoredImage> {
  if (pack === undefined) throw new Error('this store was opened without what packs layers');
  const references = options.name === undefined ? [] : [referenceOf(options.name)];
  if (references.some(({ digest }) => digest !== undefined)) throw new ImageError('InvalidName', `"${options.name ?? ''}" has a digest, which only the image itself can give`);
  const { config, manifest, layer } = await buildImage(pack, intake.incomingDir, directory, options, options.signal);
  try {
    const unpacked = join(intake.incomingDir, temporaryName('layer'));
    const source: LayerSource = {
      diffId: layer.diffId, digest: layer.digest, size: layer.size,
      async fetch() {
        await link(layer.path, unpacked);
        return unpacked;
      },
    };
    return await intake.admit({ config, layers: [source], references, repoDigests: [], pinned: true, keep: { manifest, layers: [layer] } }, options.signal);
  } finally {
    await rm(layer.path, { force: true });
  }
}

async function push(shelf: Shelf, text: string, target: string, options: PushOptions): Promise<Pushed> {
  const reference = referenceOf(target);
  if (reference.digest !== undefined) throw new ImageError('InvalidName', `"${target}" has a digest: the image's own is what it is pushed under; give a tag`);
  const record = find(await shelf.readIndex(), text);
  if (record === undefined) throw new ImageError('NotFound', `image "${text}" is not here`);
  if (record.kept === undefined) throw new ImageError('NotFound', `the layers of image "${text}" are not kept as registries have them: only images of 'coracle image build' can be pushed`);
  const { manifest, blobs } = record.kept;
  const path = (digest: string): string => join(shelf.blobsDir, hexOf(digest));
  const pushed = await pushImage({
    manifest: await readFile(path(manifest)), mediaType: manifestTypes[0], digest: manifest, blobs: [record.id, ...blobs].map((digest) => ({ digest, path: path(digest) })),
  }, reference, options);
  await shelf.change((index) => withRepoDigest(index, record.id, `${repositoryOf(reference)}@${manifest}`));
  return pushed;
}

function withRepoDigest(index: ImageIndex, id: string, repoDigest: string): ImageIndex {
  const record = index.images[id];
  if (record === undefined) return index;
  return { images: { ...index.images, [id]: { ...record, repoDigests: [...new Set([...record.repoDigests, repoDigest])] } } };
}

async function pin(shelf: Shelf, reference: string, pinned: boolean): Promise<void> {
  await shelf.change((index) => {
    const record = find(index, reference);
    if (record === undefined) throw new ImageError('NotFound', `image "${reference}" is not here`);
    return { images: { ...index.images, [record.id]: { ...record, pinned } } };
  });
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
  const kept = new Set(Object.values(left.images).flatMap(keptBlobs));
  for (const digest of keptBlobs(record).filter((each) => !kept.has(each))) await rm(join(shelf.blobsDir, hexOf(digest)), { force: true });
  const signable = new Set(Object.values(left.images).flatMap(digestsOf));
  for (const digest of digestsOf(record).filter((each) => !signable.has(each))) await rm(signaturePath(shelf.signaturesDir, digest), { force: true });
  await rm(packagesPath(shelf, record.id), { force: true });
  await rm(join(shelf.blobsDir, hexOf(record.id)), { force: true });
}

async function packages(shelf: Shelf, opaqueDirectories: ImageStoreOptions['opaqueDirectories'], id: string): Promise<readonly Package[]> {
  if (opaqueDirectories === undefined) throw new Error('this store was opened without what reads layers');
  const record = (await shelf.readIndex()).images[id];
  if (record === undefined) throw new ImageError('NotFound', `image "${id}" is not here`);
  return await listPackages({ layers: record.diffIds.map((diffId) => shelf.layers.path(diffId)), path: packagesPath(shelf, id), incomingDir: shelf.incomingDir, opaqueDirectories });
}

function packagesPath({ packagesDir }: Shelf, id: string): string {
  return join(packagesDir, `${hexOf(id)}.json`);
}

function signaturePath(directory: string, digest: string): string {
  return join(directory, `${hexOf(digest)}.json`);
}

/** What registries know it by. */
function digestsOf({ repoDigests }: ImageRecord): readonly string[] {
  return repoDigests.map((each) => each.slice(each.indexOf('@') + 1));
}

function withImage(index: ImageIndex, id: string, image: IncomingImage): ImageIndex {
  const before = index.images[id];
  const names = image.references.map(referenceKey);
  const others = Object.values(index.images).filter((each) => each.id !== id)
    // A name points to one image: the older holder loses it, and stays under its id while pods may use it.
    .map((each) => withoutNames(each, names, image.pinned === true));
  const kept = image.keep === undefined ? before?.kept : { manifest: bytesDigest(image.keep.manifest), blobs: image.keep.layers.map(({ digest }) => digest) };
  const known = before === undefined ? undefined : before.pulls ?? withPreloaded(undefined, repositoriesOf(before.references));
  const pulls = image.verified === undefined ? withPreloaded(known, repositoriesOf(names)) : withVerified(known, image.verified.repository, image.verified.by);
  const record: ImageRecord = {
    id, references: [...new Set([...(before?.references ?? []), ...names])], repoDigests: [...new Set([...(before?.repoDigests ?? []), ...image.repoDigests])],
    sizeBytes: image.layers.reduce((sum, layer) => sum + layer.size, image.config.length), diffIds: image.layers.map((layer) => layer.diffId),
    ...(kept === undefined ? {} : { kept }), pulls, ...(before?.pinned === true || image.pinned === true ? { pinned: true } : {}),
  };
  return { images: Object.fromEntries([...others, record].map((each) => [each.id, each])) };
}

/** What is built or imported anew under its last name takes its place: who would have unpinned it by that name can't any more. */
function withoutNames(record: ImageRecord, names: readonly string[], isReplaced: boolean): ImageRecord {
  const references = record.references.filter((name) => !names.includes(name));
  if (!isReplaced || references.length > 0 || record.references.length === 0) return { ...record, references };
  const { pinned: _pinned, ...rest } = record;
  return { ...rest, references };
}

function repositoriesOf(names: readonly string[]): readonly string[] {
  return names.flatMap((name) => parseReference(name) ?? []).map(repositoryOf);
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
