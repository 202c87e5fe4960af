import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer as createPlainServer, request as httpRequest, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { mintAuthority, mintLeaf } from '../api/access/certificates.ts';
import { silentLog } from '../client/log.ts';
import { createTrust, exchange } from '../node-agent/images/answer.ts';
import type { PullOptions } from '../node-agent/images/pull.ts';
import { noRegistrySettings } from '../node-agent/images/registry-settings.ts';
import { openImageStore, type ImageStore } from '../node-agent/images/store.ts';
import { openRuntime } from '../node-agent/runtime/native-runtime.ts';
import type { Runtime } from '../node-agent/runtime/runtime.ts';
import { webArchive } from './e2e/coracle.ts';
import { login, startRegistry, type Registry } from './e2e/registry.ts';

/** Registries in the places of others. Those that names here mean are not there, or on loopback. */
let directory: string;
let runtime: Runtime;
let store: ImageStore;
let near: Registry;
let own: Registry;
let digest: string;
let count = 0;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'coracle-mirrors-'));
  runtime = await openRuntime({ dataDir: directory, instance: 'mirror', log: silentLog });
  [near, own] = await Promise.all([startRegistry(), startRegistry({ isLocked: true })]);
  digest = await near.push(webArchive, 'hub/team/web', '1');
  await own.push(webArchive, 'team/web', '1');
  await own.push(webArchive, 'team/other', '1');
});
afterAll(async () => {
  await Promise.all([near, own].map((each) => each[Symbol.asyncDispose]()));
  await runtime.close();
  await rm(directory, { recursive: true, force: true });
});
beforeEach(async () => {
  count += 1;
  store = await openImageStore({ dataDir: join(directory, `store-${count}`), unpack: (request) => runtime.unpack(request) });
});

const through = (registry: string, ...urls: readonly string[]): Pick<PullOptions, 'registries' | 'silenceMs'> => ({ silenceMs: 500, registries: { ...noRegistrySettings, mirrors: new Map([[registry, urls.map((url) => new URL(url))]]) } });

describe('an image whose registry has a mirror', () => {
  let mirror: Server | undefined;
  const sockets = new Set<Socket>();
  afterEach(() => {
    mirror?.close();
    for (const socket of sockets) socket.destroy();
  });

  async function serve(answer: (request: IncomingMessage, response: ServerResponse) => void): Promise<string> {
    mirror = createPlainServer(answer).on('connection', (socket: Socket) => sockets.add(socket));
    await new Promise<void>((resolve) => void mirror?.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(mirror.address() as AddressInfo).port}`;
  }

  it('comes from there, under its own name', async () => {
    const image = await store.pull('registry.invalid/team/web:1', through('registry.invalid', `http://${near.host}/hub`));
    expect(image).toMatchObject({ references: ['registry.invalid/team/web:1'], repoDigests: [`registry.invalid/team/web@${digest}`] });
  });

  it('comes from the registry when the mirror has it not, with credentials that only the registry is shown', async () => {
    const shown: (string | undefined)[] = [];
    const empty = await serve(({ headers }, response) => {
      shown.push(headers.authorization);
      response.writeHead(404).end();
    });
    await store.pull(`${own.host}/team/other:1`, { ...through(own.host, empty), credentials: [login] });
    expect(shown.length).toBeGreaterThan(1);
    expect(new Set(shown)).toEqual(new Set([undefined]));
  });

  it.each<[string, (request: IncomingMessage, response: ServerResponse) => void, number]>([
    ['is broken', (_request, response) => void response.writeHead(503).end(), 3],
    ['asks who is there', (_request, response) => void response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end(), 1],
    ['says nothing', () => undefined, 1],
    ['breaks off', ({ socket }) => void socket.destroy(), 1],
  ])('comes from the registry when the mirror %s', async (_what, answer, times) => {
    let asked = 0;
    const broken = await serve((request, response) => {
      asked += 1;
      answer(request, response);
    });
    await store.pull(`${own.host}/team/web:1`, { ...through(own.host, broken), credentials: [login] });
    expect(asked).toBe(times);
  });

  it('has the rest of a layer from the registry when the mirror breaks off in the middle of it', async () => {
    let layers = 0;
    const breaking = await serve((request, response) => {
      httpRequest(`http://${near.host}${request.url ?? ''}`, { headers: request.headers }, (answer) => {
        response.writeHead(answer.statusCode ?? 500, answer.headers);
        if (Number(answer.headers['content-length']) < 100_000) return void answer.pipe(response);
        layers += 1;
        answer.once('data', (chunk: Buffer) => void response.write(chunk.subarray(0, 1000), () => response.destroy()));
      }).end();
    });
    const image = await store.pull(`${own.host}/team/web:1`, { ...through(own.host, `${breaking}/hub`), credentials: [login] });
    expect([layers, image.layers.length]).toEqual([1, 1]);
  });

  it('is refused in the registry\'s name when neither has it', async () => {
    const pulled = store.pull(`${own.host}/team/none:1`, { ...through(own.host, `http://${near.host}/hub`), credentials: [login] });
    await expect(pulled).rejects.toMatchObject({ code: 'NotFound', message: expect.stringContaining(`failed to resolve reference "${own.host}/team/none:1": ${own.host}/team/none/manifests/1: not found`) });
  });

  it('is refused with what kept the mirrors from answering', async () => {
    const broken = await serve((_request, response) => void response.writeHead(503).end());
    // Nobody listens there.
    const pulled = store.pull(`${own.host}/team/none:1`, { ...through(own.host, 'http://127.0.0.1:1', broken), credentials: [login] });
    await expect(pulled).rejects.toMatchObject({ code: 'NotFound', message: expect.stringMatching(
      /: not found; from its mirror before: failed to do request: Get "http:\/\/127\.0\.0\.1:1\/v2\/team\/none\/manifests\/1": connect ECONNREFUSED 127\.0\.0\.1:1; unexpected status from GET request to http:\S+: 503 Service Unavailable$/,
    ) });
  });
});

describe('a registry with a certificate of an authority of the house', () => {
  it('is believed once the machine does', async () => {
    const authority = await mintAuthority('house', Date.now());
    const { certPem: cert, keyPem: key } = await mintLeaf(authority, { commonName: 'registry', organizations: [], usages: ['server'], names: ['127.0.0.1'], notAfter: new Date(Date.now() + 3_600_000) }, Date.now());
    const server = createServer({ cert, key }, (_request, response) => void response.end('here'));
    await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
    const bundle = join(directory, 'authorities.crt');
    const trust = createTrust(bundle);
    const ask = () => exchange({ method: 'GET', url: `https://127.0.0.1:${(server.address() as AddressInfo).port}/v2/`, headers: {}, trust }, AbortSignal.timeout(10_000));
    try {
      await expect(ask()).rejects.toMatchObject({ code: 'Unavailable', message: expect.stringMatching(/certificate/) });
      await writeFile(bundle, authority.certPem);
      const answer = await ask();
      expect(answer.status).toBe(200);
      answer.discard();
    } finally {
      server.close();
      server.closeAllConnections();
    }
  });
});
