import { createReadStream, createWriteStream, type Stats } from 'node:fs';
import { copyFile, mkdir, open, readFile, rm, stat } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { extract } from 'tar-stream';
import { fileDigest, bytesDigest } from './digest.ts';
import { ImageError } from './image-error.ts';
import { choosePlatform, descriptorsOf, isIndex, parseConfig, parseJson, parseManifest, type Descriptor } from './manifest.ts';
import { temporaryName } from './incoming.ts';
import { parseReference, repositoryOf, type ImageReference } from './reference.ts';
import type { LayerSource } from './layers.ts';
import type { ImageIntake, IncomingImage, StoredImage } from './store.ts';
import { messageOf } from '../../machinery/thrown.ts';

interface ImportOptions {
  readonly name?: string;
  readonly signal?: AbortSignal;
}

/** Files of an archive by their names in it. */
interface Archive {
  path(name: string): string | undefined;
  close(): Promise<void>;
}

/** Largest manifest, index or config that is read into memory, in bytes. */
const largestDocument = 8 * 1024 * 1024;

/** Takes in an OCI layout (a directory, or a tar of one) or a `docker save` archive. Forms: OCI image-layout 1.1; Docker image spec 1.2. */
export async function importImage(intake: ImageIntake, path: string, options: ImportOptions): Promise<readonly StoredImage[]> {
  const archive = (await statusOf(path)).isDirectory() ? openDirectory(path) : await openTar(intake, path);
  try {
    const images = await imagesOf(intake, archive, path);
    if (images.length === 0) throw new ImageError('NotFound', `${path} holds no image`);
    const named = options.name === undefined ? images : images.map((image) => ({ ...image, references: [referenceOf(options.name ?? '')] }));
    const stored: StoredImage[] = [];
    for (const image of named) stored.push(await intake.admit({ ...image, pinned: true }, options.signal));
    return stored;
  } finally {
    await archive.close();
  }
}

async function statusOf(path: string): Promise<Stats> {
  return stat(path).catch((error: unknown) => {
    throw new ImageError('NotFound', `cannot read ${path}`, { cause: error });
  });
}

function referenceOf(name: string): ImageReference {
  const reference = parseReference(name);
  if (reference === undefined) throw new ImageError('InvalidName', `couldn't parse image name "${name}": invalid reference format`);
  return reference;
}

function openDirectory(root: string): Archive {
  return { path: (name) => (isPlain(name) ? join(root, name) : undefined), close: async () => {} };
}

/** A name that stays inside the archive. */
function isPlain(name: string): boolean {
  return name !== '' && !name.startsWith('/') && !name.split('/').includes('..');
}

/** Spreads a tar's files, flat, in a directory of their own; only regular files, and links between them by name. */
async function openTar(intake: ImageIntake, path: string): Promise<Archive> {
  const directory = join(intake.incomingDir, temporaryName('archive'));
  await mkdir(directory, { mode: 0o700 });
  const close = (): Promise<void> => rm(directory, { recursive: true, force: true });
  const files = new Map<string, string>();
  const links = new Map<string, string>();
  try {
    const tar = extract();
    const source = createReadStream(path);
    const done = (await isGzip(path)) ? pipeline(source, createGunzip(), tar) : pipeline(source, tar);
    // A failure surfaces where the entries are read; this only keeps it from being reported as unhandled first.
    done.catch(() => {});
    for await (const entry of tar) {
      const name = posix.normalize(entry.header.name);
      if (entry.header.type === 'file' && isPlain(name)) {
        const file = join(directory, String(files.size));
        await pipeline(Readable.from(entry), createWriteStream(file, { flags: 'wx' }));
        files.set(name, file);
        continue;
      }
      const target = entry.header.linkname ?? '';
      if (entry.header.type === 'symlink') links.set(name, posix.join(posix.dirname(name), target));
      if (entry.header.type === 'link') links.set(name, posix.normalize(target));
      entry.resume();
    }
    await done;
  } catch (error) {
    await close();
    throw new ImageError('Corrupt', `${path} is not a tar archive that can be read: ${messageOf(error)}`, { cause: error });
  }
  return { path: (name) => files.get(posix.normalize(name)) ?? files.get(links.get(posix.normalize(name)) ?? ''), close };
}

async function isGzip(path: string): Promise<boolean> {
  const file = await open(path);
  try {
    const { buffer } = await file.read(Buffer.alloc(2), 0, 2, 0);
    return buffer[0] === 0x1f && buffer[1] === 0x8b;
  } finally {
    await file.close();
  }
}

async function read(archive: Archive, name: string): Promise<Buffer | undefined> {
  const path = archive.path(name);
  const info = path === undefined ? undefined : await stat(path).catch(() => undefined);
  if (path === undefined || info === undefined || !info.isFile()) return undefined;
  if (info.size > largestDocument) throw new ImageError('Corrupt', `${name} has ${info.size} bytes; at most ${largestDocument} are read`);
  return await readFile(path);
}

async function imagesOf(intake: ImageIntake, archive: Archive, path: string): Promise<readonly IncomingImage[]> {
  const saved = await read(archive, 'manifest.json');
  if (saved !== undefined) return await dockerImages(intake, archive, saved);
  const index = await read(archive, 'index.json');
  if (index === undefined) throw new ImageError('NotFound', `${path} is neither an OCI image layout (no index.json) nor a docker archive (no manifest.json)`);
  const images: IncomingImage[] = [];
  for (const descriptor of descriptorsOf(parseJson(index, 'index.json'), path)) images.push(await layoutImage(intake, archive, descriptor));
  return images;
}

async function blob(archive: Archive, descriptor: Descriptor): Promise<Buffer> {
  const bytes = await read(archive, blobName(descriptor.digest));
  if (bytes === undefined) throw new ImageError('Corrupt', `blob ${descriptor.digest} is missing`);
  if (bytesDigest(bytes) !== descriptor.digest) throw new ImageError('Corrupt', `blob ${descriptor.digest} has other bytes than its digest says`);
  return bytes;
}

const blobName = (digest: string): string => `blobs/${digest.replace(':', '/')}`;

async function layoutImage(intake: ImageIntake, archive: Archive, descriptor: Descriptor): Promise<IncomingImage> {
  const document = parseJson(await blob(archive, descriptor), descriptor.digest);
  if (isIndex(document, descriptor.mediaType)) {
    const chosen = choosePlatform(document, descriptor.digest);
    return await layoutImage(intake, archive, { ...chosen, annotations: { ...chosen.annotations, ...descriptor.annotations } });
  }
  const manifest = parseManifest(document, descriptor.digest);
  const config = await blob(archive, manifest.config);
  const { diffIds } = parseConfig(parseJson(config, manifest.config.digest), manifest.config.digest);
  if (diffIds.length !== manifest.layers.length) throw new ImageError('Corrupt', `${descriptor.digest} has ${manifest.layers.length} layers, its config ${diffIds.length}`);
  const layers = manifest.layers.map((layer, position) => layerFrom(intake, archive, blobName(layer.digest), {
    diffId: diffIds[position] ?? '', digest: layer.digest, size: layer.size,
  }));
  const name = descriptor.annotations['io.containerd.image.name'] ?? descriptor.annotations['org.opencontainers.image.ref.name'];
  // A bare tag names nothing on its own.
  const reference = name === undefined || !/[:/]/.test(name) ? undefined : parseReference(name);
  return {
    config, layers, references: reference === undefined ? [] : [reference],
    repoDigests: reference === undefined ? [] : [`${repositoryOf(reference)}@${descriptor.digest}`],
  };
}

/** The blob is copied into the store first: unpacking takes it from there, and the archive stays as it is. */
function layerFrom(intake: ImageIntake, archive: Archive, name: string, layer: Omit<LayerSource, 'fetch'>): LayerSource {
  return {
    ...layer,
    async fetch() {
      const from = archive.path(name);
      if (from === undefined) throw new ImageError('Corrupt', `layer ${name} is missing`);
      const to = join(intake.incomingDir, temporaryName('layer'));
      await copyFile(from, to);
      return to;
    },
  };
}

async function dockerImages(intake: ImageIntake, archive: Archive, saved: Buffer): Promise<readonly IncomingImage[]> {
  const list: unknown = JSON.parse(saved.toString('utf8'));
  if (!Array.isArray(list)) throw new ImageError('Corrupt', 'manifest.json is not a list');
  const images: IncomingImage[] = [];
  for (const entry of list) images.push(await dockerImage(intake, archive, entry));
  return images;
}

async function dockerImage(intake: ImageIntake, archive: Archive, entry: unknown): Promise<IncomingImage> {
  const { Config, RepoTags, Layers } = (typeof entry === 'object' && entry !== null ? entry : {}) as Partial<Record<string, unknown>>;
  const config = typeof Config === 'string' ? await read(archive, Config) : undefined;
  if (config === undefined || !Array.isArray(Layers)) throw new ImageError('Corrupt', 'manifest.json has an image without a config or layers');
  const { diffIds } = parseConfig(parseJson(config, String(Config)), String(Config));
  if (diffIds.length !== Layers.length) throw new ImageError('Corrupt', `${String(Config)} has ${diffIds.length} layers, the archive ${Layers.length}`);
  const layers: LayerSource[] = [];
  for (const [position, name] of Layers.entries()) {
    const path = archive.path(String(name));
    if (path === undefined) throw new ImageError('Corrupt', `layer ${String(name)} is missing`);
    layers.push(layerFrom(intake, archive, String(name), { diffId: diffIds[position] ?? '', digest: await fileDigest(path), size: (await stat(path)).size }));
  }
  const tags = Array.isArray(RepoTags) ? RepoTags.flatMap((tag) => parseReference(String(tag)) ?? []) : [];
  return { config, layers, references: tags, repoDigests: [] };
}
