import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { startHost } from './host.ts';

/** In a process of its own: opens all files that it may, asks for a host, closes them, asks again; says what came of it. */
const crowded = `
  import { closeSync, openSync } from 'node:fs';
  import { startHost } from ${JSON.stringify(join(import.meta.dirname, 'host.ts'))};
  const open = [];
  try { for (;;) open.push(openSync('/dev/null')); } catch {}
  const host = startHost();
  await host.ready().then(() => console.log('ready'), (error) => console.log(error.code, error.message));
  for (const fd of open) closeSync(fd);
  await host.ready().then(() => console.log('ready'), (error) => console.log(error.code, error.message));
  await host.close();
`;

describe('a host that can\'t be started', () => {
  it('is told of to whoever asks it for something', async () => {
    const host = startHost({ hostBinary: '/nonesuch' });
    await expect(host.ready()).rejects.toMatchObject({ code: 'Unavailable', message: 'coracle-host could not be started: spawn /nonesuch ENOENT' });
    await expect(host.checkUsers('/')).rejects.toMatchObject({ code: 'Unavailable' });
    await host.close();
  });

  it('for want of descriptors ends nobody, and is started when there are some', () => {
    const { status, stdout, stderr } = spawnSync('sh', ['-c', 'ulimit -n 64; exec "$0" --input-type=module -e "$1"', process.execPath, crowded], { encoding: 'utf8', timeout: 60_000 });
    expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: expect.stringMatching(/^Unavailable coracle-host could not be started: spawn \S+ EMFILE\nready\n$/), stderr: '' });
  });
});
