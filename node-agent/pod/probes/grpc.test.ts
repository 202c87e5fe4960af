import { once } from 'node:events';
import { createServer, type Http2Server, type ServerHttp2Stream } from 'node:http2';
import { createServer as createPlainServer, type AddressInfo, type Server } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { checkHealth } from './grpc.ts';

const never = new AbortController().signal;
let server: Http2Server | Server | undefined;
afterEach(() => void server?.close());

async function portOf(listening: Http2Server | Server): Promise<number> {
  server = listening;
  listening.listen(0, '127.0.0.1');
  await once(listening, 'listening');
  return (listening.address() as AddressInfo).port;
}

/** A server that answers each request as `answer` does, given the name of the service asked for. */
async function serve(answer: (stream: ServerHttp2Stream, service: string) => void): Promise<number> {
  const listening = createServer();
  listening.on('stream', (stream: ServerHttp2Stream, headers) => {
    expect(headers).toMatchObject({ ':path': '/grpc.health.v1.Health/Check', ':method': 'POST', 'content-type': 'application/grpc', te: 'trailers' });
    const chunks: Buffer[] = [];
    stream.on('data', (chunk: Buffer) => chunks.push(chunk)).on('end', () => answer(stream, Buffer.concat(chunks).subarray(7).toString())).on('error', () => undefined);
  });
  return await portOf(listening);
}

/** As gRPC servers do: headers, message, status in the trailers. */
function respond(stream: ServerHttp2Stream, message: readonly number[]): void {
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
  stream.end(Buffer.from([0, 0, 0, 0, message.length, ...message]));
}

const refuse = (code: number, message: string) => (stream: ServerHttp2Stream): void => {
  stream.respond({ ':status': 200, 'content-type': 'application/grpc', 'grpc-status': String(code), 'grpc-message': encodeURIComponent(message) }, { endStream: true });
};

const check = (port: number, service = '', timeoutMs = 5000) => checkHealth({ host: '127.0.0.1', port, service, timeoutMs, signal: never });

describe('a gRPC probe', () => {
  it('passes when the service that it names serves, however long the name', async () => {
    const name = 'svc'.repeat(20);
    const port = await serve((stream, service) => respond(stream, service === name || service === '' ? [8, 1] : [8, 3]));
    expect([await check(port), await check(port, name), await check(port, 'other')]).toEqual([undefined, undefined, 'service unhealthy (responded with "SERVICE_UNKNOWN")']);
  });

  it.each<[string, (stream: ServerHttp2Stream) => void, string]>([
    ['does not serve', (stream) => respond(stream, [8, 2]), 'service unhealthy (responded with "NOT_SERVING")'],
    ['does not know', (stream) => respond(stream, []), 'service unhealthy (responded with "UNKNOWN")'],
    ['knows no health protocol', refuse(12, 'unknown service'), 'error: this server does not implement the grpc health protocol (grpc.health.v1.Health): unknown service'],
    ['refuses', refuse(5, 'unknown service'), 'error: health rpc probe failed: rpc error: code = NotFound desc = unknown service'],
    ['is a web server', (stream) => stream.respond({ ':status': 404 }, { endStream: true }), 'error: this server does not implement the grpc health protocol (grpc.health.v1.Health): unexpected HTTP status code received from server: 404 (Not Found)'],
  ])('fails when the server %s', async (_what, answer, words) => {
    expect(await check(await serve(answer))).toBe(words);
  });

  it('fails when no answer comes in time, or nobody is there', async () => {
    expect(await check(await serve(() => undefined), '', 100)).toBe('timeout: health rpc did not complete within 0.1s');
    server?.close();
    const silent = await portOf(createPlainServer(() => undefined));
    expect(await check(silent, '', 100)).toBe(`timeout: failed to connect service "127.0.0.1:${silent}" within 0.1s: context deadline exceeded`);
    expect(await check(1)).toContain('error: failed to connect service at "127.0.0.1:1": connection error: desc = "transport: Error while dialing: dial tcp 127.0.0.1:1: connect: connection refused"');
  });
});
