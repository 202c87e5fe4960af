import type { IncomingHttpHeaders } from 'node:http';
import { Agent, request } from 'node:https';
import { buffer } from 'node:stream/consumers';
import { messageOf } from '../../machinery/thrown.ts';
import type { ProxyTarget } from '../request.ts';

export interface Asked {
  readonly code: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** Requests of this server's own to extension servers, over connections that are kept. */
export interface ExtensionClient {
  /** As `ask`. */
  ask(target: ProxyTarget, headers: Readonly<Record<string, string>>, signal: AbortSignal, call?: Call): Promise<Asked>;
  close(): void;
}

export interface Call {
  readonly method?: string;
  readonly body?: string;
}

const mostBytes = 16 * 1024 * 1024;
/** Of each server. */
const idleSockets = 8;

export function createExtensionClient(): ExtensionClient {
  const agent = new Agent({ keepAlive: true, maxFreeSockets: idleSockets });
  return {
    async ask(target, headers, signal, call = {}) {
      try {
        return await ask(target, headers, signal, { ...call, agent });
      } catch (error) {
        // The server closed a connection that was kept, just as it was used again.
        if (!(error instanceof StaleConnection) || signal.aborted) throw error;
        return ask(target, headers, signal, call);
      }
    },
    close: () => { agent.destroy(); },
  };
}

class StaleConnection extends Error {}

/**
 * A request of this server's own, by default a GET for a document (discovery, OpenAPI), over a connection of its own unless an agent
 * keeps some. Bounded in time and size. Rejects with an Error that says why there is no answer.
 */
export function ask(
  target: ProxyTarget, headers: Readonly<Record<string, string>>, signal: AbortSignal, { method = 'GET', body = '', agent = false }: Call & { readonly agent?: Agent | false } = {},
): Promise<Asked> {
  const { tls } = target;
  if (tls === undefined || tls === 'agent') throw new Error('extension servers are asked over TLS');
  return new Promise((resolve, reject) => {
    const asked = request({
      host: target.host, port: target.port, path: target.path, method, agent, signal,
      headers: {
        ...Object.fromEntries(Object.entries(target.headers ?? {}).map(([name, value]) => [name, typeof value === 'string' ? value : [...value]])), ...headers,
        ...(body === '' ? {} : { 'content-length': Buffer.byteLength(body) }),
      },
      ...(tls.caPem === undefined ? {} : { ca: tls.caPem }), cert: tls.certPem, key: tls.keyPem,
      rejectUnauthorized: tls.isVerified, servername: tls.serverName,
      // Where nothing is verified the name isn't either, and Node keeps no connection that was made with a check of one's own.
      ...(tls.isNameChecked || !tls.isVerified ? {} : { checkServerIdentity: () => undefined }),
    });
    let isAnswered = false;
    asked.once('error', (error) => {
      const isStale = asked.reusedSocket && !isAnswered && method === 'GET';
      reject(isStale ? new StaleConnection(messageOf(error), { cause: error }) : new Error(messageOf(error), { cause: error }));
    });
    asked.once('response', (response) => {
      isAnswered = true;
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
