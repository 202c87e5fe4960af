import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openAuditLog } from './log-file.ts';

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'audit-'));
});
afterEach(async () => {
  await rm(directory, { recursive: true });
});

function open(more: { maxSizeMb?: number; maxBackups?: number; maxAgeDays?: number; now?: () => number } = {}) {
  return openAuditLog({ path: join(directory, 'audit.log'), maxSizeMb: 0, maxBackups: 0, maxAgeDays: 0, now: Date.now, onError: (error) => { throw error; }, ...more });
}

describe('the audit log', () => {
  it('goes on where it was', async () => {
    for (const n of [1, 2]) {
      const log = await open();
      log.write({ n });
      await log.close();
    }
    expect(await readFile(join(directory, 'audit.log'), 'utf8')).toBe('{"n":1}\n{"n":2}\n');
  });

  it('is renamed when it is large, loses no line by that, and keeps as many as asked', async () => {
    let now = Date.parse('2026-11-28T07:00:00Z');
    const log = await open({ maxSizeMb: 1, maxBackups: 2, now: () => (now += 1000) });
    const written: number[] = [];
    for (let n = 0; n < 60; n++) {
      log.write({ n, filler: 'x'.repeat(100_000) });
      written.push(n);
      if (n % 10 === 9) await new Promise((resolve) => void setTimeout(resolve, 20));
    }
    await log.close();
    const names = await readdir(directory);
    expect(names.length).toBeLessThanOrEqual(3);
    const lines = (await Promise.all(names.toSorted().map((name) => readFile(join(directory, name), 'utf8')))).join('').trim().split('\n');
    const numbers = lines.map((line) => Number(/"n":(\d+)/.exec(line)?.[1])).toSorted((a, b) => a - b);
    expect(numbers).toEqual(written.slice(-numbers.length));
  });

  it('that can\'t be written is said at once', async () => {
    await expect(openAuditLog({ path: join(directory, 'none/audit.log'), maxSizeMb: 0, maxBackups: 0, maxAgeDays: 0, now: Date.now, onError: () => undefined })).rejects.toThrow();
  });
});
