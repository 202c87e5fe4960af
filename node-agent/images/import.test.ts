import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { pack } from 'tar-stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fileDigest } from './digest.ts';
import { openImageStore, type ImageStore } from './store.ts';

const digestOf = (text: string): string => createHash('sha256').update(text).digest('hex');
const layer = 'the layer';
const config = JSON.stringify({ config: { Cmd: ['/bin/sh'] }, rootfs: { diff_ids: [`sha256:${digestOf(layer)}`] } });
const manifest = JSON.stringify({
  config: { mediaType: 'c', digest: `sha256:${digestOf(config)}`, size: config.length }, layers: [{ mediaType: 'l', digest: `sha256:${digestOf(layer)}`, size: layer.length }],
});
const index = (name: string): string => JSON.stringify({
  manifests: [{ mediaType: 'application/vnd.oci.image.manifest.v1+json', digest: `sha256:${digestOf(manifest)}`, size: manifest.length, annotations: { 'org.opencontainers.image.ref.name': name } }],
});
const layout = (name: string): Record<string, string> => ({
  'oci-layout': '{}', 'index.json': index(name), [`blobs/sha256/${digestOf(layer)}`]: layer, [`blobs/sha256/${digestOf(config)}`]: config, [`blobs/sha256/${digestOf(manifest)}`]: manifest,
});

let directory: string;
let store: ImageStore;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'coracle-import-'));
  store = await openImageStore({
    dataDir: directory,
    async unpack(request) {
      if ((await fileDigest(request.blob)) !== request.digest) throw new Error('digest mismatch');
      await mkdir(request.target);
    },
  });
});
afterEach(() => rm(directory, { recursive: true }));

async function asDirectory(files: Record<string, string>): Promise<string> {
  const root = join(directory, 'layout');
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(root, name)), { recursive: true });
    await writeFile(join(root, name), text);
  }
  return root;
}

async function asTar(files: Record<string, string>, links: Record<string, string> = {}, zipped = false): Promise<string> {
  const tar = pack();
  for (const [name, text] of Object.entries(files)) tar.entry({ name }, text);
  for (const [name, linkname] of Object.entries(links)) tar.entry({ name, linkname, type: 'symlink' });
  tar.finalize();
  const path = join(directory, 'image.tar');
  await (zipped ? pipeline(tar, createGzip(), createWriteStream(path)) : pipeline(tar, createWriteStream(path)));
  return path;
}

describe('importing an image', () => {
  it.each<[string, () => Promise<string>]>([
    ['an OCI layout', () => asDirectory(layout('example.com/web:1'))],
    ['a tar of one', () => asTar(layout('example.com/web:1'))],
    ['a compressed tar of one', () => asTar(layout('example.com/web:1'), {}, true)],
    ['a docker archive', () => asTar({
      'manifest.json': JSON.stringify([{ Config: 'c.json', RepoTags: ['example.com/web:1'], Layers: ['a/layer.tar'] }]), 'c.json': config, 'a/layer.tar': layer,
    })],
    ['a docker archive whose layers are links', () => asTar({
      'manifest.json': JSON.stringify([{ Config: 'c.json', RepoTags: ['example.com/web:1'], Layers: ['a/layer.tar'] }]), 'c.json': config, 'b/layer.tar': layer,
    }, { 'a/layer.tar': '../b/layer.tar' })],
  ])('takes %s', async (_name, make) => {
    const [image] = await store.import(await make());
    expect(image).toMatchObject({ id: `sha256:${digestOf(config)}`, references: ['example.com/web:1'], config: { command: ['/bin/sh'] }, pinned: true });
    expect(await store.resolve('example.com/web:1')).toEqual(image);
    expect(await readdir(join(directory, 'images', 'incoming'))).toEqual([]);
    expect(await readdir(join(directory, 'images', 'blobs', 'sha256'))).toEqual([digestOf(config)]);
  });

  it('gives it the name that is asked for', async () => {
    const [image] = await store.import(await asDirectory(layout('latest')), { name: 'web:2' });
    expect(image?.references).toEqual(['docker.io/library/web:2']);
  });

  it('leaves what had its name for the next clean-up, unless somebody kept that under another', async () => {
    const of = async (entrypoint: string, names: string[]) => {
      const other = JSON.stringify({ ...JSON.parse(config) as object, config: { Entrypoint: [entrypoint] } });
      return await store.import(await asTar({ 'manifest.json': JSON.stringify([{ Config: 'c.json', RepoTags: names, Layers: ['layer.tar'] }]), 'c.json': other, 'layer.tar': layer }));
    };
    await of('/a', ['a:1', 'b:1']);
    await of('/b', ['a:1']);
    await of('/c', ['a:1']);
    const found = (await store.list()).map(({ references, pinned }) => [references.join(), pinned]);
    expect(found.toSorted()).toEqual([['', false], ['docker.io/library/a:1', true], ['docker.io/library/b:1', true]]);
  });

  it.each<[string, () => Promise<string>, string]>([
    ['something else', () => asTar({ 'a.txt': 'x' }), 'neither an OCI image layout'],
    ['no tar', async () => {
      await writeFile(join(directory, 'x'), Buffer.alloc(2000, 1));
      return join(directory, 'x');
    }, 'not a tar archive'],
    ['a blob with other bytes', () => asDirectory({ ...layout('a/b:1'), [`blobs/sha256/${digestOf(manifest)}`]: `${manifest} ` }), 'has other bytes than its digest says'],
    ['a layer with other bytes', () => asDirectory({ ...layout('a/b:1'), [`blobs/sha256/${digestOf(layer)}`]: 'evil' }), 'digest mismatch'],
    ['a missing layer', () => asTar({ 'manifest.json': JSON.stringify([{ Config: 'c.json', Layers: ['../../etc/passwd'] }]), 'c.json': config }), 'layer ../../etc/passwd is missing'],
  ])('refuses %s and keeps nothing', async (_name, make, message) => {
    await expect(store.import(await make())).rejects.toThrow(message);
    expect(await store.list()).toEqual([]);
    expect(await readdir(join(directory, 'images', 'blobs', 'sha256'))).toEqual([]);
  });
});
