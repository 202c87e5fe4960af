import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { withLock } from './lock.ts';

let directory: string;
let path: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'coracle-lock-'));
  path = join(directory, 'lock');
});
afterEach(() => rm(directory, { recursive: true }));

describe('a lock between processes', () => {
  it('lets one in at a time, and is gone afterwards', async () => {
    let inside = 0;
    let most = 0;
    await Promise.all(Array.from({ length: 20 }, () => withLock(path, 10_000, async () => {
      inside += 1;
      most = Math.max(most, inside);
      await new Promise((resolve) => void setImmediate(resolve));
      inside -= 1;
    })));
    expect(most).toBe(1);
    expect(await readdir(directory)).toEqual([]);
  });

  it('is taken over from a process that died', async () => {
    const child = spawn('true');
    await once(child, 'exit');
    await symlink(`${child.pid ?? 0}:12345`, path);
    expect(await withLock(path, 10_000, async () => 'in')).toBe('in');
  });

  it('is taken over from an earlier process with the same pid', async () => {
    await symlink(`${process.pid}:1`, path);
    expect(await withLock(path, 10_000, async () => 'in')).toBe('in');
  });

  it('is not waited for beyond the deadline', async () => {
    const stat = await readFile('/proc/1/stat', 'utf8');
    await symlink(`1:${stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? ''}`, path);
    await expect(withLock(path, 50, async () => 'in')).rejects.toThrow('timeout');
  });

  it('is released when the work fails', async () => {
    await expect(withLock(path, 1000, async () => {
      throw new Error('no');
    })).rejects.toThrow('no');
    expect(await withLock(path, 1000, async () => 'in')).toBe('in');
  });
});
