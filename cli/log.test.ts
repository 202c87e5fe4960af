import { mkdtemp, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openLog } from './log.ts';

let directory = '';
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'coracle-log-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

describe('the log of a long-running command', () => {
  it('has every line, in order', async () => {
    const log = openLog(directory, 'info');
    for (let line = 0; line < 100; line++) log.info({ line }, 'said');
    const lines = async (): Promise<readonly string[]> => (await readFile(join(directory, 'coracle.log'), 'utf8')).trim().split('\n');
    await expect.poll(lines).toHaveLength(100);
    expect((await lines()).map((text) => Number(Reflect.get(Object(JSON.parse(text)), 'line')))).toEqual(Array.from({ length: 100 }, (_, line) => line));
  });

  it('lets the process live and end when the disk is full', async () => {
    await symlink('/dev/full', join(directory, 'coracle.log'));
    const log = openLog(directory, 'info');
    for (let line = 0; line < 3; line++) {
      log.info({ line }, 'lost');
      await new Promise((resolve) => void setImmediate(resolve));
    }
    log.info({}, 'lost too');
    expect(() => log.flush()).not.toThrow();
  });
});
