import { once } from 'node:events';
import { connect } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestServer, type TestServer } from './test-server.ts';

let test: TestServer;
beforeAll(async () => { test = await startTestServer(); });
afterAll(() => test.dispose());

/** All that the server says to `text` until it closes the connection. */
async function said(...texts: readonly string[]): Promise<string> {
  const socket = connect({ host: '127.0.0.1', port: test.server.port, ca: test.pki.caPem, ALPNProtocols: ['http/1.1'] });
  await once(socket, 'secureConnect');
  let answer = '';
  socket.on('data', (chunk: Buffer) => { answer += chunk.toString(); });
  const closed = once(socket, 'close');
  for (const text of texts) socket.write(text);
  await closed;
  return answer;
}

const post = 'POST /api/v1/namespaces/default/configmaps HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n';

describe('HTTP/1.1 that can not be read', () => {
  it.each([
    ['has two lengths', `${post}Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}`],
    ['has a length and chunks', `${post}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`],
    ['has a coding that is none', `${post}Transfer-Encoding: identity\r\n\r\n{}`],
    ['is no HTTP', 'hello there\r\n\r\n'],
    ['breaks off within its chunks', `${post}Transfer-Encoding: chunked\r\n\r\nnonsense\r\n`],
  ])('is answered 400 when it %s', async (_what, text) => {
    expect(await said(text)).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n(?:[^\r]+\r\n)*connection: close\r\n\r\n400 Bad Request$/i);
  });

  it('is answered 431 when its headers are too large', async () => {
    expect(await said(`${post}X: ${'x'.repeat(100_000)}\r\n\r\n`)).toMatch(/^HTTP\/1\.1 431 Request Header Fields Too Large\r\n/);
  });

  it('gets no second answer into one that is under way', async () => {
    const { certPem: cert, keyPem: key } = await test.pki.clientCertificate({ commonName: 'admin', organizations: ['system:masters'] });
    const socket = connect({ host: '127.0.0.1', port: test.server.port, ca: test.pki.caPem, cert, key, ALPNProtocols: ['http/1.1'] });
    await once(socket, 'secureConnect');
    let answer = '';
    const closed = once(socket, 'close');
    socket.on('data', (chunk: Buffer) => {
      if (answer === '') socket.write('hello there\r\n\r\n');
      answer += chunk.toString();
    });
    socket.write('GET /api/v1/namespaces?watch=1 HTTP/1.1\r\nHost: a\r\n\r\n');
    await closed;
    expect(answer).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    expect(answer).not.toContain('400 Bad Request');
  });
});
