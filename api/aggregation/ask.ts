import { request } from 'node:https';
import { buffer } from 'node:stream/consumers';
import { messageOf } from '../../machinery/thrown.ts';
import type { ProxyTarget } from '../request.ts';

/** A GET of this server's own, for a document: discovery, OpenAPI. Bounded in time and size. Rejects with an Error that says why there is none. */
export function ask(target: ProxyTarget, accept: string, signal: AbortSignal): Promise<{ readonly code: number; readonly body: Buffer }> {
  const { tls } = target;
  if (tls === undefined || tls === 'agent') throw new Error('extension servers are asked over TLS');
  return new Promise((resolve, reject) => {
    const asked = request({
      host: target.host, port: target.port, path: target.path, agent: false, signal,
      headers: { ...Object.fromEntries(Object.entries(target.headers ?? {}).map(([name, value]) => [name, typeof value === 'string' ? value : [...value]])), accept },
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
      buffer(response).then((body) => { resolve({ code: response.statusCode ?? 502, body }); }, reject);
    });
    asked.end();
  });
}

const mostBytes = 16 * 1024 * 1024;
