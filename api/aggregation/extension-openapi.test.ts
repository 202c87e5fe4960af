import { once } from 'node:events';
import { createServer, type Server } from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { APIService } from '../../machinery/kinds/api-registration.ts';
import { mintAuthority, mintLeaf } from '../access/certificates.ts';
import { createExtensionClient, type ExtensionClient } from './ask.ts';
import type { ExtensionVersion } from './extension-discovery.ts';
import { createExtensionOpenApi, type ExtensionOpenApi } from './extension-openapi.ts';

const service: APIService = { metadata: { name: 'v1.a.io' }, spec: { group: 'a.io', version: 'v1', groupPriorityMinimum: 1, versionPriority: 1, service: { name: 'a', namespace: 'n' } } };
const servedBy = (name: string): APIService => ({ ...service, spec: { groupPriorityMinimum: 1, versionPriority: 1, service: { name, namespace: 'n' } } });
const version: ExtensionVersion = { group: 'a.io', version: 'v1', groupPriority: 1, versionPriority: 1, resources: [], isFresh: true };
const documentOf = (title: string) => JSON.stringify({ swagger: '2.0', paths: { '/apis/a.io/v1/things': { get: { summary: title } } } });

let server: Server;
let tls: { readonly certPem: string; readonly keyPem: string; readonly caPem: string; readonly isVerified: true; readonly isNameChecked: false };
let respond: (request: IncomingMessage, response: ServerResponse) => void;
let asked: number;
let time: number;
let versions: readonly ExtensionVersion[];
let isThere: boolean;
let patience: (signal: AbortSignal) => Promise<unknown>;
let problems: string[];
let openApi: ExtensionOpenApi;
let client: ExtensionClient;
let services: ReadonlyMap<string, APIService>;

beforeAll(async () => {
  client = createExtensionClient();
  const authority = await mintAuthority('extension', Date.now());
  const leaf = await mintLeaf(authority, { commonName: 'ext', organizations: [], usages: ['server'], names: ['127.0.0.1'], notAfter: new Date(Date.now() + 3_600_000) }, Date.now());
  tls = { ...leaf, caPem: authority.certPem, isVerified: true, isNameChecked: false };
  server = createServer({ cert: leaf.certPem, key: leaf.keyPem }, (request, response) => {
    asked += 1;
    respond(request, response);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterAll(async () => {
  client.close();
  server.closeAllConnections();
  server.close();
  await once(server, 'close');
});

beforeEach(() => {
  [asked, time, versions, isThere, problems] = [0, 0, [version], true, []];
  patience = (signal) => once(signal, 'abort');
  services = new Map([['/apis/a.io/v1', service]]);
  respond = (_request, response) => void response.end(documentOf('first'));
  openApi = createExtensionOpenApi({
    extensions: {
      get versions() {
        return versions;
      },
      at: (path) => services.get(path), ask: client.ask,
      target: ({ spec }, _user, path) => (isThere ? { host: '127.0.0.1', port: (server.address() as AddressInfo).port, path, headers: { host: spec?.service?.name ?? '' }, tls } : undefined),
    },
    now: () => time, report: (_error, name) => void problems.push(name),
    patience: (signal) => patience(signal),
  });
});

const titles = async () => (await openApi.parts()).map(({ paths }) => JSON.stringify([...paths.values()]));

describe('an extension server\'s document of OpenAPI 3', () => {
  const path = '/openapi/v3/apis/a.io/v1';
  const url = `${path}?hash=1`;

  it('is where the server\'s index says, whoever asks how often', async () => {
    respond = (_request, response) => void response.end(JSON.stringify({ paths: { 'apis/a.io/v1': { serverRelativeURL: url }, 'apis/b.io/v1': { serverRelativeURL: '/b' } } }));
    expect([...await openApi.documents()]).toEqual([['apis/a.io/v1', { url }]]);
    await openApi.documents();
    expect([asked, openApi.isMade(path)]).toEqual([1, false]);
  });

  it.each<[string, () => void, readonly unknown[]]>([
    ['is not told of when the server\'s index has none', () => { respond = (_request, response) => void response.end('{"paths":{}}'); }, []],
    ['is believed to be there when the index can not be read', () => { respond = (_request, response) => void response.writeHead(500).end(); }, [['apis/a.io/v1', { url: path }]]],
    ['is not told of while the server is away', () => { versions = [{ ...version, isFresh: false }]; isThere = false; }, []],
  ])('%s', async (_name, happen, documents) => {
    happen();
    expect([...await openApi.documents()]).toEqual(documents);
  });

  it('is made of that of OpenAPI 2 for a server that has no other', async () => {
    respond = (request, response) => void response.writeHead(request.url === '/openapi/v2' ? 200 : 404).end(request.url === '/openapi/v2' ? documentOf('first') : '');
    const [[root, document] = []] = await openApi.documents();
    expect(root).toBe('apis/a.io/v1');
    expect(JSON.parse(String(document !== undefined && 'made' in document ? document.made : ''))).toMatchObject({ openapi: '3.0.0', paths: { '/apis/a.io/v1/things': { get: { summary: 'first' } } } });
    expect(openApi.isMade(path)).toBe(true);
    respond = (_request, response) => void response.end(JSON.stringify({ paths: { 'apis/a.io/v1': { serverRelativeURL: url } } }));
    time += 61_000;
    expect([...await openApi.documents()]).toEqual([['apis/a.io/v1', { url }]]);
    expect(openApi.isMade(path)).toBe(false);
  });
});

it('is left out when nothing of OpenAPI 3 can be made of it', async () => {
  const media = Array.from({ length: 2000 }, (_, index) => `m/${index}`);
  const large = { paths: { '/apis/a.io/v1/things': { get: { produces: media, responses: { 200: { description: '', schema: { description: 'x'.repeat(100_000) } } } } } } };
  respond = (request, response) => void response.writeHead(request.url === '/openapi/v2' ? 200 : 404).end(request.url === '/openapi/v2' ? JSON.stringify(large) : '');
  expect([...await openApi.documents(), ...await openApi.documents()]).toEqual([]);
  expect(problems).toEqual(['v1.a.io']);
});

describe('an extension server\'s document of OpenAPI 2', () => {
  it('is asked for once a minute, by all who ask at once together, and is the same value as long as its bytes are', async () => {
    const [[first], [same]] = await Promise.all([openApi.parts(), openApi.parts()]);
    expect(same).toBe(first);
    await openApi.parts();
    expect(asked).toBe(1);
    time += 61_000;
    expect((await openApi.parts())[0]).toBe(first);
    expect(asked).toBe(2);
    respond = (_request, response) => void response.end(documentOf('second'));
    time += 61_000;
    expect(await titles()).toEqual(['[{"get":{"summary":"second"}}]']);
  });

  it('is not sent again when its ETag is known', async () => {
    respond = ({ headers }, response) => void response.writeHead(headers['if-none-match'] === '"e"' ? 304 : 200, { etag: '"e"' }).end(headers['if-none-match'] === '"e"' ? '' : documentOf('tagged'));
    const [first] = await openApi.parts();
    time += 61_000;
    expect((await openApi.parts())[0]).toBe(first);
    expect([asked, problems]).toEqual([2, []]);
  });

  it.each<[string, () => void, readonly string[]]>([
    ['fails', () => { respond = (_request, response) => void response.writeHead(500).end(); }, ['v1.a.io']],
    ['sends no JSON', () => { respond = (_request, response) => void response.end('no'); }, ['v1.a.io']],
    ['is away', () => { isThere = false; }, []],
  ])('is what it said last while the server %s', async (_name, happen, reported) => {
    const [first] = await openApi.parts();
    happen();
    time += 61_000;
    expect((await openApi.parts())[0]).toBe(first);
    expect(problems).toEqual(reported);
  });

  it.each<[string, () => void]>([
    ['the server has none any more', () => { respond = (_request, response) => void response.writeHead(404).end(); }],
    ['nobody is to serve the version any more', () => { versions = []; }],
  ])('is gone when %s', async (_name, happen) => {
    expect(await titles()).toHaveLength(1);
    happen();
    time += 61_000;
    expect(await titles()).toEqual([]);
  });
});

describe('a server of several versions', () => {
  const other: ExtensionVersion = { ...version, version: 'v2' };
  const both = JSON.stringify({ paths: { '/apis/a.io/v1/things': { get: { summary: 'one' } }, '/apis/a.io/v2/things': { get: { summary: 'two' } } } });

  it('is asked once for all of them, in the name of one that it answers for', async () => {
    versions = [{ ...version, isFresh: false }, other];
    services = new Map([['/apis/a.io/v1', service], ['/apis/a.io/v2', { ...service, metadata: { name: 'v2.a.io' } }]]);
    respond = (_request, response) => void response.end(both);
    expect((await titles()).toSorted()).toEqual(['[{"get":{"summary":"one"}}]', '[{"get":{"summary":"two"}}]']);
    const first = await openApi.parts();
    expect((await openApi.parts()).every((part, index) => part === first[index])).toBe(true);
    expect(asked).toBe(1);
  });

  it('is asked again when it is to serve one more', async () => {
    services = new Map([['/apis/a.io/v1', service], ['/apis/a.io/v2', { ...service, metadata: { name: 'v2.a.io' } }]]);
    expect(await titles()).toHaveLength(1);
    respond = (_request, response) => void response.end(both);
    versions = [version, other];
    expect((await titles()).toSorted()).toEqual(['[{"get":{"summary":"one"}}]', '[{"get":{"summary":"two"}}]']);
    await titles();
    expect(asked).toBe(2);
  });
});

describe('a server that can not be told on', () => {
  const well: ExtensionVersion = { ...version, group: 'b.io' };

  beforeEach(() => {
    versions = [version, well];
    services = new Map([['/apis/a.io/v1', servedBy('a')], ['/apis/b.io/v1', servedBy('b')]]);
  });

  it.each([
    ['a number without end', '{"definitions":{"x":{"minLength":1e999}},"paths":{"/apis/a.io/v1/x":{"get":{"responses":{"200":{"schema":{"$ref":"#/definitions/x"}}}}}}}'],
    ['an object for a text', '{"paths":{"/apis/a.io/v1/x":{"get":{"description":{"toString":1,"valueOf":1}}}}}'],
    ['more levels than can be looked through', `{"paths":{"/apis/a.io/v1/x":${'{"x":'.repeat(5000)}1${'}'.repeat(5000)}}}`],
  ])('for %s is left out, and others are not', async (_name, bad) => {
    let count = 0;
    respond = (_request, response) => void response.end((count += 1) === 1 ? bad : documentOf('first').replace('a.io', 'b.io'));
    expect(await titles()).toEqual(['[{"get":{"summary":"first"}}]']);
    expect(problems).toHaveLength(1);
  });

  it('for want of an answer is waited for a moment once, and asked beside from then on', async () => {
    const held: ServerResponse[] = [];
    respond = ({ headers }, response) => {
      if (headers.host === 'a') held.push(response);
      else response.end(documentOf('first').replace('a.io', 'b.io'));
    };
    let waits = 0;
    const lost = Promise.withResolvers<undefined>();
    patience = async () => {
      waits += 1;
      await lost.promise;
    };
    const first = titles();
    await expect.poll(() => held).toHaveLength(1);
    lost.resolve(undefined);
    await first;
    await expect.poll(titles).toEqual(['[{"get":{"summary":"first"}}]']);
    expect(waits).toBe(1);
    // It is ill from now on, and asked again later.
    held[0]?.destroy();
    await expect.poll(() => problems).toHaveLength(1);
    time += 6000;
    await titles();
    await expect.poll(() => held).toHaveLength(2);
    held[1]?.end(documentOf('late'));
    await expect.poll(titles).toHaveLength(2);
    expect(waits).toBe(1);
  });
});
