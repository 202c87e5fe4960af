import { createReadStream, createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { pack, type Pack } from 'tar-stream';
import type { BuiltImage } from './build.ts';
import { bytesDigest } from './digest.ts';
import { manifestTypes } from './manifest.ts';
import { formatReference, type ImageReference } from './reference.ts';

/** Writes an image as a tar of an OCI layout, complete or not at all. Source: OCI image-spec 1.1, image layout. */
export async function writeLayout(image: BuiltImage, name: ImageReference | undefined, target: string): Promise<void> {
  const { config, manifest, layer } = image;
  const annotations = name === undefined ? {} : { annotations: { 'io.containerd.image.name': formatReference(name), 'org.opencontainers.image.ref.name': name.tag ?? 'latest' } };
  const index = { schemaVersion: 2, manifests: [{ mediaType: manifestTypes[0], digest: bytesDigest(manifest), size: manifest.length, ...annotations }] };
  const partial = `${target}.partial-${process.pid}`;
  const tar = pack();
  try {
    const written = pipeline(tar, createWriteStream(partial));
    // It surfaces below; the entries may fail first.
    written.catch(() => {});
    tar.entry({ name: 'oci-layout', mtime: epoch }, '{"imageLayoutVersion":"1.0.0"}');
    tar.entry({ name: 'index.json', mtime: epoch }, JSON.stringify(index));
    for (const bytes of [manifest, config]) tar.entry({ name: blobName(bytesDigest(bytes)), mtime: epoch }, bytes);
    await pipeline(createReadStream(layer.path), entryOf(tar, blobName(layer.digest), layer.size));
    tar.finalize();
    await written;
    await rename(partial, target);
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  }
}

const epoch = new Date(0);

function entryOf(tar: Pack, name: string, size: number): ReturnType<Pack['entry']> {
  return tar.entry({ name, size, mtime: epoch });
}

function blobName(digest: string): string {
  return `blobs/${digest.replace(':', '/')}`;
}
