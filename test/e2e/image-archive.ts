import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { buffer } from 'node:stream/consumers';
import { extract, pack, type Header } from 'tar-stream';
import { webArchive } from './coracle.ts';

/** Images that only tests need, as `docker save` archives. */
export interface Entry extends Partial<Header> {
  readonly name: string;
  readonly content?: string | Buffer;
}

export async function tarOf(entries: readonly Entry[]): Promise<Buffer> {
  const tar = pack();
  for (const { content = '', ...header } of entries) tar.entry(header, content);
  tar.finalize();
  return buffer(tar);
}

/** The one layer of the example image: busybox. */
export async function exampleLayer(): Promise<Buffer> {
  for await (const entry of createReadStream(webArchive).pipe(extract())) {
    const bytes = await buffer(entry);
    if (entry.header.name === 'layer.tar') return bytes;
  }
  throw new Error(`${webArchive} has no layer.tar`);
}

export interface Image {
  readonly name: string;
  /** Tar archives, the lowest first. */
  readonly layers: readonly Buffer[];
  /** Beside its PATH, as "OCI image configuration" has it. */
  readonly config: object;
}

/** The hexadecimal SHA-256 by which an image's parts are known. */
export const digestOf = (bytes: Buffer | string): string => createHash('sha256').update(bytes).digest('hex');

/** Writes the archive of an image; answers the digest of its configuration. */
export async function writeImage(path: string, { name, layers, config }: Image): Promise<string> {
  const described = JSON.stringify({
    architecture: process.arch === 'x64' ? 'amd64' : process.arch, os: 'linux', config: { Env: ['PATH=/bin'], ...config },
    rootfs: { type: 'layers', diff_ids: layers.map((layer) => `sha256:${digestOf(layer)}`) },
  });
  const files = layers.map((layer, index) => ({ name: `${index}.tar`, content: layer }));
  const manifest = [{ Config: 'config.json', RepoTags: [name], Layers: files.map((file) => file.name) }];
  await writeFile(path, await tarOf([{ name: 'manifest.json', content: JSON.stringify(manifest) }, { name: 'config.json', content: described }, ...files]));
  return digestOf(described);
}
