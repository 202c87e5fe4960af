import type { IncomingHttpHeaders } from 'node:http';
import { request } from 'node:https';
import { buffer } from 'node:stream/consumers';
import { messageOf } from '../../machinery/thrown.ts';
import type { ProxyTarget } from '../request.ts';

export interface Asked {
  readonly code: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** A request of this server's own: by default a GET for a document (discovery, OpenAPI). Bounded in time and size. Rejects with an Error that says why there is no answer. */
export function ask(target: ProxyTarget, headers: Readonly<Record<string, string>>, signal: AbortSignal, { method = 'GET', body = '' }: { readonly method?: string; readonly body?: string } = {}): Promise<Asked> {
  const { tls } = target;
  if (tls === undefined || tls === 'agent') throw new Error('extension servers are asked over TLS');
  return new Promise((resolve, reject) => {
    const asked = request({
      host: target.host, port: target.port, path: target.path, method, agent: false, signal,
      headers: {
        ...Object.fromEntries(Object.entries(target.headers ?? {}).map(([name, value]) => [name, typeof value === 'string' ? value : [...value]])), ...headers,
        ...(body === '' ? {} : { 'content-length': Buffer.byteLength(body) }),
      },
      ...(tls.caPem === undefined ? {} : { ca: tls.caPem }), cert: tls.certPem, key: tls.keyPem,
      rejectUnauthorized: tls.isVerified, servername: tls.serverName, ...(tls.isNameChecked ? {} : { checkServerIdentity: () => undefined }),
    });
    asked.once('error', (error) => { reject(new Error(messageOf(error), { cause: error })); });
    asked.once('response', (response) => {
      let size = 0;
      response.on('data', (chunk: Buffer) => {
        size += chunk.length;
        if (size > mostBytes) asked.destroy(new Error('the answer is too large'));
      });
      buffer(response).then((answered) => { resolve({ code: response.statusCode ?? 502, headers: response.headers, body: answered }); }, reject);
    });
    asked.end(body);
  });
}

const mostBytes = 16 * 1024 * 1024;
