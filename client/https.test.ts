// oxlint-disable-next-line import/no-unassigned-import -- what @peculiar/x509 needs at load time
import 'reflect-metadata';
import { createSecureServer, type Http2SecureServer, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';
import { X509CertificateGenerator, SubjectAlternativeNameExtension } from '@peculiar/x509';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ConfigMap } from '../machinery/kinds/core.ts';
import { ApiError } from '../machinery/status.ts';
import { createClient } from './client.ts';
import { httpsTransport, pathOf, type HttpsTransport } from './https.ts';

type Handle = (stream: ServerHttp2Stream, request: { readonly method: string; readonly path: string; readonly body: string }) => void;

/** A server that answers as each test wants: the remote party. */
interface Remote {
  handle: Handle;
  readonly url: string;
  readonly ca: string;
  readonly sessions: Set<ServerHttp2Session>;
  readonly server: Http2SecureServer;
}

async function listen(): Promise<Remote> {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256' };
  const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: 'CN=test', keys, signingAlgorithm: { name: 'ECDSA', hash: 'SHA-256' }, extensions: [new SubjectAlternativeNameExtension([{ type: 'ip', value: '127.0.0.1' }])],
  });
  const pkcs8 = Buffer.from(await crypto.subtle.exportKey('pkcs8', keys.privateKey)).toString('base64');
  const ca = certificate.toString('pem');
  const server = createSecureServer({ cert: ca, key: `-----BEGIN PRIVATE KEY-----\n${pkcs8}\n-----END PRIVATE KEY-----\n` });
  const sessions = new Set<ServerHttp2Session>();
  server.on('session', (session) => {
    sessions.add(session);
    session.on('close', () => sessions.delete(session));
  });
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const remote: Remote = { handle: (stream) => stream.close(), url: `https://127.0.0.1:${port}`, ca, sessions, server };
  server.on('stream', (stream: ServerHttp2Stream, headers) => {
    let body = '';
    stream.on('error', () => undefined);
    stream.setEncoding('utf8');
    stream.on('data', (chunk: string) => { body += chunk; });
    stream.on('end', () => remote.handle(stream, { method: String(headers[':method']), path: String(headers[':path']), body }));
  });
  return remote;
}

function answer(stream: ServerHttp2Stream, code: number, value: unknown): void {
  stream.respond({ ':status': code, 'content-type': 'application/json' });
  stream.end(typeof value === 'string' ? value : JSON.stringify(value));
}

const drain = (transport: HttpsTransport): Promise<unknown> => Array.fromAsync(transport.watch({ verb: 'watch', group: '', version: 'v1', resource: 'configmaps' }));

describe('the https transport', () => {
  let remote: Remote;
  let transport: HttpsTransport;
  beforeAll(async () => {
    remote = await listen();
    transport = httpsTransport({ server: remote.url, ca: remote.ca, requestTimeoutMs: 200 });
  });
  afterAll(async () => {
    transport.close();
    for (const session of remote.sessions) session.destroy();
    await new Promise((resolve) => { remote.server.close(resolve); });
  });

  it('sends the object and gives the answer', async () => {
    remote.handle = (stream, request) => answer(stream, 201, { ...JSON.parse(request.body), path: request.path, method: request.method });
    const created = await createClient(transport).create(ConfigMap, { metadata: { name: 'a', namespace: 'default' } });
    expect(created).toEqual({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a', namespace: 'default' }, path: '/api/v1/namespaces/default/configmaps', method: 'POST' });
  });

  it('throws the failure that the server answers', async () => {
    remote.handle = (stream) => answer(stream, 404, { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', reason: 'NotFound', code: 404, message: 'no such' });
    await expect(createClient(transport).get(ConfigMap, { namespace: 'x', name: 'y' })).rejects.toMatchObject({ code: 404, reason: 'NotFound', message: 'no such' });
  });

  it('words a failure that is no Status', async () => {
    remote.handle = (stream) => answer(stream, 503, 'upstream down');
    await expect(transport.getPath('/version')).rejects.toMatchObject({ code: 503, message: 'upstream down' });
  });

  it('gives up on an answer that does not come in time', async () => {
    remote.handle = () => undefined;
    await expect(transport.getPath('/slow')).rejects.toMatchObject({ code: 0, message: 'no answer within 0.2 s' });
  });

  it('ends a request with the reason of its abort', async () => {
    const stop = new AbortController();
    remote.handle = () => stop.abort(new Error('never mind'));
    await expect(transport.getPath('/slow', stop.signal)).rejects.toThrow('never mind');
  });

  it('connects anew after the server dropped the connection', async () => {
    remote.handle = () => { for (const session of remote.sessions) session.destroy(); };
    await expect(transport.getPath('/a')).rejects.toBeInstanceOf(ApiError);
    remote.handle = (stream) => answer(stream, 200, { fine: true });
    expect(await transport.getPath('/a')).toEqual({ fine: true });
  });

  it('cuts a watch into what arrived together', async () => {
    remote.handle = (stream) => {
      stream.respond({ ':status': 200 });
      stream.write(`${JSON.stringify({ type: 'ADDED', object: { metadata: { name: 'a' } } })}\n${JSON.stringify({ type: 'ADDED', object: { metadata: { name: 'ü' } } })}\n{"type":"DELE`);
      setImmediate(() => stream.end('TED","object":{"metadata":{"name":"a"}}}\n'));
    };
    const seen: string[] = [];
    for await (const batch of createClient(transport).watch(ConfigMap, { resourceVersion: '3' })) {
      seen.push(...batch.map(({ type, object }) => `${type} ${object.metadata?.name}`));
    }
    expect(seen).toEqual(['ADDED a', 'ADDED ü', 'DELETED a']);
  });

  it('throws the failure that a watch brings, or that is answered instead of one', async () => {
    const gone = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', reason: 'Expired', code: 410, message: 'too old' };
    remote.handle = (stream) => answer(stream, 200, `${JSON.stringify({ type: 'ERROR', object: gone })}\n`);
    await expect(drain(transport)).rejects.toMatchObject({ code: 410, reason: 'Expired' });
    remote.handle = (stream) => answer(stream, 410, gone);
    await expect(drain(transport)).rejects.toMatchObject({ code: 410, reason: 'Expired' });
  });

  it('ends a watch quietly when it is aborted', async () => {
    const stop = new AbortController();
    remote.handle = (stream) => {
      stream.respond({ ':status': 200 });
      stream.write(`${JSON.stringify({ type: 'ADDED', object: { metadata: { name: 'a' } } })}\n`);
    };
    let batches = 0;
    for await (const batch of createClient(transport).watch(ConfigMap, { signal: stop.signal })) {
      batches += batch.length;
      stop.abort();
    }
    expect(batches).toBe(1);
  });

  it('says that it cannot reach a server, or does not trust it', async () => {
    const stranger = httpsTransport({ server: remote.url });
    await expect(stranger.getPath('/')).rejects.toMatchObject({ code: 0, message: expect.stringContaining("can't reach https://127.0.0.1") });
    stranger.close();
  });

  it('builds the paths of the API', () => {
    const at = { group: 'apps', version: 'v1', resource: 'deployments' } as const;
    expect(pathOf({ ...at, verb: 'list' })).toBe('/apis/apps/v1/deployments');
    expect(pathOf({ ...at, verb: 'update', namespace: 'a', name: 'b', subresource: 'status' })).toBe('/apis/apps/v1/namespaces/a/deployments/b/status');
    expect(pathOf({ ...at, verb: 'watch', query: { labelSelector: 'a in (b,c)' } })).toBe('/apis/apps/v1/deployments?labelSelector=a+in+%28b%2Cc%29&watch=true');
  });
});
