import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, it } from 'vitest';
import { startWorker } from './worker-link.ts';

it('a worker\'s replies are told apart from what Node says through it under --watch', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'worker-'));
  try {
    const file = join(directory, 'worker.mjs');
    await writeFile(file, `
      import { parentPort } from 'node:worker_threads';
      parentPort.postMessage({ 'watch:import': ['file:///x'] });
      parentPort.on('message', (n) => { parentPort.postMessage({ 'watch:require': ['y'] }); parentPort.postMessage({ type: 'answer', n }); });
    `);
    const link = startWorker<number, { readonly type: string; readonly n: number }>(pathToFileURL(file), undefined, (error) => { throw error; });
    expect(await Promise.all([link.request(1), link.request(2)])).toEqual([{ type: 'answer', n: 1 }, { type: 'answer', n: 2 }]);
    await link.terminate();
  } finally {
    await rm(directory, { recursive: true });
  }
});
