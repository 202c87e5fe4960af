/** Servers that the API server calls (webhooks of admission and conversion, extension servers), on the loopback address, under an authority of their own. */
import { once } from 'node:events';
import { createServer } from 'node:https';
import type { IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { mintAuthority, mintLeaf } from '../../api/access/certificates.ts';

export interface Asked {
  readonly method: string;
  /** With its query. */
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  /** '' for none. */
  readonly text: string;
}

export interface Answered {
  /** 200 when absent. */
  readonly code?: number;
  readonly body: object;
}

export interface HttpsServer extends AsyncDisposable {
  readonly port: number;
  readonly url: string;
  /** For `caBundle`: base64 of its authority's PEM. */
  readonly caBundle: string;
}

const hourMs = 3_600_000;

/** `names`: what its certificate bears besides the loopback address, `hook.default.svc`. `clientCa`: PEM of the authority that callers need a certificate of. */
export async function startHttpsServer(answer: (asked: Asked) => Answered | Promise<Answered>, names: readonly string[] = [], clientCa?: string): Promise<HttpsServer> {
  const now = Date.now();
  const authority = await mintAuthority('conformance authority', now);
  const leaf = await mintLeaf(authority, { commonName: 'conformance', organizations: [], usages: ['server'], names: ['127.0.0.1', ...names], notAfter: new Date(now + hourMs) }, now);
  const mutual = clientCa === undefined ? {} : { ca: clientCa, requestCert: true, rejectUnauthorized: true };
  const server = createServer({ cert: leaf.certPem, key: leaf.keyPem, ...mutual }, (incoming, outgoing) => {
    void text(incoming).then((body) => answer({ method: incoming.method ?? '', url: incoming.url ?? '', headers: incoming.headers, text: body })).then(
      ({ code = 200, body }) => outgoing.writeHead(code, { 'content-type': 'application/json' }).end(JSON.stringify(body)),
      (error: unknown) => outgoing.writeHead(500).end(String(error)),
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    port,
    url: `https://127.0.0.1:${port}`,
    caBundle: Buffer.from(authority.certPem).toString('base64'),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => { server.close(resolve); });
    },
  };
}
