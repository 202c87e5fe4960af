import { request as httpsRequest, type RequestOptions } from 'node:https';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { failure, type ApiError } from '../../machinery/status.ts';
import type { AgentResult } from '../request.ts';
import type { Connections } from './connections.ts';
import type { Exchange } from './exchange.ts';
import { endToEnd } from './proxy-headers.ts';
import { splice, type Splice } from './splice.ts';
import { messageOf } from '../../machinery/thrown.ts';

/** How the API server shows itself to a node's agent, and by which authority it judges the agent. */
export interface AgentLink {
  readonly caPem: string;
  readonly certPem: string;
  readonly keyPem: string;
  /** How long the agent may take to answer at all. */
  readonly connectMs: number;
  /** Those that were opened to proxy one request serve the next. */
  readonly connections: Connections;
  /** Aborts when the server stops: what flows through it ends. */
  readonly stopped: AbortSignal;
}

function options(link: AgentLink, { host, port, path }: AgentResult, method: string, headers: IncomingHttpHeaders): RequestOptions {
  return {
    host, port, path, method, headers, ca: link.caPem, cert: link.certPem, key: link.keyPem, timeout: link.connectMs, agent: false,
    // A node's certificate names the addresses it was given by, not those it may move to: the authority is what is trusted.
    checkServerIdentity: () => undefined,
  };
}

/** What is meant for the API server only stays here. */
function passed(headers: IncomingHttpHeaders): IncomingHttpHeaders {
  const { host: _host, authorization: _authorization, cookie: _cookie, ...rest } = endToEnd(headers);
  return rest;
}

function unreachable({ host, port, path }: AgentResult, cause: unknown) {
  const why = messageOf(cause);
  return failure('InternalError', `Get "https://${host}:${port}${path}": ${why}`, undefined, { cause });
}

const largestRefusalBytes = 4096;

/** What an agent refuses with plain text, as the failure that clients show: they read nothing but a Status. */
async function refusalOf(response: IncomingMessage, code: number): Promise<ApiError> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes > largestRefusalBytes) break;
  }
  const text = Buffer.concat(chunks).toString('utf8', 0, largestRefusalBytes).trimEnd();
  if (code === 400) return failure('BadRequest', text);
  if (code === 404) return failure('NotFound', text);
  return failure('InternalError', `Internal error occurred: ${text}`);
}

/**
 * Streams what the agent answers. Throws 500 in Kubernetes' words when the agent can't be reached, and the agent's own reason
 * when it refuses. Resolves when all is said.
 */
export function streamFromAgent(exchange: Exchange, link: AgentLink, target: AgentResult, headers: Record<string, string>): Promise<void> {
  return new Promise((resolve, reject) => {
    const asked = httpsRequest(options(link, target, 'GET', { accept: '*/*' }));
    asked.once('timeout', () => asked.destroy(new Error('the agent did not answer in time')));
    asked.once('error', (error) => { reject(unreachable(target, error)); });
    asked.once('response', (response) => {
      asked.setTimeout(0);
      const code = response.statusCode ?? 502;
      if (code < 200 || code > 299) {
        refusalOf(response, code).then(reject, (error: unknown) => { reject(unreachable(target, error)); });
        return;
      }
      const type = response.headers['content-type'] ?? 'text/plain';
      const out = exchange.open(code, { ...headers, 'content-type': type });
      if (out === undefined) asked.destroy();
      else response.pipe(out);
      response.once('error', () => { exchange.abort(); });
    });
    const stop = () => { exchange.abort(); };
    link.stopped.addEventListener('abort', stop, { once: true });
    exchange.onEnd(() => {
      link.stopped.removeEventListener('abort', stop);
      asked.destroy();
      resolve();
    });
    asked.end();
  });
}

/** Splices an upgraded connection to the agent. Throws 500 while nothing was written to the socket yet. */
export function spliceToAgent(ends: Splice, link: AgentLink, target: AgentResult): Promise<void> {
  const method = ends.request.method ?? 'GET';
  const headers = passed(ends.request.headers);
  return splice(ends, { isSecure: true, options: options(link, target, method, headers), unreachable: (cause) => unreachable(target, cause) }, link.stopped);
}
