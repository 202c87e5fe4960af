import { request as httpsRequest, type RequestOptions } from 'node:https';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { failure, type ApiError } from '../../machinery/status.ts';
import type { AgentResult } from '../request.ts';
import type { Exchange } from './exchange.ts';
import { messageOf } from '../../machinery/thrown.ts';

/** How the API server shows itself to a node's agent, and by which authority it judges the agent. */
export interface AgentLink {
  readonly caPem: string;
  readonly certPem: string;
  readonly keyPem: string;
  /** How long the agent may take to answer at all. */
  readonly connectMs: number;
  /** Aborts when the server stops: what flows through it ends. */
  readonly stopped: AbortSignal;
}

const hopByHop: ReadonlySet<string> = new Set(['connection', 'keep-alive', 'transfer-encoding', 'upgrade', 'proxy-connection', 'te', 'trailer', 'http2-settings', 'host', 'authorization', 'cookie']);

function options(link: AgentLink, { host, port, path }: AgentResult, method: string, headers: IncomingHttpHeaders): RequestOptions {
  return {
    host, port, path, method, headers, ca: link.caPem, cert: link.certPem, key: link.keyPem, timeout: link.connectMs, agent: false,
    // A node's certificate names the addresses it was given by, not those it may move to: the authority is what is trusted.
    checkServerIdentity: () => undefined,
  };
}

function endToEnd(headers: IncomingHttpHeaders): IncomingHttpHeaders {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !name.startsWith(':') && !hopByHop.has(name)));
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

/**
 * Splices an upgraded connection to the agent, byte for byte both ways: the API server speaks neither WebSocket nor SPDY
 * here. What the agent refuses is passed on as its plain answer. Throws while nothing was written to `socket` yet.
 */
export function spliceToAgent(request: IncomingMessage, socket: Duplex, head: Buffer, link: AgentLink, target: AgentResult): Promise<void> {
  return new Promise((resolve, reject) => {
    const headers = { ...endToEnd(request.headers), connection: 'Upgrade', upgrade: request.headers.upgrade ?? '' };
    const asked = httpsRequest(options(link, target, request.method ?? 'GET', headers));
    let joined = false;
    asked.once('timeout', () => asked.destroy(new Error('the agent did not answer in time')));
    asked.once('error', (error) => {
      if (joined) socket.destroy();
      else reject(unreachable(target, error));
    });
    const stop = () => { socket.destroy(); };
    link.stopped.addEventListener('abort', stop, { once: true });
    socket.once('close', () => {
      link.stopped.removeEventListener('abort', stop);
      asked.destroy();
      resolve();
    });
    asked.once('upgrade', (response, agentSocket, agentHead) => {
      joined = true;
      agentSocket.setTimeout(0);
      socket.write(headOf(response));
      if (agentHead.length > 0) socket.write(agentHead);
      if (head.length > 0) agentSocket.write(head);
      agentSocket.on('error', () => socket.destroy());
      agentSocket.once('close', () => socket.end());
      socket.once('close', () => agentSocket.destroy());
      agentSocket.pipe(socket);
      socket.pipe(agentSocket);
    });
    asked.once('response', (response) => {
      joined = true;
      socket.write(headOf(response, { connection: 'close' }));
      response.pipe(socket);
    });
    asked.end();
  });
}

/** Status line and headers as they came. */
function headOf(response: IncomingMessage, more: Readonly<Record<string, string>> = {}): string {
  const lines = [`HTTP/1.1 ${response.statusCode} ${response.statusMessage}`];
  const dropped = new Set(Object.keys(more).length > 0 ? ['connection', 'transfer-encoding', 'keep-alive'] : []);
  for (let at = 0; at < response.rawHeaders.length; at += 2) {
    if (!dropped.has(response.rawHeaders[at]?.toLowerCase() ?? '')) lines.push(`${response.rawHeaders[at]}: ${response.rawHeaders[at + 1]}`);
  }
  for (const [name, value] of Object.entries(more)) lines.push(`${name}: ${value}`);
  return `${lines.join('\r\n')}\r\n\r\n`;
}
