import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket, type RawData } from 'ws';
import { startTestServer, type TestServer } from './test-server.ts';

/** Watches over a WebSocket, as browsers take them. */

let test: TestServer;
let identity: { readonly cert: string; readonly key: string };
const configMaps = { group: '', version: 'v1', resource: 'configmaps', namespace: 'default' } as const;
const path = '/api/v1/namespaces/default/configmaps?watch=1';

beforeAll(async () => {
  test = await startTestServer();
  const { certPem: cert, keyPem: key } = await test.pki.clientCertificate({ commonName: 'admin', organizations: ['system:masters'] });
  identity = { cert, key };
  await test.transport.request({ ...configMaps, verb: 'create', body: { metadata: { name: 'one' } } });
});
afterAll(() => test.dispose());

interface Opened {
  readonly socket: WebSocket;
  /** The next message, and whether it is binary. */
  next(): Promise<readonly [bytes: Buffer, isBinary: boolean]>;
}

interface Asking {
  readonly protocols?: readonly string[];
  readonly headers?: Readonly<Record<string, string>>;
  /** Shows no certificate. */
  readonly isStranger?: true;
}

/** Rejects with the answer's code when it is refused. */
async function open(query: string, { protocols = [], headers = {}, isStranger }: Asking = {}): Promise<Opened> {
  const socket = new WebSocket(`wss://127.0.0.1:${test.server.port}${path}${query}`, [...protocols], { ca: test.pki.caPem, headers, ...(isStranger === true ? {} : identity) });
  const waiting: (readonly [Buffer, boolean])[] = [];
  let wake: (() => void) | undefined;
  socket.on('message', (data: RawData, isBinary: boolean) => {
    waiting.push([data as Buffer, isBinary]);
    wake?.();
  });
  await new Promise<void>((resolve, reject) => {
    socket.once('open', resolve);
    socket.once('unexpected-response', (_request, response) => { reject(new Error(`refused with ${response.resume().statusCode}`)); });
    socket.once('error', reject);
  });
  return {
    socket,
    async next() {
      while (waiting.length === 0) await new Promise<void>((resolve) => { wake = resolve; });
      return waiting.shift() ?? expect.fail('nothing came');
    },
  };
}

async function closed({ socket }: Opened): Promise<void> {
  const gone = once(socket, 'close');
  socket.close();
  await gone;
}

describe('a watch over a WebSocket', () => {
  it('is one message of text for each event', async () => {
    const opened = await open('');
    await test.transport.request({ ...configMaps, verb: 'create', body: { metadata: { name: 'two' } } });
    await test.transport.request({ ...configMaps, verb: 'delete', name: 'two' });
    const events = [await opened.next(), await opened.next(), await opened.next()];
    expect(events.map(([bytes, isBinary]) => [JSON.parse(bytes.toString()), isBinary])).toMatchObject([
      [{ type: 'ADDED', object: { kind: 'ConfigMap', metadata: { name: 'one' } } }, false],
      [{ type: 'ADDED', object: { metadata: { name: 'two' } } }, false],
      [{ type: 'DELETED', object: { metadata: { name: 'two' } } }, false],
    ]);
    await closed(opened);
  });

  it('is binary in protobuf, without the length that events have in a stream', async () => {
    const opened = await open('', { headers: { accept: 'application/vnd.kubernetes.protobuf;stream=watch' } });
    const [bytes, isBinary] = await opened.next();
    expect([isBinary, bytes.subarray(0, 7).toString('latin1')]).toEqual([true, '\n\u0005ADDED']);
    await closed(opened);
  });

  it('ends with the server\'s reason, and at the end of its time', async () => {
    const old = await open('&resourceVersion=1&allowWatchBookmarks=true', { headers: { accept: 'application/json' } });
    expect(JSON.parse((await old.next())[0].toString())).toMatchObject({ type: 'ERROR', object: { code: 410 } });
    await once(old.socket, 'close');
    const short = await open('&timeoutSeconds=1');
    await once(short.socket, 'close');
    expect((await short.next())[0].toString()).toContain('"ADDED"');
  });

  it('is refused like any request: by who may not, and when it is asked for wrongly', async () => {
    const { certPem: cert, keyPem: key } = await test.pki.clientCertificate({ commonName: 'nobody', organizations: [] });
    const before = identity;
    identity = { cert, key };
    await expect(open('')).rejects.toThrow('refused with 403');
    identity = before;
    await expect(open('&resourceVersion=x')).rejects.toThrow('refused with 400');
  });
});

describe('a token among the protocols of a WebSocket', () => {
  const offer = (token: string): string => `base64url.bearer.authorization.k8s.io.${Buffer.from(token).toString('base64url')}`;

  it('lets its account in, and is not what is agreed on', async () => {
    const core = { group: '', version: 'v1' } as const;
    await test.transport.request({ ...core, verb: 'create', resource: 'serviceaccounts', namespace: 'default', body: { metadata: { name: 'reader' } } });
    const { status } = await test.transport.request({ ...core, verb: 'create', resource: 'serviceaccounts', namespace: 'default', name: 'reader', subresource: 'token', body: { kind: 'TokenRequest', apiVersion: 'authentication.k8s.io/v1', spec: {} } }) as { status?: { token?: string } };
    const token = status?.token ?? '';
    const asking: Asking = { protocols: [offer(token), 'base64.binary.k8s.io'], isStranger: true };
    await expect(open('', asking)).rejects.toThrow('refused with 403');
    await test.transport.request({
      group: 'rbac.authorization.k8s.io', version: 'v1', verb: 'create', resource: 'rolebindings', namespace: 'default',
      body: { metadata: { name: 'reader' }, roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'view' }, subjects: [{ kind: 'ServiceAccount', name: 'reader', namespace: 'default' }] },
    });
    const opened = await open('', asking);
    expect(opened.socket.protocol).toBe('base64.binary.k8s.io');
    expect((await opened.next())[0].toString()).toContain('"ADDED"');
    await closed(opened);
    await expect(open('', { ...asking, protocols: [offer(token)] })).rejects.toThrow('refused with 401');
    await expect(open('', { ...asking, protocols: [offer(`${token}x`), 'base64.binary.k8s.io'] })).rejects.toThrow('refused with 401');
  });
});
