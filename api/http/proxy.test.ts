import { once } from 'node:events';
import { createServer, request, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { afterEach, describe, expect, it } from 'vitest';
import type { ProxyTarget } from '../request.ts';
import { createConnections } from './connections.ts';
import { http1Exchange } from './exchange.ts';
import { proxy, proxyUpgrade } from './proxy.ts';

const servers: Server[] = [];
const sockets = new Set<Socket>();
const stopping = new AbortController();
const connections = createConnections();
const link = { caPem: '', certPem: '', keyPem: '', connectMs: 2000, connections, stopped: stopping.signal };

afterEach(async () => {
  connections.close();
  for (const socket of sockets) socket.destroy();
  await Promise.all(servers.splice(0).map((server) => new Promise((resolve) => { server.close(resolve); })));
});

async function listening(listener: RequestListener): Promise<{ readonly server: Server; readonly port: number }> {
  const server = createServer(listener);
  server.on('connection', (socket) => { sockets.add(socket); });
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { server, port: (server.address() as AddressInfo).port };
}

/** A server that only sends on to `target`; what goes wrong is its answer. */
async function front(target: Omit<ProxyTarget, 'host'>): Promise<{ readonly server: Server; readonly port: number }> {
  return listening((incoming, response) => {
    const exchange = http1Exchange(incoming, response);
    proxy(exchange, { host: '127.0.0.1', ...target }, link, { address: '192.0.2.7', headers: { 'audit-id': 'a' } })
      .catch((error: unknown) => { exchange.answer(503, {}, error instanceof Error ? error.message : ''); });
  });
}

interface Answer {
  readonly code: number | undefined;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

async function ask(port: number, path: string, options: { readonly method?: string; readonly headers?: Record<string, string>; readonly body?: string } = {}): Promise<Answer> {
  const asked = request({ host: '127.0.0.1', port, path, method: options.method ?? 'GET', headers: options.headers, agent: false });
  asked.end(options.body);
  const [response] = (await once(asked, 'response')) as [IncomingMessage];
  return { code: response.statusCode, headers: response.headers, body: (await response.toArray()).join('') };
}

describe('a request that another server answers', () => {
  it('is sent on with its method, body and headers, but for who asks', async () => {
    const seen: { method?: string | undefined; url?: string | undefined; headers?: IncomingMessage['headers'] } = {};
    const back = await listening((incoming, response) => {
      Object.assign(seen, { method: incoming.method, url: incoming.url, headers: incoming.headers });
      response.writeHead(207, { 'x-own': 'b' });
      incoming.pipe(response);
    });
    const { port } = await front({ port: back.port, path: '/a?b=c' });
    const answer = await ask(port, '/x', { method: 'PUT', headers: { authorization: 'Bearer t', 'x-remote-user': 'ann', 'x-remote-extra-a': 'b', 'impersonate-user': 'ben', cookie: 'c=d', 'x-forwarded-for': '192.0.2.1', host: 'api.example' }, body: 'hello' });
    expect([answer.code, answer.body, answer.headers['x-own'], answer.headers['audit-id']]).toEqual([207, 'hello', 'b', 'a']);
    expect([seen.method, seen.url]).toEqual(['PUT', '/a?b=c']);
    expect(seen.headers).toMatchObject({ cookie: 'c=d', host: 'api.example', 'x-forwarded-for': '192.0.2.1, 192.0.2.7', 'x-forwarded-host': 'api.example', 'x-forwarded-proto': 'https' });
    expect(Object.keys(seen.headers ?? {}).filter((name) => /^(authorization$|x-remote-|impersonate-)/.test(name))).toEqual([]);
  });

  it.each([
    ['in pieces', { 'transfer-encoding': 'chunked' }],
    ['with a length for this connection only', { connection: 'content-length', 'content-length': '33' }],
  ])('has a body that stays one, whatever the method: %s', async (_how, framing) => {
    const seen: string[] = [];
    const back = await listening((incoming, response) => {
      seen.push(`${incoming.method ?? ''} ${incoming.url ?? ''}`);
      incoming.pipe(response);
    });
    const { port } = await front({ port: back.port, path: '/a' });
    const body = 'GET /secret HTTP/1.1\r\nhost: a\r\n\r\n';
    for (const method of ['DELETE', 'GET', 'OPTIONS', 'POST']) expect(await ask(port, '/x', { method, headers: framing, body })).toMatchObject({ code: 200, body });
    expect(seen).toEqual(['DELETE /a', 'GET /a', 'OPTIONS /a', 'POST /a']);
  });

  it('is led to the slash at the end first', async () => {
    const { port } = await front({ port: 1, path: '?a=b', prefix: '/p' });
    expect(await ask(port, '/p?a=b')).toMatchObject({ code: 301, headers: { location: '/p/?a=b' } });
  });

  it.each([['/login', '/p/login'], ['http://API.example/login?a#b', '/p/login?a#b'], ['https://elsewhere.example/', 'https://elsewhere.example/']])('is redirected to %s through this server', async (location, expected) => {
    const back = await listening((_incoming, response) => { response.writeHead(302, { location }).end(); });
    const { port } = await front({ port: back.port, path: '/', prefix: '/p' });
    expect((await ask(port, '/p/', { headers: { host: 'api.example' } })).headers.location).toBe(expected);
  });

  it.each(['identity', 'gzip', 'deflate', 'br'])('has the links of its page led through this server, %s as it may be', async (coding) => {
    const encode = { identity: (text: string) => Buffer.from(text), gzip: gzipSync, deflate: deflateSync, br: brotliCompressSync }[coding] ?? Buffer.from;
    const back = await listening((incoming, response) => {
      const body = encode(`<a href="/x">é</a><a href="http://127.0.0.1:${back.port}/y">${String(incoming.headers['x-forwarded-uri'])}`);
      response.writeHead(200, { 'content-type': 'text/html; charset=utf-8', 'content-encoding': coding, 'content-length': body.length }).end(body);
    });
    const { port } = await front({ port: back.port, path: '/a/?b', prefix: '/p' });
    const { headers, body } = await ask(port, '/p/a/?b');
    expect([headers['content-encoding'], headers['content-length'], body]).toEqual([undefined, undefined, '<a href="/p/x">é</a><a href="/p/y">/p/a/']);
  });

  it('keeps what is no page, and breaks off where a page does', async () => {
    const back = await listening((incoming, response) => {
      if (incoming.url === '/text') response.writeHead(200, { 'content-type': 'text/plain', 'content-length': 13 }).end('<a href="/x">');
      else response.writeHead(200, { 'content-type': 'text/html', 'content-encoding': 'gzip' }).end('no gzip');
    });
    expect(await ask((await front({ port: back.port, path: '/text', prefix: '/p' })).port, '/p/text')).toMatchObject({ body: '<a href="/x">', headers: { 'content-length': '13' } });
    await expect(ask((await front({ port: back.port, path: '/page', prefix: '/p' })).port, '/p/page')).rejects.toThrow('aborted');
  });

  it('is answered piece by piece', async () => {
    const back = await listening((_incoming, response) => { response.writeHead(200).write('first'); });
    const { port } = await front({ port: back.port, path: '/' });
    const asked = request({ host: '127.0.0.1', port, path: '/', agent: false });
    asked.end();
    const [response] = (await once(asked, 'response')) as [IncomingMessage];
    const [chunk] = (await once(response, 'data')) as [Buffer];
    expect(chunk.toString()).toBe('first');
    asked.destroy();
  });

  it('is sent over a connection that another was sent over, or over a new one when that is closed', async () => {
    const asked = new Map<Socket, number>();
    const back = await listening((incoming, response) => {
      const count = (asked.get(incoming.socket) ?? 0) + 1;
      asked.set(incoming.socket, count);
      if (count > 2) incoming.socket.destroy();
      else response.end(`${asked.size}.${count}`);
    });
    const { port } = await front({ port: back.port, path: '/' });
    const bodies: string[] = [];
    for (const method of ['GET', 'GET', 'GET', 'PUT', 'GET']) bodies.push((await ask(port, '/', { method, ...(method === 'PUT' ? { body: 'x' } : {}) })).body);
    expect(bodies).toEqual(['1.1', '1.2', '2.1', '3.1', '4.1']);
  });

  it('fails in Kubernetes’ words when nobody listens', async () => {
    const gone = await listening(() => undefined);
    await new Promise((resolve) => { gone.server.close(resolve); });
    const { port } = await front({ port: gone.port, path: '/' });
    expect(await ask(port, '/')).toMatchObject({ code: 503, body: expect.stringMatching(/^error trying to reach service: .*ECONNREFUSED/) as string });
  });

  it('is spliced when it is an upgrade', async () => {
    const back = await listening(() => undefined);
    back.server.on('upgrade', ({ headers }: IncomingMessage, socket: Socket) => {
      socket.write(`HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: echo\r\nx-offered: ${headers.upgrade ?? ''}\r\n\r\n`);
      socket.pipe(socket);
    });
    const { server, port } = await listening(() => undefined);
    server.on('upgrade', (incoming: IncomingMessage, socket: Socket, head: Buffer) => {
      void proxyUpgrade({ request: incoming, socket, head }, { host: '127.0.0.1', port: back.port, path: '/' }, link, '');
    });
    const asked = request({ host: '127.0.0.1', port, path: '/', headers: { connection: 'Upgrade', upgrade: 'h2c, Echo/1, other' }, agent: false });
    asked.end();
    const [{ headers }, socket] = (await once(asked, 'upgrade')) as [IncomingMessage, Socket];
    expect(headers['x-offered']).toBe('Echo/1, other');
    socket.write('ping');
    expect(String((await once(socket, 'data'))[0])).toBe('ping');
    socket.destroy();
  });
});
