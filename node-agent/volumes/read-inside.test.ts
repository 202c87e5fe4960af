import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readInside } from './read-inside.ts';

let base = '';
let root = '';

beforeAll(async () => {
  base = await mkdtemp(join(tmpdir(), 'coracle-inside-'));
  root = join(base, 'root');
  await mkdir(join(root, 'a/b'), { recursive: true });
  await writeFile(join(base, 'secret'), 'outside');
  await writeFile(join(root, 'secret'), 'inside');
  await writeFile(join(root, 'a/b/file'), 'text');
  const links = { 'a/near': 'b/file', 'a/root': '/secret', 'a/up': '../../../../secret', 'a/base': join(base, 'secret'), 'loop': 'loop', 'down': 'a/b' };
  for (const [name, target] of Object.entries(links)) await symlink(target, join(root, name));
  execFileSync('mkfifo', [join(root, 'pipe')]);
});
afterAll(() => rm(base, { recursive: true }));

describe('a file of a volume', () => {
  it.each([
    ['a path', 'a/b/file', 'text'], ['empty elements', 'a//./b/file', 'text'], ['a way up', 'a/../../secret', 'inside'], ['a link', 'a/near', 'text'], ['a link to a directory', 'down/file', 'text'],
    ['an absolute link', 'a/root', 'inside'], ['a link far up', 'a/up', 'inside'],
  ])('is found by %s, and never outside of it', async (_name, path, text) => {
    expect(await readInside(root, path, 100)).toBe(text);
  });

  it.each([
    ['a link that leads out', 'a/base', 'ENOENT'], ['a loop', 'loop', 'too many links'], ['a directory', 'a/b', 'is not a file'], ['the volume itself', '.', 'is not a file'],
    ['a pipe', 'pipe', 'is not a file'], ['what is not there', 'a/none', 'ENOENT'], ['a way through a file', 'secret/x', 'ENOTDIR'],
  ])('is not %s', async (_name, path, message) => {
    await expect(readInside(root, path, 100)).rejects.toThrow(message);
  });

  it('is not larger than it may be', async () => {
    expect(await readInside(root, 'a/b/file', 4)).toBe('text');
    await expect(readInside(root, 'a/b/file', 3)).rejects.toThrow('larger than 3 bytes');
  });
});
