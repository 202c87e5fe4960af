import { createHash } from 'node:crypto';
import { existsSync, lstatSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { pack, type Pack } from 'tar-stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startHost, type HostClient } from '../../native/host.ts';
import { buildSanitized, containerSpec, createTestMachine, sanitized, logText, sandboxSpec, sh } from './fixture.ts';

/** The host with sanitizers: a byte read too far ends it, and the request with it. */
let host: HostClient;
let directory: string;
let counter = 0;

beforeAll(async () => {
  await buildSanitized();
  directory = await mkdtemp(join(tmpdir(), 'coracle-unpack-'));
  host = startHost({ hostBinary: sanitized.host });
}, 120_000);
afterAll(async () => {
  await host.close();
  await rm(directory, { recursive: true, force: true });
});

type Entry = Parameters<Pack['entry']>[0] & { readonly content?: string };

async function archive(entries: readonly Entry[]): Promise<Buffer> {
  const tar = pack();
  for (const { content = '', ...header } of entries) tar.entry(header, content);
  tar.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of tar) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

const digestOf = (bytes: Buffer): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
const compress = { none: (bytes: Buffer) => bytes, gzip: (bytes: Buffer) => gzipSync(bytes), zstd: (bytes: Buffer) => zstdCompressSync(bytes) };

/** Unpacks an archive into a new directory below ours, and returns it. */
async function unpack(tar: Buffer, changes: { readonly compression?: keyof typeof compress; readonly blob?: Buffer; readonly digest?: string; readonly diffId?: string; readonly into?: string } = {}): Promise<string> {
  counter += 1;
  const compression = changes.compression ?? 'none';
  const bytes = changes.blob ?? compress[compression](tar);
  const [blob, target] = [join(directory, `blob-${counter}`), changes.into ?? join(directory, `layer-${counter}`)];
  await writeFile(blob, bytes);
  await host.unpack({ blob, digest: changes.digest ?? digestOf(bytes), diffId: changes.diffId ?? digestOf(tar), compression, target });
  return target;
}

const ordinary: readonly Entry[] = [
  { name: './', type: 'directory', mode: 0o755, mtime: new Date(6e11) },
  { name: './bin/', type: 'directory', mode: 0o711, mtime: new Date(1e12) },
  { name: './bin/tool', mode: 0o4755, uid: 0, gid: 42, mtime: new Date(9e11), content: 'tool\n' },
  { name: './bin/same', type: 'link', linkname: './bin/tool' },
  { name: './bin/alias', type: 'symlink', linkname: '/bin/tool', mtime: new Date(8e11) },
  { name: './pipe', type: 'fifo', mtime: new Date(7e11) },
  { name: `deep/${'long-name-'.repeat(20)}`, content: 'long\n' },
];

describe('a layer', () => {
  it.each(['none', 'gzip', 'zstd'] as const)('is unpacked from %s with owners, modes, times and links', async (compression) => {
    const target = await unpack(await archive(ordinary), { compression });
    const tool = statSync(join(target, 'bin/tool'));
    expect({ mode: tool.mode & 0o7777, gid: tool.gid, mtime: tool.mtimeMs, links: tool.nlink }).toEqual({ mode: 0o4755, gid: 42, mtime: 9e11, links: 2 });
    expect(readlinkSync(join(target, 'bin/alias'))).toBe('/bin/tool');
    expect(['bin', 'bin/alias', 'pipe', '.'].map((name) => lstatSync(join(target, name)).mtimeMs)).toEqual([1e12, 8e11, 7e11, 6e11]);
    expect(readFileSync(join(target, 'deep', 'long-name-'.repeat(20)), 'utf8')).toBe('long\n');
  });

  it('may be gzip in several members', async () => {
    const tar = await archive(ordinary);
    const blob = Buffer.concat([gzipSync(tar.subarray(0, 700)), gzipSync(tar.subarray(700))]);
    expect(existsSync(join(await unpack(tar, { compression: 'gzip', blob }), 'bin/tool'))).toBe(true);
  });

  it('replaces what an earlier entry of the same name made', async () => {
    const target = await unpack(await archive([{ name: 'a/b', content: 'x' }, { name: 'a', content: 'file now' }]));
    expect(readFileSync(join(target, 'a'), 'utf8')).toBe('file now');
  });

  it('hides what lies below it, as overlay sees it', async () => {
    const lower = await unpack(await archive([{ name: 'd/old', content: 'old' }, { name: 'd/kept', content: 'kept' }, { name: 'o/old', content: 'old' }]));
    const upper = await unpack(await archive([{ name: 'd/.wh.old' }, { name: 'o/.wh..wh..opq' }, { name: 'o/new', content: 'new' }]));
    const machine = await createTestMachine({ spares: 0 });
    try {
      const sandbox = await machine.runtime.createSandbox(sandboxSpec('layers'));
      const spec = containerSpec(machine, sh('ls /d /o'), { layers: [machine.layer, lower, upper] });
      await sandbox.start(spec);
      await machine.exitOf(spec.id);
      expect(await logText(spec.logPath)).toBe('/d:\nkept\n\n/o:\nnew\n');
    } finally {
      await machine.close();
    }
  });
});

describe('a hostile layer', () => {
  it.each([
    ['a name with ..', [{ name: '../escape', content: 'x' }], 'BadLayer'],
    ['a name with .. in the middle', [{ name: 'a/../../escape', content: 'x' }], 'BadLayer'],
    ['a hard link that leaves it', [{ name: 'x', type: 'link', linkname: '../../etc/passwd' }], 'BadLayer'],
    ['a hard link to what is not there', [{ name: 'x', type: 'link', linkname: 'etc/shadow' }], 'BadLayer'],
    ['overlay\'s own whiteout', [{ name: 'x', type: 'character-device', devmajor: 0, devminor: 0 }], 'BadLayer'],
    ['a whiteout of the parent', [{ name: 'd/.wh...' }], 'BadLayer'],
    ['a file where a directory must be', [{ name: 'f', content: 'x' }, { name: 'f/g', content: 'x' }], 'BadLayer'],
  ] satisfies readonly (readonly [string, Entry[], string])[])('is refused for %s, and leaves nothing', async (_name, entries, code) => {
    const before = await readdir(directory);
    await expect(unpack(await archive(entries))).rejects.toMatchObject({ code });
    expect((await readdir(directory)).filter((name) => !before.includes(name) && !name.startsWith('blob-'))).toEqual([]);
    expect(existsSync(join(directory, 'escape'))).toBe(false);
  });

  it('stays inside through its own symbolic links', async () => {
    const target = await unpack(await archive([
      { name: 'abs', type: 'symlink', linkname: '/' }, { name: 'abs/inside', content: 'abs' },
      { name: 'up', type: 'symlink', linkname: '../../../../..' }, { name: 'up/inside2', content: 'up' },
      { name: 'hard', type: 'symlink', linkname: '/etc' }, { name: 'etc/', type: 'directory' }, { name: 'hard/x', content: 'hard' },
    ]));
    expect(readFileSync(join(target, 'inside'), 'utf8')).toBe('abs');
    expect(readFileSync(join(target, 'inside2'), 'utf8')).toBe('up');
    expect(readFileSync(join(target, 'etc/x'), 'utf8')).toBe('hard');
    expect(existsSync('/inside') || existsSync('/inside2') || existsSync('/etc/x')).toBe(false);
  });

  it('can\'t forge overlay\'s attributes', async () => {
    const target = await unpack(await archive([{ name: 'd/', type: 'directory', pax: { 'SCHILY.xattr.trusted.overlay.redirect': '/etc', 'SCHILY.xattr.user.note': 'kept' } }]));
    expect(lstatSync(join(target, 'd')).isDirectory()).toBe(true);
  });

  it.each([
    ['the blob is another', (tar: Buffer) => ({ digest: digestOf(Buffer.concat([tar, tar])) }), 'DigestMismatch'],
    ['the content is another', () => ({ compression: 'gzip' as const, diffId: digestOf(Buffer.from('x')) }), 'DigestMismatch'],
    ['the blob is broken and another', (tar: Buffer) => ({ compression: 'gzip' as const, blob: gzipSync(tar).subarray(0, 100), digest: digestOf(tar) }), 'DigestMismatch'],
    ['the blob is cut', (tar: Buffer) => ({ compression: 'gzip' as const, blob: gzipSync(tar).subarray(0, 100) }), 'BadLayer'],
    ['the archive is cut', (tar: Buffer) => ({ blob: tar.subarray(0, 1400) }), 'BadLayer'],
    ['the compression is another', (tar: Buffer) => ({ compression: 'zstd' as const, blob: gzipSync(tar) }), 'BadLayer'],
  ])('is refused when %s', async (_name, changes, code) => {
    const tar = await archive(ordinary);
    await expect(unpack(tar, changes(tar))).rejects.toMatchObject({ code });
  });

  it('does not take the place of a layer that is there', async () => {
    const tar = await archive(ordinary);
    const into = await unpack(tar);
    await expect(unpack(tar, { into })).rejects.toMatchObject({ code: 'Failed' });
    expect(existsSync(join(into, 'bin/tool'))).toBe(true);
  });
});
