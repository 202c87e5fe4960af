import { connect as connectHttp2, type ClientHttp2Session } from 'node:http2';
import { once } from 'node:events';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestServer, type TestServer } from './test-server.ts';

/** When bodies are read, and what becomes of a connection whose body is not. */

interface Identity {
  readonly certPem: string;
  readonly keyPem: string;
}

let test: TestServer;
let admin: Identity;
let nobody: Identity;

beforeAll(async () => {
  test = await startTestServer();
  admin = await test.pki.clientCertificate({ commonName: 'admin', organizations: ['system:masters'] });
  nobody = await test.pki.clientCertificate({ commonName: 'nobody', organizations: [] });
});
afterAll(() => test.dispose());

const path = '/api/v1/namespaces/default/configmaps';
const configMap = (name: string) => JSON.stringify({ metadata: { name } });

async function open({ certPem: cert, keyPem: key }: Identity): Promise<{ socket: TLSSocket; until: (pattern: RegExp) => Promise<string> }> {
  const socket = connectTls({ host: '127.0.0.1', port: test.server.port, ca: test.pki.caPem, cert, key, ALPNProtocols: ['http/1.1'] });
  let text = '';
  socket.on('error', () => undefined);
  socket.on('data', (bytes: Buffer) => { text += bytes.toString(); });
  await once(socket, 'secureConnect');
  return {
    socket,
    async until(pattern) {
      while (!pattern.test(text)) await Promise.race([once(socket, 'data'), once(socket, 'close').then(() => { throw new Error(`closed after: ${text}`); })]);
      const seen = text;
      text = '';
      return seen;
    },
  };
}

function post(length: number | string, more = ''): string {
  const size = typeof length === 'number' ? `content-length: ${length}` : length;
  return `POST ${path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n${size}\r\n${more}\r\n`;
}

describe('a body over HTTP/1.1', () => {
  it('is not waited for when its sender may not do what it asks for', async () => {
    const { socket, until } = await open(nobody);
    socket.write(post(3_000_000));
    expect(await until(/"code":403/)).toMatch(/^HTTP\/1\.1 403 .*connection: close/is);
    await once(socket, 'close');
  });

  it('that is small is passed over, and its connection goes on', async () => {
    const { socket, until } = await open(nobody);
    socket.write(post(20));
    await until(/"code":403/);
    socket.write(`${' '.repeat(20)}GET /version HTTP/1.1\r\nhost: x\r\n\r\n`);
    expect(await until(/gitVersion/)).toContain('200 OK');
    socket.destroy();
  });

  it('is asked for only when it will be read', async () => {
    const refused = await open(nobody);
    refused.socket.write(post(100, 'expect: 100-continue\r\n'));
    expect(await refused.until(/"code":403/)).not.toContain('100 Continue');
    const allowed = await open(admin);
    const body = configMap('continued');
    allowed.socket.write(post(body.length, 'expect: 100-continue\r\n'));
    await allowed.until(/100 Continue/);
    allowed.socket.write(body);
    expect(await allowed.until(/\r\n\r\n\{/)).toContain('201 Created');
    allowed.socket.destroy();
  });

  it.each([['says how large it is', post(4_000_000)], ['comes in chunks', `${post('transfer-encoding: chunked')}400000\r\n`]])('that is too large is refused when it %s', async (_what, head) => {
    const { socket, until } = await open(admin);
    socket.write(head);
    socket.write(Buffer.alloc(4_000_000, 32));
    expect(await until(/"code":413/)).toContain('Request entity too large: limit is 3145728');
    socket.destroy();
  });

  it('that comes too slowly is answered', async () => {
    const { socket, until } = await open(admin);
    socket.write(post(100).replace(path, `${path}?timeout=10ms`));
    expect(await until(/"code":504/)).toContain('request did not complete within the allotted timeout');
    socket.destroy();
  });
});

async function refusal(session: ClientHttp2Session, body: Buffer): Promise<{ code: number; text: string }> {
  const stream = session.request({ ':method': 'POST', ':path': path, 'content-type': 'application/json' }, { endStream: false });
  stream.on('error', () => undefined);
  stream.write(body);
  const [headers] = await once(stream, 'response') as [{ ':status': number }];
  let text = '';
  stream.on('data', (bytes: Buffer) => { text += bytes.toString(); });
  await once(stream, 'close');
  return { code: headers[':status'], text };
}

describe('a body over HTTP/2', () => {
  it.each([['by somebody who may not', () => nobody, 403, Buffer.from('{')], ['beyond the limit', () => admin, 413, Buffer.alloc(4_000_000, 32)]])('is cut short when it is sent %s, and its connection goes on', async (_who, who, code, body) => {
    const { certPem: cert, keyPem: key } = who();
    const session = connectHttp2(test.server.url, { ca: test.pki.caPem, cert, key });
    expect(await refusal(session, body)).toMatchObject({ code, text: expect.stringContaining(`"code":${code}`) });
    const next = session.request({ ':path': '/version' });
    expect((await once(next, 'response') as [object])[0]).toMatchObject({ ':status': 200 });
    session.destroy();
  });
});
