import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { manualClock } from '../../machinery/clock.ts';
import type { PodHandle } from './handle.ts';
import { runHook } from './hooks.ts';

let server: Server;
let asked: string[];

beforeAll(async () => {
  server = createServer((request, response) => {
    asked.push(request.url ?? '');
    response.writeHead(500).end();
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
});
afterAll(() => void server.close());

const clock = manualClock();
const handle = { node: { clock, hostAddress: '127.0.0.1' }, facts: () => ({ address: '127.0.0.1' }) } as unknown as PodHandle;
const run = (hook: Parameters<typeof runHook>[3], signal = new AbortController().signal) => runHook(handle, { name: 'a' }, 'x', hook, signal);

describe('a hook', () => {
  it('of httpGet asks the pod itself, and is content with any answer', async () => {
    asked = [];
    await run({ httpGet: { port: (server.address() as AddressInfo).port, path: 'stop' } });
    expect(asked).toEqual(['/stop']);
  });

  it('of httpGet fails when nobody is there', async () => {
    await expect(run({ httpGet: { port: 1 } })).rejects.toThrow('ECONNREFUSED');
  });

  it('of sleep lasts as long as it says, or until it is given up', async () => {
    const slept = run({ sleep: { seconds: 5 } });
    clock.advance(5000);
    await slept;
    const stop = new AbortController();
    const given = run({ sleep: { seconds: 5 } }, stop.signal);
    stop.abort(new Error('enough'));
    await expect(given).rejects.toThrow('enough');
  });

  it.each([{ tcpSocket: { port: 80 } }, {}])('of no kind that Kubernetes runs fails: %j', async (hook) => {
    await expect(run(hook)).rejects.toThrow(`invalid handler: ${JSON.stringify(hook)}`);
  });
});
