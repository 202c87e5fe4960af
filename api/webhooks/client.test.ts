import { createServer, type Server } from 'node:https';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ensureServerToken, openPki, type Pki } from '../access/pki.ts';
import { startTestCluster, type TestCluster } from '../access/test-cluster.ts';
import { Pod, Service } from '../../machinery/kinds/core.ts';
import { EndpointSlice } from '../../machinery/kinds/discovery.ts';
import { createWebhookClient, WebhookError, type WebhookClient } from './client.ts';
import { locateService } from './service-address.ts';

let dataDir: string;
let cluster: TestCluster;
let pki: Pki;
let server: Server;
let port: number;
let client: WebhookClient;

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'coracle-webhooks-'));
  cluster = await startTestCluster();
  pki = await openPki(cluster.store, { dataDir, token: await ensureServerToken(dataDir), now: Date.now });
  const { certPem: cert, keyPem: key } = await pki.serverCertificate(['127.0.0.1', 'judge.court.svc']);
  server = createServer({ cert, key }, (request, answer) => {
    if (request.url?.startsWith('/silent') === true) return;
    if (request.url?.startsWith('/broken') === true) answer.statusCode = 503;
    void text(request).then((body) => { answer.end(JSON.stringify({ host: request.headers.host, url: request.url, got: JSON.parse(body) })); });
  });
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  const address = server.address();
  port = typeof address === 'object' && address !== null ? address.port : 0;
  client = createWebhookClient((service) => locateService(cluster.caches, () => 0, service));
});

afterAll(async () => {
  client.close();
  server.closeAllConnections();
  await new Promise((resolve) => { server.close(resolve); });
  await cluster.close();
  await rm(dataDir, { recursive: true, force: true });
});

const caBundle = () => Buffer.from(pki.caPem).toString('base64');
const options = { timeoutMs: 5000 };

describe('a webhook', () => {
  it('is asked by its URL, and told how long it may take', async () => {
    expect(await client.call({ url: `https://127.0.0.1:${port}/judge`, caBundle: caBundle() }, { a: 1 }, options)).toEqual({ host: `127.0.0.1:${port}`, url: '/judge?timeout=5s', got: { a: 1 } });
  });

  it.each<[string, (at: string) => { readonly url: string; readonly caBundle?: string }, number, string | RegExp]>([
    ['is not trusted by another authority', (at) => ({ url: `${at}/judge` }), 5000, /unable to verify|self.signed/],
    ['has its time', (at) => ({ url: `${at}/silent`, caBundle: caBundle() }), 50, 'context deadline exceeded'],
    ['must say 200', (at) => ({ url: `${at}/broken`, caBundle: caBundle() }), 5000, 'the server responded with the status code 503'],
    ['must be there', () => ({ url: 'https://127.0.0.1:1/judge', caBundle: caBundle() }), 5000, 'ECONNREFUSED'],
  ])('%s', async (_name, config, timeoutMs, why) => {
    const asking = client.call(config(`https://127.0.0.1:${port}`), {}, { timeoutMs });
    await expect(asking).rejects.toThrow(WebhookError);
    await expect(asking).rejects.toThrow(why);
  });
});

describe('a webhook behind a Service', () => {
  const service = { namespace: 'court', name: 'judge', path: '/judge' };
  const asked = () => client.call({ service, caBundle: caBundle() }, {}, options);

  it('is asked at a ready endpoint, by the Service\'s name', async () => {
    await expect(asked()).rejects.toThrow('service "judge" not found');
    await cluster.put(Service, { metadata: { namespace: 'court', name: 'judge' }, spec: { selector: { app: 'judge' }, ports: [{ name: 'https', port: 443, targetPort: 'tls' }] } });
    await expect(asked()).rejects.toThrow('no endpoints available for service "judge"');
    await cluster.put(Pod, {
      metadata: { namespace: 'court', name: 'p', labels: { app: 'judge' } }, spec: { containers: [{ name: 'c', ports: [{ name: 'tls', containerPort: port }] }] },
      status: { podIP: '127.0.0.1', conditions: [{ type: 'Ready', status: 'True' }] },
    });
    expect(await asked()).toMatchObject({ host: 'judge.court.svc', url: '/judge?timeout=5s' });
    await cluster.put(EndpointSlice, {
      metadata: { namespace: 'court', name: 's', labels: { 'kubernetes.io/service-name': 'judge' } }, addressType: 'IPv4', ports: [{ name: 'https', port: 1 }],
      endpoints: [{ addresses: ['127.0.0.1'], conditions: { ready: false } }, { addresses: ['127.0.0.1'], conditions: { ready: true } }],
    });
    await expect(asked()).rejects.toThrow('ECONNREFUSED');
  });
});
