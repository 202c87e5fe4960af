import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Channel } from '../../../client/streams/channels.ts';
import { dataFrame, parseFrames, synStreamFrame, type SpdyFrame } from './frames.ts';
import { createHeaderWriter, type HeaderWriter } from './header-block.ts';
import { spdyClient } from './process-client.ts';

let writer: HeaderWriter;
let ends: readonly [agent: Socket, client: Socket];

beforeEach(async () => {
  writer = createHeaderWriter();
  const server = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const [agent] = (await once(server, 'connection')) as [Socket];
  server.close();
  ends = [agent, client];
});
afterEach(() => {
  writer.close();
  for (const socket of ends) socket.destroy();
});

const open = async (streamId: number, channel: string): Promise<Buffer> => synStreamFrame(streamId, await writer.write(new Map([['streamtype', channel]])));

/** What the client has been sent, to the end. */
async function received(): Promise<readonly SpdyFrame[]> {
  const chunks: Buffer[] = [];
  for await (const chunk of ends[1] as AsyncIterable<Buffer>) chunks.push(chunk);
  return parseFrames(Buffer.concat(chunks)).frames;
}

/** A process that keeps what it is given. */
function fed() {
  const stdin = new PassThrough();
  const sizes: string[] = [];
  const typed = (async () => (await stdin.toArray()).join(''))();
  const resize = (columns: number, rows: number): void => void sizes.push(`${columns}x${rows}`);
  return { sizes, typed, streams: { stdin, stdout: new PassThrough(), resize, exit: Promise.resolve({ exitCode: 0 }), close: () => {} } };
}

describe('a process over SPDY', () => {
  it('has input and sizes that came before it, and nothing that comes after the end of input', async () => {
    const client = spdyClient(ends[0], 'v4.channel.k8s.io', ['error', 'stdin', 'stdout']);
    ends[1].write(Buffer.concat([
      await open(1, 'error'), await open(3, 'stdin'), await open(5, 'resize'), dataFrame(3, Buffer.from('early '), false), dataFrame(5, Buffer.from('{"Width":80,"Height":24}\n{"Width":90,"Height":30}\n'), false),
      await open(7, 'stdout'),
    ]));
    await client.ready;
    const { streams, typed, sizes } = fed();
    client.feed(streams);
    ends[1].write(Buffer.concat([dataFrame(3, Buffer.from('late'), true), dataFrame(3, Buffer.from('too late'), false)]));
    expect(await typed).toBe('early late');
    expect(sizes).toEqual(['90x30']);
    await client.send('stdout', Buffer.from('out'));
    await client.send('stderr', Buffer.from('nobody asked for it'));
    await client.finish();
    const frames = await received();
    expect(frames.flatMap((frame) => (frame.type === 'data' && frame.data.length > 0 ? [[frame.streamId, frame.data.toString()]] : []))).toEqual([[7, 'out']]);
    expect(frames.flatMap((frame) => (frame.type === 'data' && frame.end ? [frame.streamId] : [])).toSorted()).toEqual([1, 3, 5, 7]);
  });

  it.each<[string, readonly string[]]>([['a stream it does not know', ['error', 'other']], ['a stream for the second time', ['error', 'error']]])('refuses %s', async (_name, types) => {
    const client = spdyClient(ends[0], 'v4.channel.k8s.io', ['error'] satisfies Channel[]);
    for (const [index, type] of types.entries()) ends[1].write(await open(index * 2 + 1, type));
    ends[1].end();
    expect((await received()).filter(({ type }) => type === 'reset')).toEqual([{ type: 'reset', streamId: 3 }]);
    await client.ready;
  });

  it('is not begun for a client that goes before it has opened what it asked for', async () => {
    const client = spdyClient(ends[0], 'v4.channel.k8s.io', ['error', 'stdout']);
    ends[1].end(await open(1, 'error'));
    await expect(client.ready).rejects.toThrow('the client is gone');
    const gone = Promise.withResolvers<void>();
    client.onGone(gone.resolve);
    await gone.promise;
  });
});
