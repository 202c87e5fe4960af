import { execFileSync } from 'node:child_process';
import { link, mkdir, mkdtemp, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { diskUsage } from './disk-usage.ts';

let directory: string;
const signal = new AbortController().signal;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'coracle-du-'));
});
// As paths may be too long for rm(2) by name.
afterEach(() => void execFileSync('rm', ['-rf', directory]));

/** What du(1) says of the same tree. */
const du = (...options: string[]): number => Number.parseInt(execFileSync('du', ['-sx', ...options, directory], { encoding: 'utf8' }), 10);

describe('the disk usage of a directory', () => {
  it('is what du counts: blocks, linked files once, links not followed', async () => {
    await mkdir(join(directory, 'a/b/c'), { recursive: true });
    for (let index = 0; index < 100; index += 1) await writeFile(join(directory, 'a/b', `${index}`), Buffer.alloc(index * 100));
    await link(join(directory, 'a/b/99'), join(directory, 'a/again'));
    await symlink('/usr', join(directory, 'a/b/c/usr'));
    await writeFile(Buffer.concat([Buffer.from(`${directory}/`), Buffer.from([0xff, 0xfe])]), Buffer.alloc(5000));
    expect(await diskUsage(directory, signal)).toEqual({ bytes: du('--block-size=1'), inodes: du('--inodes') });
  });

  it('counts what is below paths that are too long for the kernel', async () => {
    execFileSync('sh', ['-c', `cd "$1"; for i in $(seq 30); do mkdir ${'d'.repeat(200)} && cd -P ${'d'.repeat(200)} || exit 1; done; head -c 100000 /dev/zero > hidden`, 'sh', directory]);
    expect((await diskUsage(directory, signal)).bytes).toBe(du('--block-size=1'));
  });

  it('is nothing where nothing is, and no directory', async () => {
    expect(await diskUsage(join(directory, 'missing'), signal)).toEqual({ bytes: 0, inodes: 0 });
    await symlink('/usr', join(directory, 'link'));
    expect(await diskUsage(join(directory, 'link'), signal)).toEqual({ bytes: 0, inodes: 0 });
  });

  it('is given up when nobody waits for it', async () => {
    await expect(diskUsage(directory, AbortSignal.abort(new Error('stopped')))).rejects.toThrow('stopped');
  });
});
