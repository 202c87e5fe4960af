import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { chmod, lchown, link, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { extract, pack, type Header } from 'tar-stream';
import { buffer } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startHost, type HostClient } from '../../native/host.ts';
import { run } from '../e2e/command.ts';
import { buildSanitized, sanitized } from './fixture.ts';

/** The host with sanitizers, as for unpacking. */
let host: HostClient;
let directory: string;
let counter = 0;

beforeAll(async () => {
  await buildSanitized();
  directory = await mkdtemp(join(tmpdir(), 'coracle-pack-'));
  host = startHost({ hostBinary: sanitized.host });
}, 120_000);
afterAll(async () => {
  await host.close();
  await rm(directory, { recursive: true, force: true });
});

const sh = (script: string): Promise<string> => run('sh', ['-ec', script]);

async function newDirectory(): Promise<string> {
  counter += 1;
  const path = join(directory, `root-${counter}`);
  await mkdir(path);
  return path;
}

async function packed(root: string, mtime = 0): Promise<string> {
  counter += 1;
  const target = join(directory, `tar-${counter}`);
  await host.pack({ directory: root, mtime, target });
  return target;
}

/** The archive as another program reads it. */
async function entriesOf(path: string): Promise<readonly (Header & { readonly content: string })[]> {
  const entries: (Header & { readonly content: string })[] = [];
  for await (const entry of createReadStream(path).pipe(extract())) entries.push({ ...entry.header, content: (await buffer(entry)).toString('utf8') });
  return entries;
}

const long = `${'long-name-'.repeat(15)}/${'x'.repeat(120)}`;

async function ordinary(): Promise<string> {
  const root = await newDirectory();
  for (const each of ['bin', 'etc', join(long, '..')]) await mkdir(join(root, each), { recursive: true });
  await writeFile(join(root, 'bin/tool'), 'tool\n');
  await lchown(join(root, 'bin/tool'), 7, 3_000_000);
  await chmod(join(root, 'bin/tool'), 0o4755);
  await link(join(root, 'bin/tool'), join(root, 'bin/again'));
  await symlink('/bin/tool', join(root, 'bin/alias'));
  await lchown(join(root, 'bin/alias'), 5, 6);
  await writeFile(join(root, long), 'long\n');
  await sh(`mkfifo -m 640 '${root}/pipe' && mknod -m 666 '${root}/null' c 1 3`);
  return root;
}

describe('a directory', () => {
  it('becomes an archive with owners, modes, links, devices and long names, sorted', async () => {
    const entries = await entriesOf(await packed(await ordinary(), 1_000_000));
    expect(entries.map(({ name, type }) => `${type} ${name.replace(long, 'LONG').replace(long.slice(0, 150), 'L')}`)).toEqual([
      'directory bin/', 'file bin/again', 'symlink bin/alias', 'link bin/tool', 'directory etc/', 'directory L/', 'file LONG', 'character-device null', 'fifo pipe',
    ]);
    const named = Object.fromEntries(entries.map((each) => [each.name, each]));
    expect(named['bin/again']).toMatchObject({ mode: 0o4755, uid: 7, pax: { gid: '3000000' }, content: 'tool\n', mtime: new Date(1e9) });
    expect(named['bin/tool']).toMatchObject({ linkname: 'bin/again', size: 0 });
    expect(named['bin/alias']).toMatchObject({ linkname: '/bin/tool', uid: 5, gid: 6 });
    expect(named[long]?.content).toBe('long\n');
    expect(named['null']).toMatchObject({ devmajor: 1, devminor: 3, mode: 0o666 });
    expect(named['pipe']).toMatchObject({ mode: 0o640 });
  });

  it('gives the same bytes wherever and whenever it lies', async () => {
    const root = await ordinary();
    const copy = join(directory, 'copy');
    await sh(`cp -a '${root}' '${copy}' && find '${copy}' -exec touch -h -d '2001-02-03' {} +`);
    expect(await readFile(await packed(copy))).toEqual(await readFile(await packed(root)));
  });

  it('is what unpacking makes of it again, attributes included', async () => {
    const tar = pack();
    tar.entry({ name: 'd/', type: 'directory', pax: { 'SCHILY.xattr.user.note': 'kept' } });
    tar.entry({ name: 'd/f', mode: 0o755, pax: { 'SCHILY.xattr.user.b': 'two', 'SCHILY.xattr.user.a': 'one\n=1' } }, 'content');
    tar.finalize();
    const bytes = await buffer(tar);
    const [blob, first, second] = ['x.tar', 'x.first', 'x.second'].map((name) => join(directory, name)) as [string, string, string];
    await writeFile(blob, bytes);
    await host.unpack({ blob, digest: digestOf(bytes), compression: 'none', target: first });
    const once = await packed(first);
    expect((await entriesOf(once)).map(({ name, pax }) => [name, pax])).toEqual([
      ['d/', { 'SCHILY.xattr.user.note': 'kept' }], ['d/f', { 'SCHILY.xattr.user.a': 'one\n=1', 'SCHILY.xattr.user.b': 'two' }],
    ]);
    const digest = digestOf(await readFile(once));
    await host.unpack({ blob: once, digest, diffId: digest, compression: 'none', target: second });
    expect(await readFile(await packed(second))).toEqual(await readFile(once));
  });

  it('is packed without sockets, and without what is mounted in it', async () => {
    const root = await newDirectory();
    await mkdir(join(root, 'mounted'));
    const server = createServer();
    await new Promise<void>((resolve) => void server.listen(join(root, 'socket'), resolve));
    try {
      await sh(`mount -t tmpfs coracle-test '${root}/mounted' && touch '${root}/mounted/file'`);
      try {
        expect((await entriesOf(await packed(root))).map(({ name }) => name)).toEqual(['mounted/']);
      } finally {
        await sh(`umount '${root}/mounted'`);
      }
    } finally {
      server.close();
    }
  });

  it.each<[string, (root: string) => Promise<unknown>, RegExp]>([
    ['a name that would hide another', (root) => writeFile(join(root, '.wh.file'), ''), /\.wh\.file would hide a file of the layers below: rename it/],
    ['overlay’s whiteout', (root) => sh(`mknod '${root}/gone' c 0 0`), /gone is overlay's whiteout/],
    ['nothing there', (root) => rm(root, { recursive: true }), /opening the directory .*No such file or directory/],
  ])('with %s is refused, and leaves nothing', async (_name, spoil, message) => {
    const root = await newDirectory();
    await spoil(root);
    const target = join(directory, `refused-${root.slice(-2)}`);
    await expect(host.pack({ directory: root, mtime: 0, target })).rejects.toThrow(message);
    await expect(readFile(target)).rejects.toThrow('ENOENT');
  });

  it('overwrites nothing', async () => {
    const target = join(directory, 'mine');
    await writeFile(target, 'mine');
    await expect(host.pack({ directory: await newDirectory(), mtime: 0, target })).rejects.toThrow('File exists');
    expect(await readFile(target, 'utf8')).toBe('mine');
  });

  it('of thousands of files with two names each is still packed', async () => {
    const root = await newDirectory();
    await Promise.all(Array.from({ length: 1000 }, async (_each, number) => {
      await writeFile(join(root, `a${number}`), String(number));
      await link(join(root, `a${number}`), join(root, `b${number}`));
    }));
    const entries = await entriesOf(await packed(root));
    expect(entries.filter(({ type }) => type === 'link')).toHaveLength(1000);
    expect(entries.every(({ name, type, linkname }) => type === 'file' || linkname === name.replace('b', 'a'))).toBe(true);
  });
});

describe('directories that hide those of lower layers', () => {
  it('are found again in what was unpacked', async () => {
    const tar = pack();
    for (const name of ['a/.wh..wh..opq', 'b/c/.wh..wh..opq', 'd/e']) tar.entry({ name }, '');
    tar.finalize();
    const bytes = await buffer(tar);
    const [blob, layer, found] = ['opaque.tar', 'opaque', 'opaque.list'].map((name) => join(directory, name)) as [string, string, string];
    await writeFile(blob, bytes);
    await host.unpack({ blob, digest: digestOf(bytes), compression: 'none', target: layer });
    await host.findOpaque(layer, found);
    expect((await readFile(found, 'utf8')).split('\0').toSorted()).toEqual(['', '/a', '/b/c']);
    await expect(host.findOpaque(layer, found)).rejects.toThrow('File exists');
    await expect(host.findOpaque(join(directory, 'nowhere'), `${found}.2`)).rejects.toThrow('No such file or directory');
    await expect(readFile(`${found}.2`)).rejects.toThrow('ENOENT');
  });
});

const digestOf = (bytes: Buffer): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
