import { once } from 'node:events';
import { request as httpsRequest } from 'node:https';
import type { IncomingHttpHeaders } from 'node:http';
import { connect as connectHttp2 } from 'node:http2';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { startTestServer, type TestServer } from './test-server.ts';

/** What HTTP says of answers, whatever they hold. */

let test: TestServer;
let identity: { readonly certPem: string; readonly keyPem: string };
const configMaps = '/api/v1/namespaces/default/configmaps';

beforeAll(async () => {
  test = await startTestServer();
  identity = await test.pki.clientCertificate({ commonName: 'admin', organizations: ['system:masters'] });
  for (let index = 0; index < 4; index++) {
    await test.transport.request({ verb: 'create', group: '', version: 'v1', resource: 'configmaps', namespace: 'default', body: { metadata: { name: `large-${index}` }, data: { text: 'x'.repeat(100_000) } } });
  }
});
afterAll(() => test.dispose());

function ask(method: string, path: string, headers: Readonly<Record<string, string>> = {}, body = ''): Promise<{ code: number; headers: IncomingHttpHeaders; body: Buffer }> {
  return new Promise((resolve, reject) => {
    const asked = httpsRequest({ host: '127.0.0.1', port: test.server.port, ca: test.pki.caPem, cert: identity.certPem, key: identity.keyPem, method, path, headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => { chunks.push(chunk); });
      response.on('end', () => { resolve({ code: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) }); });
    });
    asked.on('error', reject);
    asked.end(body);
  });
}

describe('a large answer', () => {
  it.each([['an object of a quarter of a megabyte', '/api/v1/configmaps?limit=2'], ['a list that leaves in slices', configMaps]])('is compressed for who takes gzip: %s', async (_what, path) => {
    const plain = await ask('GET', path);
    expect(plain.headers['content-encoding']).toBeUndefined();
    const packed = await ask('GET', path, { 'accept-encoding': 'gzip, deflate' });
    expect(packed.headers).toMatchObject({ 'content-encoding': 'gzip', vary: 'Accept-Encoding' });
    expect(packed.body.length).toBeLessThan(plain.body.length / 10);
    // The server writes objects of its own meanwhile: the lists' revisions may differ.
    expect(JSON.parse(gunzipSync(packed.body).toString())).toMatchObject({ items: (JSON.parse(plain.body.toString()) as { items: unknown[] }).items });
  });

  it.each([['gzip;q=0'], ['deflate'], ['']])('is as it is for who sends Accept-Encoding %j', async (accepted) => {
    expect((await ask('GET', configMaps, { 'accept-encoding': accepted })).headers['content-encoding']).toBeUndefined();
  });

  it('is YAML for who wants that, whatever its size', async () => {
    const { headers, body } = await ask('GET', configMaps, { accept: 'application/yaml' });
    expect(headers['content-type']).toBe('application/yaml');
    const list = parse(body.toString()) as { kind: string; items: readonly unknown[] };
    expect([list.kind, list.items.length]).toEqual(['ConfigMapList', 4]);
    expect((await ask('GET', '/api/v1/namespaces/default', { accept: 'application/yaml' })).body.toString()).toMatch(/^kind: Namespace\napiVersion: v1\n/);
  });
});

describe('HEAD', () => {
  it.each([['a large list', configMaps], ['an object', '/api/v1/namespaces/default']])('tells of %s no more than the head, over both versions of HTTP', async (_what, path) => {
    expect(await ask('HEAD', path)).toMatchObject({ code: 200, body: { length: 0 } });
    const session = connectHttp2(test.server.url, { ca: test.pki.caPem, cert: identity.certPem, key: identity.keyPem });
    for (let again = 0; again < 2; again++) {
      const stream = session.request({ ':method': 'HEAD', ':path': path });
      expect((await once(stream, 'response') as [object])[0]).toMatchObject({ ':status': 200 });
      stream.resume();
      await once(stream, 'close');
    }
    session.destroy();
  });
});

describe('an offer of another protocol', () => {
  const headers = { connection: 'Upgrade, HTTP2-Settings', upgrade: 'h2c', 'http2-settings': 'AAMAAABkAAQAAP__' };

  it.each([
    ['GET', '/version', headers, '', 200],
    ['GET', '/api/v1/namespaces/default', headers, '', 200],
    ['GET', '/api/v1/namespaces/default', { connection: 'Upgrade', upgrade: 'websocket' }, '', 200],
    ['GET', '/api/v1/namespaces/default', { connection: 'Upgrade', upgrade: 'TLS/1.2, h2c' }, '', 200],
    ['POST', `${configMaps}?dryRun=All`, { ...headers, 'content-type': 'application/json' }, JSON.stringify({ metadata: { name: 'offered' } }), 201],
    ['GET', '/api/v1/namespaces/default/pods/p/exec?command=id', headers, '', 404],
    ['GET', '/%zz', headers, '', 400],
  ])('is passed over where nobody would take it: %s %s with %j', async (method, path, more, body, code) => {
    expect(await ask(method, path, more, body)).toMatchObject({ code });
  });
});

describe('what a resource does not do', () => {
  it.each([
    ['OPTIONS', configMaps, {}, 405, 'the server does not allow this method on the requested resource'],
    ['PUT', configMaps, { 'content-type': 'application/json' }, 405, 'the server does not allow this method on the requested resource'],
    ['GET', configMaps, { accept: 'text/html' }, 406, 'only the following media types are accepted'],
    ['POST', configMaps, { 'content-type': 'text/plain' }, 415, 'the body of the request was in an unknown format'],
    ['GET', `${configMaps}?timeout=soon`, {}, 400, 'invalid timeout specified in the request URL'],
  ] as const)('%s %s with %j is refused with a Status', async (method, path, headers, code, message) => {
    const answer = await ask(method, path, headers, method === 'POST' ? '{}' : '');
    expect(answer.code).toBe(code);
    expect(JSON.parse(answer.body.toString())).toMatchObject({ kind: 'Status', code, message: expect.stringContaining(message) });
    expect(answer.headers['audit-id']).toMatch(/^[\da-f-]{36}$/);
  });
});

describe('a large body in YAML', () => {
  it('is read as YAML is', async () => {
    const body = `metadata:\n  name: from-yaml\ndata:\n${Array.from({ length: 3000 }, (_, index) => `  key-${index}: "on"`).join('\n')}\n`;
    const made = await ask('POST', `${configMaps}?fieldValidation=Strict`, { 'content-type': 'application/yaml' }, body);
    expect(made.code).toBe(201);
    expect(JSON.parse(made.body.toString())).toMatchObject({ data: { 'key-2999': 'on' } });
    const twice = await ask('POST', `${configMaps}?fieldValidation=Strict`, { 'content-type': 'application/yaml' }, `${body}  key-0: again\n`);
    expect(twice.body.toString()).toContain('already set in map');
    expect((await ask('POST', configMaps, { 'content-type': 'application/yaml' }, `${body}\t- x: [`)).code).toBe(400);
  });
});
