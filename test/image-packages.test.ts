import { createHash } from 'node:crypto';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { pack } from 'tar-stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { silentLog } from '../client/log.ts';
import { openImageStore, type ImageStore } from '../node-agent/images/store.ts';
import { openRuntime } from '../node-agent/runtime/native-runtime.ts';
import type { Runtime } from '../node-agent/runtime/runtime.ts';

/** What an image holds, by layers that real unpacking has made. */
let dataDir: string;
let runtime: Runtime;
let store: ImageStore;

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'coracle-packages-'));
  runtime = await openRuntime({ dataDir, instance: 'packag', log: silentLog });
  store = await openImageStore({ dataDir, unpack: (request) => runtime.unpack(request), opaqueDirectories: (layer, scratch) => runtime.opaqueDirectories(layer, scratch) });
});
afterAll(async () => {
  await runtime.close();
  await rm(dataDir, { recursive: true, force: true });
});

type Files = Readonly<Record<string, string>>;

/** A tar of files; a value that begins with `->` is where a symbolic link leads. */
async function tarOf(files: Readonly<Record<string, string | Buffer>>): Promise<Buffer> {
  const tar = pack();
  for (const [name, content] of Object.entries(files)) {
    if (typeof content === 'string' && content.startsWith('->')) tar.entry({ name, type: 'symlink', linkname: content.slice(2) });
    else tar.entry({ name }, content);
  }
  tar.finalize();
  return await buffer(tar);
}

async function imageOf(...layers: readonly Files[]): Promise<string> {
  const tars = await Promise.all(layers.map(tarOf));
  const diffIds = tars.map((bytes) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`);
  const names = tars.map((_each, position) => `${position}.tar`);
  const path = join(dataDir, 'image.tar');
  await writeFile(path, await tarOf({
    ...Object.fromEntries(tars.map((bytes, position) => [names[position] ?? '', bytes])), 'config.json': JSON.stringify({ rootfs: { diff_ids: diffIds } }),
    'manifest.json': JSON.stringify([{ Config: 'config.json', RepoTags: [], Layers: names }]),
  }));
  return (await store.import(path))[0]?.id ?? '';
}

const npm = (name: string, version = '1.0.0'): string => JSON.stringify({ name, version });
const deb = (name: string, version = '1'): string => `Package: ${name}\nStatus: install ok installed\nVersion: ${version}\n\n`;
const listed = async (id: string): Promise<readonly string[]> => (await store.packages(id)).map(({ ecosystem, name, version }) => `${ecosystem} ${name} ${version}`).toSorted();

describe('the packages of an image', () => {
  it('are those of dpkg, of images without dpkg, of apk, and below node_modules', async () => {
    expect(await listed(await imageOf({
      'var/lib/dpkg/status': deb('libc6', '2.36-9'), 'var/lib/dpkg/status.d/tzdata': 'Package: tzdata\nVersion: 2024a\n', 'var/lib/dpkg/status.d/tzdata.md5sums': deb('no'),
      'lib/apk/db/installed': 'P:musl\nV:1.2.4-r2\n\n', 'usr/lib/node_modules/npm/package.json': npm('npm', '10.0.0'),
      'app/node_modules/@a/b/package.json': npm('@a/b'), 'app/node_modules/@a/b/node_modules/c/package.json': npm('c', '2.0.0'), 'app/node_modules/.pnpm/d@1.0.0/node_modules/d/package.json': npm('d'),
      'app/package.json': npm('app'), 'app/node_modules/e/lib/package.json': npm('inner'), 'app/node_modules/f/package.json': 'broken',
    }))).toEqual(['apk musl 1.2.4-r2', 'deb libc6 2.36-9', 'deb tzdata 2024a', 'npm @a/b 1.0.0', 'npm c 2.0.0', 'npm d 1.0.0', 'npm npm 10.0.0']);
  });

  it('are what the uppermost layer leaves of them', async () => {
    expect(await listed(await imageOf(
      { 'var/lib/dpkg/status': deb('old'), 'a/node_modules/removed/package.json': npm('removed'), 'a/node_modules/kept/package.json': npm('kept'), 'b/node_modules/hidden/package.json': npm('hidden'), 'c/node_modules/x/package.json': npm('x'), 'd/node_modules/y/package.json': npm('y') },
      { 'var/lib/dpkg/status': deb('new'), 'a/node_modules/.wh.removed': '', 'b/node_modules/.wh..wh..opq': '', 'b/node_modules/fresh/package.json': npm('fresh'), 'c/node_modules': 'a file now', 'd/.wh..wh..opq': '', 'd/other': '' },
      { 'c/.wh.node_modules': '', 'a/node_modules/kept/package.json': npm('kept', '2.0.0') },
    ))).toEqual(['deb new 1', 'npm fresh 1.0.0', 'npm kept 2.0.0']);
  });

  it('do not come from where links lead', async () => {
    expect(await listed(await imageOf({ 'var/lib/dpkg/status': '->/var/lib/dpkg/status', 'node_modules/passwd/package.json': '->/etc/passwd', 'node_modules/up': '->../../../..' }))).toEqual([]);
  });

  it('are looked for once, and forgotten with the image', async () => {
    const id = await imageOf({ 'node_modules/once/package.json': npm('once') });
    expect(await listed(id)).toEqual(await listed(id));
    const kept = (): Promise<readonly string[]> => readdir(join(dataDir, 'images/packages'));
    expect(await kept()).toContain(`${id.slice(7)}.json`);
    expect(await readdir(join(dataDir, 'images/incoming'))).toEqual([]);
    await store.remove(id);
    expect(await kept()).not.toContain(`${id.slice(7)}.json`);
    await expect(store.packages(id)).rejects.toMatchObject({ code: 'NotFound' });
  });
});
