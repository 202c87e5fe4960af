import { request as httpsRequest } from 'node:https';
import type { IncomingHttpHeaders } from 'node:http';
import { connect as connectHttp2, constants } from 'node:http2';
import { text as textOf } from 'node:stream/consumers';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createApiServer } from '../api/server.ts';
import { startTestServer, type TestServer } from './test-server.ts';

/** The API server as its users meet it: over TLS, with plain HTTP clients and the real kubectl. */

let test: TestServer;
let identity: { readonly certPem: string; readonly keyPem: string };

beforeAll(async () => {
  test = await startTestServer();
  identity = await test.pki.clientCertificate({ commonName: 'admin', organizations: ['system:masters'] });
});
afterAll(() => test.dispose());

interface Answer {
  readonly code: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

interface Asking {
  readonly headers?: Readonly<Record<string, string | string[]>>;
  readonly body?: string | Buffer;
  /** Without a client certificate. */
  readonly anonymous?: true;
}

/** One request over HTTP/1.1. */
function ask(method: string, path: string, { headers = {}, body, anonymous }: Asking = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asked = httpsRequest({
      host: '127.0.0.1', port: test.server.port, ca: test.pki.caPem, method, path, headers,
      ...(anonymous === true ? {} : { cert: identity.certPem, key: identity.keyPem }),
    }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => { chunks.push(chunk); });
      response.on('end', () => { resolve({ code: response.statusCode ?? 0, headers: response.headers, text: Buffer.concat(chunks).toString() }); });
    });
    asked.on('error', reject);
    asked.end(body);
  });
}

/** The socket of a watch, its request sent. */
function rawWatch(path: string): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = connectTls({ host: '127.0.0.1', port: test.server.port, ca: test.pki.caPem, cert: identity.certPem, key: identity.keyPem });
    socket.on('error', reject);
    socket.once('secureConnect', () => { socket.write(`GET ${path} HTTP/1.1\r\nhost: x\r\n\r\n`); });
    socket.once('data', () => { resolve(socket); });
  });
}

const configMaps = '/api/v1/namespaces/default/configmaps';
const json = { 'content-type': 'application/json' };
const named = (name: string, data: Readonly<Record<string, string>> = {}) => JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data });
const parsed = ({ text }: Answer): unknown => JSON.parse(text);

describe('the HTTP edge', () => {
  it.each([
    ['no such resource', 'GET', '/api/v1/namespaces/default/gadgets', {}, 404, 'NotFound'],
    ['no such object', 'GET', `${configMaps}/none`, {}, 404, 'NotFound'],
    ['no such path', 'GET', '/nothing', {}, 404, 'NotFound'],
    ['a namespaced object outside any namespace', 'POST', '/api/v1/configmaps', { headers: json, body: named('x') }, 405, 'MethodNotAllowed'],
    ['a cluster\'s object inside a namespace', 'GET', '/api/v1/namespaces/default/nodes', {}, 404, 'NotFound'],
    ['an update of a collection', 'PUT', configMaps, { headers: json, body: named('x') }, 405, 'MethodNotAllowed'],
    ['a body that is no JSON', 'POST', configMaps, { headers: json, body: '{"kind":' }, 400, 'BadRequest'],
    ['a body of another type', 'POST', configMaps, { headers: { 'content-type': 'text/plain' }, body: 'x' }, 415, 'UnsupportedMediaType'],
    ['an answer of a type that isn\'t there', 'GET', configMaps, { headers: { accept: 'text/html' } }, 406, 'NotAcceptable'],
    ['an apply of nobody', 'PATCH', `${configMaps}/x`, { headers: { 'content-type': 'application/apply-patch+yaml' }, body: named('x') }, 422, 'Invalid'],
    ['an apply in CBOR', 'PATCH', `${configMaps}/x?fieldManager=m`, { headers: { 'content-type': 'application/apply-patch+cbor' }, body: named('x') }, 415, 'UnsupportedMediaType'],
    ['an apply of a key twice', 'PATCH', `${configMaps}/x?fieldManager=m&fieldValidation=Strict`, { headers: { 'content-type': 'application/apply-patch+yaml' }, body: 'apiVersion: v1\nkind: ConfigMap\ndata: {a: "1", a: "2"}\n' }, 400, 'BadRequest'],
    ['force without an apply', 'PATCH', `${configMaps}/x?force=true`, { headers: { 'content-type': 'application/merge-patch+json' }, body: '{}' }, 422, 'Invalid'],
    ['a body that is too large', 'POST', configMaps, { headers: { ...json, 'content-length': '4000000' }, body: Buffer.alloc(4_000_000, 32) }, 413, 'RequestEntityTooLarge'],
    ['a bad limit', 'GET', `${configMaps}?limit=x`, {}, 400, 'BadRequest'],
    ['a bad label selector', 'GET', `${configMaps}?labelSelector=a%20b%20c`, {}, 400, 'BadRequest'],
    ['a field that can\'t be selected', 'GET', '/api/v1/pods?fieldSelector=spec.x%3D1', {}, 400, 'BadRequest'],
    ['a dry run of some sort', 'POST', `${configMaps}?dryRun=Some`, { headers: json, body: named('x') }, 400, 'BadRequest'],
    ['a bad name', 'POST', configMaps, { headers: json, body: named('No Good') }, 422, 'Invalid'],
    ['a wrong token', 'GET', configMaps, { headers: { authorization: 'Bearer wrong' }, anonymous: true }, 401, 'Unauthorized'],
    ['nobody', 'GET', configMaps, { anonymous: true }, 403, 'Forbidden'],
    ['exec without an upgrade', 'POST', '/api/v1/namespaces/default/pods/none/exec?command=ls', {}, 404, 'NotFound'],
  ] satisfies [string, string, string, Asking, number, string][])('%s: %s %s', async (_what, method, path, asking, code, reason) => {
    const answer = await ask(method, path, asking);
    expect(answer.code).toBe(code);
    expect(parsed(answer)).toMatchObject({ kind: 'Status', apiVersion: 'v1', status: 'Failure', reason, code });
  });

  it('answers in YAML, laid out for people, and compressed, when asked', async () => {
    await ask('POST', configMaps, { headers: json, body: named('forms', { text: 'x'.repeat(200_000) }) });
    expect((await ask('GET', `${configMaps}/forms`, { headers: { accept: 'application/yaml' } })).text).toMatch(/^kind: ConfigMap\napiVersion: v1\n/);
    expect((await ask('GET', `${configMaps}/forms?pretty=true`)).text).toMatch(/^\{\n {2}"kind": "ConfigMap",\n/);
    const packed = await ask('GET', `${configMaps}/forms`, { headers: { 'accept-encoding': 'gzip' } });
    expect(packed.headers['content-encoding']).toBe('gzip');
    expect(Number(packed.headers['content-length'])).toBeLessThan(10_000);
  });

  it('marks every answer for the audit', async () => {
    expect((await ask('GET', configMaps)).headers['audit-id']).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('tells discovery once: who has it gets 304', async () => {
    const headers = { accept: 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList' };
    const first = await ask('GET', '/apis', { headers });
    expect(first.headers['content-type']).toBe('application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList');
    expect((await ask('GET', '/apis', { headers: { ...headers, 'if-none-match': first.headers.etag ?? '' } })).code).toBe(304);
  });

  it.each(['/version', '/healthz', '/livez?verbose', '/readyz', '/metrics', '/api', '/apis', '/api/v1', '/apis/apps', '/apis/apps/v1'])('answers %s', async (path) => {
    expect((await ask('GET', path)).code).toBe(200);
  });

  it('gives a list in pieces that make up one document', async () => {
    const data = { text: 'y'.repeat(100_000) };
    for (let count = 0; count < 20; count++) await ask('POST', configMaps, { headers: json, body: named(`long-${count}`, data) });
    const list = await ask('GET', configMaps);
    expect(list.headers['transfer-encoding']).toBe('chunked');
    expect(parsed(list)).toMatchObject({ kind: 'ConfigMapList', apiVersion: 'v1' });
    const { items } = parsed(list) as { items: Record<string, unknown>[] };
    expect(items.filter((item) => 'kind' in item || 'apiVersion' in item)).toEqual([]);
  });

  it('ends a watch whose revision is gone with 410 as its last event', async () => {
    const answer = await ask('GET', `${configMaps}?watch=true&resourceVersion=1`);
    expect(answer.code).toBe(200);
    const last = JSON.parse(answer.text.trim().split('\n').at(-1) ?? '');
    expect(last).toMatchObject({ type: 'ERROR', object: { kind: 'Status', code: 410, reason: 'Expired' } });
  });

  it('goes on serving when callers vanish in the middle of their requests', async () => {
    for (let round = 0; round < 20; round++) {
      const session = connectHttp2(test.server.url, { ca: test.pki.caPem, cert: identity.certPem, key: identity.keyPem });
      session.on('error', () => undefined);
      for (const path of [configMaps, `${configMaps}?watch=true`, `${configMaps}/forms`]) {
        const stream = session.request({ [constants.HTTP2_HEADER_PATH]: path });
        stream.on('error', () => undefined);
      }
      await new Promise<void>((resolve) => { session.once('connect', () => resolve()); });
      session.destroy();
    }
    expect((await ask('GET', '/readyz')).code).toBe(200);
  });

  it('tells repeated impersonation headers apart, whatever carries them', async () => {
    const [path, body] = ['/apis/authentication.k8s.io/v1/selfsubjectreviews', '{}'];
    const acting = { 'impersonate-user': 'bob', 'impersonate-group': ['a', 'b, c'], ...json };
    const session = connectHttp2(test.server.url, { ca: test.pki.caPem, cert: identity.certPem, key: identity.keyPem });
    const stream = session.request({ [constants.HTTP2_HEADER_METHOD]: 'POST', [constants.HTTP2_HEADER_PATH]: path, ...acting });
    stream.end(body);
    const overHttp2 = await textOf(stream);
    session.close();
    for (const answer of [overHttp2, (await ask('POST', path, { headers: acting, body })).text]) {
      expect(JSON.parse(answer)).toMatchObject({ status: { userInfo: { username: 'bob', groups: ['a', 'b, c', 'system:authenticated'] } } });
    }
  });

  it('ends watches and lets nobody in when it stops', async () => {
    const own = await startTestServer();
    const watching = Array.fromAsync(own.transport.watch({ verb: 'watch', group: '', version: 'v1', resource: 'configmaps' }));
    await own.transport.request({ verb: 'list', group: '', version: 'v1', resource: 'configmaps' });
    await own.server.close();
    expect((await watching).flat().length).toBeGreaterThan(0);
    await expect(own.transport.request({ verb: 'list', group: '', version: 'v1', resource: 'configmaps' })).rejects.toMatchObject({ code: 0 });
    await own.dispose();
  });

  it('cuts off a watcher that takes nothing, and keeps serving others', async () => {
    const stuck = await rawWatch(`${configMaps}?watch=true&resourceVersion=0`);
    const closed = new Promise<void>((resolve) => { stuck.once('close', () => resolve()); });
    stuck.pause();
    const data = { text: 'z'.repeat(900_000) };
    await ask('POST', configMaps, { headers: json, body: named('flood') });
    for (let count = 0; count < 60; count++) {
      const { code } = await ask('PATCH', `${configMaps}/flood`, { headers: { 'content-type': 'application/merge-patch+json' }, body: JSON.stringify({ data: { ...data, count: String(count) } }) });
      expect(code).toBe(200);
    }
    stuck.resume();
    await closed;
  });

  it('says with a code that its port is taken', async () => {
    const options = { store: test.store, pki: test.pki, address: '127.0.0.1', port: test.server.port };
    await expect(createApiServer(options)).rejects.toMatchObject({ code: 'EADDRINUSE' });
  });
});

async function kubectl(...words: string[]): Promise<string> {
  const { code, out, err } = await test.kubectl(...words);
  return code === 0 ? out : `exit ${code}: ${err}`;
}

const apply = (manifest: string) => test.kubectlWith(manifest, 'apply', '-f', '-');

describe('kubectl', () => {
  const web = JSON.stringify({
    apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web', labels: { app: 'web' } },
    spec: {
      replicas: 2, selector: { matchLabels: { app: 'web' } },
      template: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'web', image: 'example.com/web:1' }] } },
    },
  });
  it('creates, shows, labels, patches and deletes a ConfigMap', async () => {
    expect(await kubectl('create', 'configmap', 'settings', '--from-literal=a=b')).toBe('configmap/settings created\n');
    expect(await kubectl('get', 'configmap', 'settings')).toMatch(/^NAME +DATA +AGE\nsettings +1 +\ds\n$/);
    expect(await kubectl('get', 'cm', 'settings', '-o', 'jsonpath={.data.a}')).toBe('b');
    expect(await kubectl('label', 'cm', 'settings', 'tier=back')).toBe('configmap/settings labeled\n');
    expect(await kubectl('annotate', 'cm', 'settings', 'note=x')).toBe('configmap/settings annotated\n');
    expect(await kubectl('patch', 'cm', 'settings', '--type=merge', '-p', '{"data":{"c":"d"}}')).toBe('configmap/settings patched\n');
    expect(await kubectl('patch', 'cm', 'settings', '--type=json', '-p', '[{"op":"remove","path":"/data/a"}]')).toBe('configmap/settings patched\n');
    expect(await kubectl('get', 'cm', '-l', 'tier=back', '-o', 'jsonpath={.items[*].data}')).toBe('{"c":"d"}');
    expect(await kubectl('delete', 'cm', 'settings')).toBe('configmap "settings" deleted from default namespace\n');
    expect(await kubectl('get', 'cm', 'settings')).toBe('exit 1: Error from server (NotFound): configmaps "settings" not found\n');
  });

  it('applies a manifest, and again with a change', async () => {
    expect(await apply(web)).toMatchObject({ code: 0, out: 'deployment.apps/web created\n' });
    expect(await apply(web)).toMatchObject({ code: 0, out: 'deployment.apps/web unchanged\n' });
    expect(await apply(web.replace('web:1', 'web:2'))).toMatchObject({ code: 0, out: 'deployment.apps/web configured\n' });
    expect(await kubectl('get', 'deployment', 'web', '-o', 'jsonpath={.spec.template.spec.containers[0].image} {.metadata.generation}')).toBe('example.com/web:2 2');
    expect(await kubectl('scale', 'deployment', 'web', '--replicas=0')).toBe('deployment.apps/web scaled\n');
    expect(await kubectl('get', 'deployment', 'web', '-o', 'wide')).toMatch(/^NAME +READY +UP-TO-DATE +AVAILABLE +AGE +CONTAINERS +IMAGES +SELECTOR\nweb +0\/0 /);
    expect(await kubectl('delete', 'deployment', 'web')).toBe('deployment.apps "web" deleted from default namespace\n');
  });

  it('says what is wrong with a manifest', async () => {
    const wrong = await apply(web.replace('"name":"web","image"', '"nmae":"web","image"'));
    expect(wrong.code).toBe(1);
    expect(wrong.err).toContain('unknown field "spec.template.spec.containers[0].nmae"');
  });

  it('explains fields', async () => {
    expect(await kubectl('explain', 'configmap.data')).toContain('FIELD: data <map[string]string>');
  });

  it('watches, row by row', async () => {
    await kubectl('create', 'configmap', 'seen');
    const watching = test.kubectl('get', 'configmap', 'seen', '--watch', '--request-timeout=3s');
    await kubectl('label', 'configmap', 'seen', 'round=2');
    expect((await watching).out).toMatch(/^NAME +DATA +AGE\nseen +0 +\ds\n/);
  });

  it('says who may do what', async () => {
    expect(await kubectl('auth', 'can-i', 'create', 'pods')).toBe('yes\n');
    expect(await test.kubectl('auth', 'can-i', 'create', 'pods', '--as=bob')).toMatchObject({ code: 1, out: 'no\n' });
    expect((await test.kubectl('get', 'pods', '--as=bob')).err)
      .toBe('Error from server (Forbidden): pods is forbidden: User "bob" cannot list resource "pods" in API group "" in the namespace "default"\n');
  });

  it('gives Services addresses of their own and takes them back', async () => {
    expect(await kubectl('create', 'service', 'clusterip', 'a', '--tcp=80', '--clusterip=10.43.7.7')).toBe('service/a created\n');
    expect(await kubectl('create', 'service', 'clusterip', 'b', '--tcp=80', '--clusterip=10.43.7.7')).toContain('failed to allocate IP 10.43.7.7: provided IP is already allocated');
    expect(await kubectl('create', 'service', 'nodeport', 'c', '--tcp=80')).toBe('service/c created\n');
    expect(await kubectl('get', 'service', 'c', '-o', 'jsonpath={.spec.clusterIP} {.spec.ports[0].nodePort}')).toMatch(/^10\.43\.\d+\.\d+ 3[0-2]\d{3}$/);
    const asked = { apiVersion: 'v1', kind: 'Service', metadata: { name: 'd' }, spec: { type: 'LoadBalancer', allocateLoadBalancerNodePorts: false, ports: [{ name: 'x', port: 80, nodePort: 30_123 }, { name: 'y', port: 81 }] } };
    await apply(JSON.stringify(asked));
    expect(await kubectl('get', 'service', 'd', '-o', 'jsonpath={.spec.ports[*].nodePort}')).toBe('30123');
    expect(await kubectl('create', 'service', 'nodeport', 'e', '--tcp=80', '--node-port=30123')).toContain('provided port is already allocated');
    expect(await kubectl('patch', 'service', 'd', '-p', '{"spec":{"type":"ClusterIP"}}')).toBe('service/d patched\n');
    expect(await kubectl('create', 'service', 'nodeport', 'e', '--tcp=80', '--node-port=30123')).toBe('service/e created\n');
    await kubectl('delete', 'service', 'a', 'c', 'd', 'e');
    expect(await kubectl('create', 'service', 'clusterip', 'b', '--tcp=80', '--clusterip=10.43.7.7')).toBe('service/b created\n');
  });

  it('makes tokens that the server accepts', async () => {
    await kubectl('create', 'serviceaccount', 'robot');
    const token = (await kubectl('create', 'token', 'robot')).trim();
    const answer = await ask('GET', configMaps, { headers: { authorization: `Bearer ${token}` }, anonymous: true });
    expect(answer.code).toBe(403);
    expect(answer.text).toContain('system:serviceaccount:default:robot');
  });
});
