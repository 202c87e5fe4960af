import { PassThrough } from 'node:stream';
import { connect, createServer, type AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { createForwards } from './forwards.ts';
import { dataFrame, parseFrames, pingFrame, synStreamFrame, type SpdyFrame } from './frames.ts';
import { createHeaderReader, createHeaderWriter } from './header-block.ts';

/** A client of the protocol: what it has received, by frame. */
function client(dial: (port: number) => Promise<NodeJS.ReadWriteStream>) {
  const received: SpdyFrame[] = [];
  const waiting: (() => void)[] = [];
  const connection = createForwards({
    send: async (bytes) => {
      received.push(...parseFrames(bytes).frames);
      for (const wake of waiting.splice(0)) wake();
    },
    dial,
  });
  const until = async (holds: () => boolean): Promise<void> => {
    while (!holds()) await new Promise<void>((resolve) => void waiting.push(resolve));
  };
  const dataOf = (streamId: number): string => received.flatMap((frame) => (frame.type === 'data' && frame.streamId === streamId ? [frame.data.toString()] : [])).join('');
  const isEnded = (streamId: number): boolean => received.some((frame) => frame.type === 'data' && frame.streamId === streamId && frame.end);
  return { connection, received, until, dataOf, isEnded };
}

const headers = (kind: string, port: number, id: string): Map<string, string> => new Map([['streamtype', kind], ['port', String(port)], ['requestid', id]]);

describe('port-forward over SPDY', () => {
  it('carries one connection each way and ends both streams with it', async () => {
    const echo = createServer((socket) => socket.pipe(socket));
    await new Promise<void>((resolve) => void echo.listen(0, '127.0.0.1', resolve));
    const { port } = echo.address() as AddressInfo;
    const { connection, until, dataOf, isEnded } = client(async (asked) => connect(asked, '127.0.0.1'));
    const writer = createHeaderWriter();
    await connection.receive(synStreamFrame(1, await writer.write(headers('error', port, '0'))));
    const opening = synStreamFrame(3, await writer.write(headers('data', port, '0')));
    // Frames may be cut anywhere.
    await connection.receive(opening.subarray(0, 5));
    await connection.receive(opening.subarray(5));
    await connection.receive(dataFrame(3, Buffer.from('hello'), false));
    await until(() => dataOf(3) === 'hello');
    await connection.receive(dataFrame(3, Buffer.alloc(0), true));
    await until(() => isEnded(3) && isEnded(1));
    connection.close();
    await connection.ended;
    writer.close();
    echo.close();
  });

  it('says on the error stream why a port was not reached', async () => {
    const { connection, until, dataOf, isEnded } = client(async () => {
      throw new Error('connection refused');
    });
    const writer = createHeaderWriter();
    await connection.receive(synStreamFrame(1, await writer.write(headers('error', 80, '7'))));
    await connection.receive(synStreamFrame(3, await writer.write(headers('data', 80, '7'))));
    await until(() => isEnded(1) && isEnded(3));
    expect(dataOf(1)).toBe('error forwarding port 80 to pod: connection refused');
    connection.close();
    writer.close();
  });

  it('has two streams for each connection, and refuses more', async () => {
    let dialled = 0;
    const { connection, received } = client(async () => {
      dialled += 1;
      return new PassThrough();
    });
    const writer = createHeaderWriter();
    for (const [index, kind] of ['data', 'error', 'error', 'data', 'data'].entries()) await connection.receive(synStreamFrame(index * 2 + 1, await writer.write(headers(kind, 80, '7'))));
    expect(received.flatMap((frame) => (frame.type === 'reset' ? [frame.streamId] : []))).toEqual([1, 5, 9]);
    expect(dialled).toBe(1);
    connection.close();
    writer.close();
  });

  it('answers pings and closes on garbage', async () => {
    const { connection, received } = client(async () => new PassThrough());
    await connection.receive(pingFrame(9));
    expect(received).toEqual([{ type: 'ping', id: 9 }]);
    await connection.receive(Buffer.from('80ff0001000000000000', 'hex'));
    await connection.ended;
  });

  it('reads header blocks that another compressor wrote, in their order', async () => {
    const writer = createHeaderWriter();
    const reader = createHeaderReader();
    for (const port of [80, 443, 8080]) expect(await reader.read(await writer.write(headers('data', port, '1')))).toEqual(headers('data', port, '1'));
    writer.close();
    reader.close();
  });
});
