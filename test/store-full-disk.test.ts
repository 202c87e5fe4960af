import { execFileSync } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openEmbedded } from '../api/store/embedded.ts';
import { WriteFailedError } from '../api/store/errors.ts';
import type { Store } from '../api/store/store.ts';
import { fillDisk } from './full-disk.ts';
import { put, write } from './suites/store-contract.ts';

const isRoot = process.getuid?.() === 0;

describe.skipIf(!isRoot)('the embedded store on a disk that fills up (mounting one takes root)', () => {
  let disk: string;
  let store: Store;
  const problems: string[] = [];

  beforeEach(async () => {
    problems.splice(0);
    disk = await mkdtemp(join(tmpdir(), 'full-disk-'));
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=96m', 'coracle-test', disk]);
    store = await openEmbedded({ path: join(disk, 'store'), onProblem: (what) => void problems.push(what) });
  });
  afterEach(async () => {
    await store.close();
    execFileSync('umount', [disk]);
    await rm(disk, { recursive: true });
  });

  it('goes on writing with the room that it kept, and tells of it once', async () => {
    await store.commit(write(put('/a', 'before')));
    await expect.poll(() => existsSync(join(disk, 'store/reserve')), { timeout: 5000 }).toBe(true);
    fillDisk(join(disk, 'hog'));
    for (let i = 0; i < 200; i++) expect((await store.commit(write(put(`/b/${i}`, 'x'.repeat(10_000))))).committed).toBe(true);
    expect(problems.filter((what) => what.includes('is full'))).toHaveLength(1);
    expect(existsSync(join(disk, 'store/reserve'))).toBe(false);
    const outcome = await store.commit(write(put('/a', 'y'.repeat(1_000_000)))).then(() => 'committed', (error: unknown) => error);
    expect(outcome === 'committed' || outcome instanceof WriteFailedError).toBe(true);
    rmSync(join(disk, 'hog'));
    expect((await store.commit(write(put('/a', 'after')))).committed).toBe(true);
    expect((await store.range({ from: '/a', to: '/b' })).items.map(({ value }) => value.toString())).toEqual(['after']);
  });
});
