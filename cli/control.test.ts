import { mkdtemp, mkdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { connectControl, takeControl } from './control.ts';

let directory = '';
beforeEach(async () => {
  // Longer than a unix socket's path may be.
  directory = join(await mkdtemp(join(tmpdir(), 'coracle-control-')), 'x'.repeat(120));
  await mkdir(directory);
});
afterEach(() => rm(join(directory, '..'), { recursive: true, force: true }));

describe('control of a data directory', () => {
  it('is with one process at a time, which the next one hears', async () => {
    const control = await takeControl(directory, { stop: () => expect.unreachable('nobody stops it') });
    await expect(takeControl(directory, { stop: () => undefined })).rejects.toThrow(`another Coracle (pid ${process.pid}) runs`);
    await control.close();
    const next = await takeControl(directory, { stop: () => undefined });
    await next.close();
  });

  it.each([[false], [true]])('passes on that it shall stop (pods too: %s)', async (stopPods) => {
    const told = Promise.withResolvers<{ readonly stopPods: boolean }>();
    const control = await takeControl(directory, { stop: told.resolve });
    const running = await connectControl(directory);
    expect(running?.pid).toBe(process.pid);
    const stopping = running?.stop({ stopPods }, AbortSignal.timeout(10_000));
    expect(await told.promise).toEqual({ stopPods });
    await control.close();
    running?.close();
    await stopping;
  });

  it('is free after a crash left its socket behind', async () => {
    await writeFile(join(directory, 'coracle.sock'), '');
    expect(await connectControl(directory)).toBeUndefined();
    await (await takeControl(directory, { stop: () => undefined })).close();
  });

  it('is free where nothing ever ran', async () => {
    expect(await connectControl(directory)).toBeUndefined();
  });
});
