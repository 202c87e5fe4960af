import { once } from 'node:events';
import { createServer, request as httpsRequest, type Server } from 'node:https';
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createClient } from '../client/client.ts';
import { createControllers } from '../controller/all.ts';
import { systemClock } from '../machinery/clock.ts';
import { mintLeaf, mintAuthority } from '../api/access/certificates.ts';
import { APIService } from '../machinery/kinds/api-registration.ts';
import { ConfigMap, Namespace } from '../machinery/kinds/core.ts';
import { watching } from './conformance/watching.ts';
import { startTestServer, type TestServer } from './test-server.ts';

/** An extension server behind this one: found, asked in the caller's name, told on in discovery, and missed when it is gone. */

let test: TestServer;
let extension: Server;
let caPem: string;
let port: number;
const sockets = new Set<Socket>();
const asked: { readonly caller: string; readonly method: string | undefined; readonly url: string | undefined; readonly headers: IncomingHttpHeaders }[] = [];

const things = { kind: 'ThingList', apiVersion: 'ext.example.com/v1', metadata: {}, items: [{ kind: 'Thing', apiVersion: 'ext.example.com/v1', metadata: { name: 'a', namespace: 'default' } }] };
const pages: Readonly<Record<string, object>> = {
  '/apis/ext.example.com/v1': { kind: 'APIResourceList', groupVersion: 'ext.example.com/v1', resources: [{ name: 'things', singularName: 'thing', namespaced: true, kind: 'Thing', verbs: ['get', 'list', 'watch', 'delete'] }] },
  '/apis/ext.example.com/v1/namespaces/default/things': things,
  '/apis/ext.example.com/v1/namespaces/default/things/here': { metadata: { name: 'here', uid: 'here' } },
  '/apis/ext.example.com/v1/namespaces/default/things/odd': { items: [] },
  '/openapi/v2': {
    swagger: '2.0', info: { title: 't', version: '1' },
    paths: {
      '/apis/ext.example.com/v1/namespaces/{namespace}/things': {
        get: { operationId: 'listThings', responses: { 200: { description: 'OK', schema: { $ref: '#/definitions/com.example.Thing' } } }, 'x-kubernetes-group-version-kind': { group: 'ext.example.com', version: 'v1', kind: 'Thing' } },
        parameters: [{ name: 'namespace', in: 'path', type: 'string', required: true }],
      },
      '/apis/elsewhere.example.com/v1/others': { get: { responses: { 200: { description: 'OK' } } } },
    },
    definitions: {
      'com.example.Thing': { type: 'object', properties: { size: { type: 'integer', oneOf: [] } }, 'x-kubernetes-group-version-kind': [{ group: 'ext.example.com', version: 'v1', kind: 'Thing' }] },
      'com.example.Unused': { type: 'object' },
    },
  },
  '/openapi/v3': { paths: { 'apis/ext.example.com/v1': { serverRelativeURL: '/openapi/v3/apis/ext.example.com/v1?hash=1' } } },
  '/openapi/v3/apis/ext.example.com/v1': { openapi: '3.0.0', info: { title: 't', version: '1' }, paths: {} },
};

/** What the extension server holds in the namespace `going`; `refuses`: it lets nothing be deleted. */
const held = { names: ['a', 'b'], refuses: true };

function answerHeld({ method, url }: IncomingMessage, response: ServerResponse): void {
  const refused = method === 'DELETE' && held.refuses;
  if (method === 'DELETE' && !refused) held.names = held.names.filter((name) => url?.endsWith(`/${name}`) !== true);
  const list = { ...things, items: held.names.map((name) => ({ metadata: { name, namespace: 'going' } })) };
  response.writeHead(refused ? 403 : 200, { 'content-type': 'application/json' });
  response.end(JSON.stringify(refused ? { kind: 'Status', apiVersion: 'v1', status: 'Failure', reason: 'Forbidden', message: 'things are kept', code: 403 } : list));
}

beforeAll(async () => {
  test = await startTestServer();
  const authority = await mintAuthority('extension', Date.now());
  const leaf = await mintLeaf(authority, { commonName: 'ext', organizations: [], usages: ['server'], names: ['ext.default.svc'], notAfter: new Date(Date.now() + 3_600_000) }, Date.now());
  caPem = authority.certPem;
  extension = createServer({ cert: leaf.certPem, key: leaf.keyPem, ca: test.pki.frontProxyCaPem, requestCert: true, rejectUnauthorized: true }, (incoming, response) => {
    asked.push({ caller: callerOf(incoming), method: incoming.method, url: incoming.url, headers: incoming.headers });
    if (incoming.url?.includes('/slow') === true) return;
    if (/\/namespaces\/going\/things\b/.test(incoming.url ?? '')) return answerHeld(incoming, response);
    const page = pages[(incoming.url ?? '').split('?', 1)[0] ?? ''];
    response.writeHead(page === undefined ? 404 : 200, { 'content-type': 'application/json' });
    if (incoming.url?.includes('watch=') === true) response.write(`${JSON.stringify({ type: 'ADDED', object: things.items[0] })}\n`);
    else if (incoming.method === 'POST') incoming.pipe(response);
    else response.end(JSON.stringify(page ?? {}));
  });
  extension.on('connection', (socket) => { sockets.add(socket); });
  extension.on('upgrade', (incoming, socket: Duplex) => {
    socket.write(`HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: echo\r\nx-user: ${String(incoming.headers['x-remote-user'])}\r\n\r\n`);
    socket.pipe(socket);
  });
  extension.listen(0, '127.0.0.1');
  await once(extension, 'listening');
  ({ port } = extension.address() as AddressInfo);
});

afterAll(async () => {
  await stop();
  await test.dispose();
});

async function stop(): Promise<void> {
  if (!extension.listening) return;
  extension.close();
  for (const socket of sockets) socket.destroy();
  await once(extension, 'close');
}

const callerOf = ({ socket }: IncomingMessage): string => String((socket as TLSSocket).getPeerCertificate().subject.CN);

function told(object: APIService | undefined): string {
  const condition = object?.status?.conditions?.find(({ type }) => type === 'Available');
  return condition === undefined ? '' : `${condition.status} ${condition.reason ?? ''}: ${condition.message ?? ''}`;
}

/** Resolves when the APIService's condition is what `wanted` says. */
async function available(wanted: (text: string) => boolean): Promise<string> {
  const name = 'v1.ext.example.com';
  const cache = test.server.caches.of(APIService);
  return new Promise((resolve) => {
    const now = told(cache.get(undefined, name)?.object);
    if (wanted(now)) return resolve(now);
    const watch = cache.watch(test.server.caches.revision, { equals: { 'metadata.name': name } }, {
      changes(batch) {
        for (const change of batch) {
          const text = change.type === 'BOOKMARK' ? '' : told(change.entry.object);
          if (!wanted(text)) continue;
          watch.close();
          resolve(text);
        }
      },
      end: () => undefined,
    });
  });
}

interface Answer {
  readonly code: number | undefined;
  readonly body: string;
}

async function ask(path: string, options: { readonly method?: string; readonly body?: string; readonly headers?: Record<string, string | string[]>; readonly as?: { readonly certPem: string; readonly keyPem: string } } = {}): Promise<Answer> {
  const { certPem: cert, keyPem: key } = options.as ?? await test.pki.clientCertificate({ commonName: 'ann', organizations: ['system:masters', 'dev'] });
  const sent = httpsRequest({ host: '127.0.0.1', port: test.server.port, ca: test.pki.caPem, cert, key, path, method: options.method ?? 'GET', agent: false, headers: { ...options.headers, ...(options.body === undefined ? {} : { 'content-length': Buffer.byteLength(options.body) }) } });
  sent.end(options.body);
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  return { code: response.statusCode, body: (await response.toArray()).join('') };
}

describe('what another server serves', () => {
  it('has APIServices of this server’s own beside it', async () => {
    const { out } = await test.kubectl('get', 'apiservice', 'v1.apps', '--no-headers');
    expect(out.split(/\s+/).slice(0, 3)).toEqual(['v1.apps', 'Local', 'True']);
  });

  it('has APIServices of custom resources beside it, as long as they are served', async () => {
    const definition = {
      metadata: { name: 'lamps.light.example' },
      spec: { group: 'light.example', scope: 'Cluster', names: { plural: 'lamps', kind: 'Lamp' }, versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object' } } }] },
    };
    const crds = { group: 'apiextensions.k8s.io', version: 'v1', resource: 'customresourcedefinitions' } as const;
    await test.transport.request({ ...crds, verb: 'create', body: definition });
    expect((await test.kubectl('wait', 'apiservice/v1.light.example', '--for=create', '--timeout=10s')).out).toContain('condition met');
    await test.transport.request({ ...crds, verb: 'delete', name: 'lamps.light.example' });
    expect((await test.kubectl('wait', 'apiservice/v1.light.example', '--for=delete', '--timeout=10s')).code).toBe(0);
  });

  it('takes the place of what this server serves of the same group, as long as its APIService is there', async () => {
    const services = { group: 'apiregistration.k8s.io', version: 'v1', resource: 'apiservices' } as const;
    const nodes = '/apis/metrics.k8s.io/v1beta1/nodes';
    expect(JSON.parse((await ask(nodes)).body)).toMatchObject({ kind: 'NodeMetricsList', items: [] });
    expect((await ask('/apis/apiregistration.k8s.io/v1/apiservices/v1beta1.metrics.k8s.io')).code).toBe(404);
    const spec = { group: 'metrics.k8s.io', version: 'v1beta1', groupPriorityMinimum: 100, versionPriority: 100, insecureSkipTLSVerify: true, service: { name: 'metrics-server', namespace: 'kube-system' } };
    await test.transport.request({ ...services, verb: 'create', body: { metadata: { name: 'v1beta1.metrics.k8s.io' }, spec } });
    expect((await test.kubectl('wait', 'apiservice/v1beta1.metrics.k8s.io', '--for=condition=Available=False', '--timeout=10s')).code).toBe(0);
    expect(await ask(nodes)).toEqual({ code: 503, body: 'service unavailable\n' });
    await test.transport.request({ ...services, verb: 'delete', name: 'v1beta1.metrics.k8s.io' });
    expect((await test.kubectl('wait', 'apiservice/v1beta1.metrics.k8s.io', '--for=delete', '--timeout=10s')).code).toBe(0);
    // What is followed is noticed a moment after it is written.
    await expect.poll(async () => (await ask(nodes)).code).toBe(200);
  });

  it('is not there before its Service is', async () => {
    const spec = { group: 'ext.example.com', version: 'v1', groupPriorityMinimum: 100, versionPriority: 10, service: { name: 'ext', namespace: 'default', port: port }, caBundle: Buffer.from(caPem).toString('base64') };
    await test.transport.request({ group: 'apiregistration.k8s.io', version: 'v1', verb: 'create', resource: 'apiservices', body: { metadata: { name: 'v1.ext.example.com' }, spec } });
    expect(await available((text) => text !== '')).toBe('False ServiceNotFound: service/ext in "default" is not present');
    expect(await ask('/apis/ext.example.com/v1/namespaces/default/things')).toEqual({ code: 503, body: 'service unavailable\n' });
  });

  it('is found when its Service is there, and asked in the caller’s name', async () => {
    await test.transport.request({ group: '', version: 'v1', verb: 'create', resource: 'services', namespace: 'default', body: { metadata: { name: 'ext' }, spec: { type: 'ExternalName', externalName: 'localhost' } } });
    expect(await available((text) => text.startsWith('True'))).toBe('True Passed: all checks passed');
    expect(JSON.parse((await ask('/apis/ext.example.com/v1/namespaces/default/things?limit=5', { headers: { 'x-remote-user': 'mallory', 'x-remote-group': 'system:masters' } })).body)).toEqual(things);
    expect(asked.at(-1)).toMatchObject({
      caller: 'front-proxy-client', url: '/apis/ext.example.com/v1/namespaces/default/things?limit=5',
      headers: { 'x-remote-user': 'ann', 'x-remote-group': 'system:masters, dev, system:authenticated', host: 'ext.default.svc' },
    });
  });

  it('is told who asks by this server alone', async () => {
    const path = '/apis/ext.example.com/v1/namespaces/default/things';
    await ask(path, { headers: { 'x-remote-uid': '0', 'x-remote-extra-scopes': 'all', 'impersonate-user': 'ben', 'impersonate-group': 'system:masters' } });
    const { headers = {} } = asked.at(-1) ?? {};
    expect(headers).toMatchObject({ 'x-remote-user': 'ben', 'x-remote-group': 'system:masters, system:authenticated' });
    expect(Object.keys(headers).filter((name) => /^(impersonate-|x-remote-(uid|extra))/.test(name))).toEqual([]);
  });

  it('takes bodies, and answers watches as they go on', async () => {
    expect(await ask('/apis/ext.example.com/v1/namespaces/default/things', { method: 'POST', body: '{"kind":"Thing"}' })).toMatchObject({ body: '{"kind":"Thing"}' });
    const { certPem: cert, keyPem: key } = await test.pki.clientCertificate({ commonName: 'ann', organizations: ['system:masters'] });
    const sent = httpsRequest({ host: '127.0.0.1', port: test.server.port, ca: test.pki.caPem, cert, key, path: '/apis/ext.example.com/v1/namespaces/default/things?watch=true', agent: false });
    sent.end();
    const [response] = (await once(sent, 'response')) as [IncomingMessage];
    expect(JSON.parse(String((await once(response, 'data'))[0]))).toMatchObject({ type: 'ADDED' });
    sent.destroy();
  });

  it('is not waited for without end', async () => {
    const { code, body } = await ask('/apis/ext.example.com/v1/namespaces/default/slow?timeout=1s');
    expect([code, JSON.parse(body)]).toMatchObject([504, { kind: 'Status', reason: 'Timeout' }]);
  });

  it('is let through by this server’s rules first', async () => {
    const nobody = await test.pki.clientCertificate({ commonName: 'nobody', organizations: [] });
    const count = asked.length;
    expect((await ask('/apis/ext.example.com/v1/namespaces/default/things', { as: nobody })).code).toBe(403);
    expect(asked).toHaveLength(count);
  });

  it('is upgraded to', async () => {
    const { certPem: cert, keyPem: key } = await test.pki.clientCertificate({ commonName: 'ann', organizations: ['system:masters'] });
    const sent = httpsRequest({ host: '127.0.0.1', port: test.server.port, ca: test.pki.caPem, cert, key, path: '/apis/ext.example.com/v1/echo', headers: { connection: 'Upgrade', upgrade: 'echo' }, agent: false });
    sent.end();
    const [response, socket] = (await once(sent, 'upgrade')) as [IncomingMessage, Socket];
    expect(response.headers['x-user']).toBe('ann');
    socket.write('ping');
    expect(String((await once(socket, 'data'))[0])).toBe('ping');
    socket.destroy();
  });

  it('is told on in discovery and OpenAPI', async () => {
    const { out } = await test.kubectl('api-resources', '--api-group=ext.example.com', '--no-headers');
    expect(out.trim().split(/\s+/)).toEqual(['things', 'ext.example.com/v1', 'true', 'Thing']);
    expect((await test.kubectl('get', 'things', '-o', 'name')).out).toBe('thing.ext.example.com/a\n');
    expect(JSON.parse((await ask('/apis')).body)).toMatchObject({ groups: expect.arrayContaining([expect.objectContaining({ name: 'ext.example.com' })]) as unknown });
    expect(JSON.parse((await ask('/openapi/v3')).body)).toMatchObject({ paths: { 'apis/ext.example.com/v1': { serverRelativeURL: '/openapi/v3/apis/ext.example.com/v1?hash=1' } } });
    expect(JSON.parse((await ask('/openapi/v3/apis/ext.example.com/v1')).body)).toMatchObject({ openapi: '3.0.0' });
  });

  it('is described in this server’s own document of OpenAPI 2, in both its forms', async () => {
    const document = JSON.parse((await ask('/openapi/v2')).body) as { paths: Record<string, object>; definitions: Record<string, object> };
    expect(document).toMatchObject({ swagger: '2.0', paths: { '/apis/ext.example.com/v1/namespaces/{namespace}/things': { get: { operationId: 'listThings' } } }, definitions: { 'com.example.Thing': { type: 'object' } } });
    expect(Object.keys(document.paths)).toContain('/api/v1/namespaces/{namespace}/pods');
    for (const absent of ['/apis/elsewhere.example.com/v1/others', 'com.example.Unused']) expect({ ...document.paths, ...document.definitions }).not.toHaveProperty([absent]);
    const { code, body } = await ask('/openapi/v2', { headers: { accept: 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf' } });
    expect([code, body.includes('com.example.Thing'), body.includes('listThings')]).toEqual([200, true, true]);
    expect(asked.filter(({ url }) => url === '/openapi/v2')).toHaveLength(1);
    // By which kubectl validates lists: it reads the protobuf.
    const list = { apiVersion: 'v1', kind: 'List', items: [{ apiVersion: 'ext.example.com/v1', kind: 'Thing', metadata: { name: 'b' }, weight: 1 }] };
    expect((await test.kubectlWith(JSON.stringify(list), 'create', '-f', '-')).err).toContain('ValidationError(Thing): unknown field "weight"');
  });

  describe('in a namespace that is deleted', () => {
    const running = new AbortController();
    let ended: Promise<void>;

    beforeAll(async () => {
      const client = createClient(test.server.localTransport({ name: 'system:kube-controller-manager', groups: [] }));
      const { kinds, extensionKinds, signToken } = test.server;
      ended = createControllers({ client, clock: systemClock, kinds, extensionKinds, rootCaPem: 'CA', signToken, clusterCidr: '10.244.0.0/16', freeze: true }).run(running.signal);
      await test.client.create(Namespace, { metadata: { name: 'going' } });
    });
    afterAll(async () => {
      running.abort();
      await ended;
    });

    const condition = (type: string) => ({ metadata, status }: Namespace): string | undefined => {
      const found = status?.conditions?.find((one) => one.type === type);
      return metadata?.name === 'going' && found?.status === 'True' ? `${found.reason}: ${found.message}` : undefined;
    };

    it('is deleted too, and holds the namespace until it is', async () => {
      await using watch = watching(test.client, Namespace, { fieldSelector: 'metadata.name=going' });
      await test.client.delete(Namespace, { name: 'going' });
      const kept = await watch.until('CHANGED', (namespace) => condition('NamespaceDeletionContentFailure')(namespace) !== undefined);
      expect(condition('NamespaceDeletionContentFailure')(kept)).toBe('ContentDeletionFailed: Failed to delete all resource types, 1 remaining: things are kept');
      expect(condition('NamespaceContentRemaining')(kept)).toContain('things.ext.example.com has 2 resource instances');
      held.refuses = false;
      await watch.until('DELETED');
      expect(asked.findLast(({ method }) => method === 'DELETE')).toMatchObject({ url: '/apis/ext.example.com/v1/namespaces/going/things/b', headers: { 'x-remote-user': 'system:kube-controller-manager' } });
      expect(held.names).toEqual([]);
    });

    it('is asked for the owners of what this server holds', async () => {
      await using watch = watching(test.client, ConfigMap, { namespace: 'default' });
      const ownedBy = (name: string) => test.client.create(ConfigMap, {
        metadata: { name, namespace: 'default', ownerReferences: [{ apiVersion: 'ext.example.com/v1', kind: 'Thing', name, uid: name }] },
      });
      for (const name of ['here', 'odd']) {
        await ownedBy(name);
        await expect.poll(() => asked.some(({ url }) => url === `/apis/ext.example.com/v1/namespaces/default/things/${name}`)).toBe(true);
      }
      await ownedBy('gone');
      await watch.until('DELETED', ({ metadata }) => metadata?.name === 'gone');
      const left = (await test.client.list(ConfigMap, { namespace: 'default' })).items.map(({ metadata }) => metadata?.name);
      expect(left).toEqual(expect.arrayContaining(['here', 'odd']));
    });

    it('holds the namespace when nobody says what it is', async () => {
      await using watch = watching(test.client, Namespace, { fieldSelector: 'metadata.name=waiting' });
      await test.client.create(Namespace, { metadata: { name: 'waiting' } });
      const nowhere = { group: 'nowhere.example.com', version: 'v1', groupPriorityMinimum: 100, versionPriority: 10, service: { name: 'nowhere', namespace: 'default' } };
      await test.client.create(APIService, { metadata: { name: 'v1.nowhere.example.com' }, spec: nowhere });
      await test.client.delete(Namespace, { name: 'waiting' });
      const { status } = await watch.until('CHANGED', (namespace) => (namespace.status?.conditions ?? []).some(({ status: is, type }) => type === 'NamespaceDeletionDiscoveryFailure' && is === 'True'));
      expect(status?.conditions?.find(({ type }) => type === 'NamespaceDeletionDiscoveryFailure')).toMatchObject({
        reason: 'DiscoveryFailed',
        message: 'Discovery failed for some groups, 1 failing: unable to retrieve the complete list of server APIs: nowhere.example.com/v1: stale GroupVersion discovery: nowhere.example.com/v1',
      });
      await test.client.delete(APIService, { name: 'v1.nowhere.example.com' });
      await watch.until('DELETED');
    });
  });

  it('is missed when it is gone', async () => {
    await stop();
    const { code, body } = await ask('/apis/ext.example.com/v1/namespaces/default/things');
    expect([code, JSON.parse(body)]).toEqual([503, expect.objectContaining({ reason: 'ServiceUnavailable', message: expect.stringMatching(/^error trying to reach service: /) as unknown })]);
  });
});

describe('a proxy in front of this server', () => {
  const review = JSON.stringify({ apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' });
  const whoami = (as: { readonly certPem: string; readonly keyPem: string }, headers: Record<string, string | string[]>) =>
    ask('/apis/authentication.k8s.io/v1/selfsubjectreviews', { method: 'POST', body: review, headers: { 'content-type': 'application/json', ...headers }, as });

  it('says who asks', async () => {
    const { code, body } = await whoami(await test.pki.frontProxyCertificate(), { 'x-remote-user': 'ben', 'x-remote-group': ['system:masters', 'a,b'], 'x-remote-extra-scopes%2fx': 'y' });
    expect([code, JSON.parse(body)]).toMatchObject([201, { status: { userInfo: { username: 'ben', groups: ['system:masters', 'a,b', 'system:authenticated'], extra: { 'scopes/x': ['y'] } } } }]);
  });

  it('is nobody itself', async () => {
    expect((await whoami(await test.pki.frontProxyCertificate(), {})).code).toBe(401);
  });

  it('is believed for its authority, not for its headers', async () => {
    const { body } = await whoami(await test.pki.clientCertificate({ commonName: 'front-proxy-client', organizations: [] }), { 'x-remote-user': 'ben' });
    expect(JSON.parse(body)).toMatchObject({ status: { userInfo: { username: 'front-proxy-client' } } });
  });
});
