import { once } from 'node:events';
import { createServer, type Server } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { mintAuthority, mintLeaf } from '../access/certificates.ts';
import type { ProxyTarget } from '../request.ts';
import { createExtensionClient, type ExtensionClient } from './ask.ts';

let server: Server;
let client: ExtensionClient;
let target: ProxyTarget & { readonly tls: object };
const sockets: Socket[] = [];
let breaks: string | undefined;

beforeAll(async () => {
  const authority = await mintAuthority('extension', Date.now());
  const leaf = await mintLeaf(authority, { commonName: 'ext', organizations: [], usages: ['server'], names: ['ext.default.svc'], notAfter: new Date(Date.now() + 3_600_000) }, Date.now());
  server = createServer({ cert: leaf.certPem, key: leaf.keyPem }, (request, response) => {
    if (request.method !== breaks) return void response.end(request.method);
    breaks = undefined;
    request.socket.destroy();
  }).on('secureConnection', (socket) => { sockets.push(socket); }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  target = { host: '127.0.0.1', port: (server.address() as AddressInfo).port, path: '/', tls: { ...leaf, caPem: authority.certPem, serverName: 'ext.default.svc', isVerified: true, isNameChecked: true } };
  client = createExtensionClient();
});
afterAll(async () => {
  client.close();
  server.close();
  await once(server, 'close');
});

const ask = async (method: string) => (await client.ask(target, {}, AbortSignal.timeout(5000), { method })).body.toString();

it.each([true, false])('asks one server again over the same connection, verified: %s', async (isVerified) => {
  const before = sockets.length;
  const tls = { ...target.tls, isVerified, isNameChecked: isVerified };
  for (const method of ['GET', 'PUT', 'GET']) expect((await client.ask({ ...target, tls }, {}, AbortSignal.timeout(5000), { method })).body.toString()).toBe(method);
  expect(sockets).toHaveLength(before + 1);
});

it('reads again what a server did not answer before it closed a connection that was kept', async () => {
  await ask('GET');
  breaks = 'GET';
  expect(await ask('GET')).toBe('GET');
});

it('deletes nothing twice', async () => {
  await ask('GET');
  breaks = 'DELETE';
  await expect(ask('DELETE')).rejects.toThrow('socket hang up');
});
