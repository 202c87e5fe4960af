import { request as httpRequest, type Agent, type ClientRequest, type IncomingHttpHeaders, type IncomingMessage, type OutgoingHttpHeaders } from 'node:http';
import { request as httpsRequest, type RequestOptions } from 'node:https';
import { pipeline, type Transform } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import { failure, type ApiError } from '../../machinery/status.ts';
import { messageOf } from '../../machinery/thrown.ts';
import type { ProxyTarget } from '../request.ts';
import type { Exchange } from './exchange.ts';
import type { AgentLink } from './agent-link.ts';
import { endToEnd, forwarded } from './proxy-headers.ts';
import { pageTransform, relocated, type Behind } from './proxied-links.ts';
import { splice, type Splice } from './splice.ts';

/** Requests that another server answers: a pod, a Service's endpoint, a node, an extension server. Bodies flow both ways as they come. */

interface Caller {
  /** `10.0.0.1`. */
  readonly address: string;
  /** What every answer to this request carries. */
  readonly headers: OutgoingHttpHeaders;
}

function optionsOf({ host, port, path, tls }: ProxyTarget, headers: RequestOptions['headers'], link: AgentLink): RequestOptions {
  const rooted = path === '' || path.startsWith('?') ? `/${path}` : path;
  return { host, port, path: rooted, headers, timeout: link.connectMs, ...(tls === undefined ? {} : tlsOptions(tls === 'agent' ? asAgents(link) : tls)) };
}

/** A node's certificate names the addresses it was given by, not those it may move to: the authority is what is trusted. */
function asAgents({ caPem, certPem, keyPem }: AgentLink): Tls {
  return { caPem, certPem, keyPem, isVerified: true, isNameChecked: false };
}

type Tls = Exclude<ProxyTarget['tls'], 'agent' | undefined>;

function tlsOptions({ caPem, certPem, keyPem, isVerified, isNameChecked, serverName }: Tls): RequestOptions {
  return {
    ...(caPem === undefined ? {} : { ca: caPem }),
    ...(certPem === undefined ? {} : { cert: certPem, key: keyPem }),
    rejectUnauthorized: isVerified,
    ...(serverName === undefined ? {} : { servername: serverName }),
    ...(isNameChecked ? {} : { checkServerIdentity: () => undefined }),
  };
}

function unreachable(cause: unknown): ApiError {
  return failure('ServiceUnavailable', `error trying to reach service: ${messageOf(cause)}`, undefined, { cause });
}

/** What can be sent again when a connection that was kept turns out to be closed. */
const repeatable: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

/**
 * Sends the request on and the answer back. Resolves with the answer's code when all is said; throws 503 when the other server
 * can't be reached.
 */
export function proxy(exchange: Exchange, target: ProxyTarget, link: AgentLink, caller: Caller): Promise<number> {
  const atRoot = redirectToRoot(exchange, target);
  if (atRoot !== undefined) {
    exchange.answer(301, { ...caller.headers, location: atRoot, 'content-length': 0 }, '');
    return Promise.resolve(301);
  }
  return new Promise((resolve, reject) => {
    const body = exchange.incoming();
    const headers = headersOf(exchange.headers, target, caller.address);
    // Left to itself, Node sends the body of a DELETE or GET bare: the other server would take it for the next request.
    const framed = body === undefined || headers['content-length'] !== undefined ? headers : { ...headers, 'transfer-encoding': 'chunked' };
    const options = { ...optionsOf(target, framed, link), method: exchange.method };
    let code = 502;
    let asked = send(body === undefined && repeatable.has(exchange.method) ? link.connections.to(target) : false);

    function send(agent: Agent | false): ClientRequest {
      const request = (target.tls === undefined ? httpRequest : httpsRequest)({ ...options, agent });
      request.once('timeout', () => request.destroy(new Error('no connection in time')));
      // Once there is a connection, the answer may take as long as it takes.
      request.once('socket', (socket) => {
        if (request.reusedSocket) request.setTimeout(0);
        else socket.once(target.tls === undefined ? 'connect' : 'secureConnect', () => request.setTimeout(0));
      });
      request.once('error', (error) => {
        if (exchange.begun || exchange.gone) exchange.abort();
        // The other server had just closed what nobody used: it hasn't seen the request.
        else if (request.reusedSocket) asked = send(false);
        else reject(unreachable(error));
      });
      request.once('response', (response) => {
        code = response.statusCode ?? code;
        passOn(exchange, response, code, caller.headers, behindOf(exchange, target));
      });
      if (body === undefined) request.end();
      else body.pipe(request);
      return request;
    }

    const stop = () => { exchange.abort(); };
    link.stopped.addEventListener('abort', stop, { once: true });
    exchange.onEnd(() => {
      link.stopped.removeEventListener('abort', stop);
      asked.destroy();
      resolve(code);
    });
  });
}

/** Passes on an answer; the links of one that comes from `behind` this server are led through it. */
function passOn(exchange: Exchange, response: IncomingMessage, code: number, headers: OutgoingHttpHeaders, behind: Behind | undefined): void {
  const own: OutgoingHttpHeaders = { ...headers, ...endToEnd(response.headers) };
  const { location } = response.headers;
  if (location !== undefined && behind !== undefined) own['location'] = relocated(location, behind);
  const rewriting = behind === undefined || exchange.method === 'HEAD' ? undefined : pageStages(response, behind);
  if (rewriting !== undefined) for (const header of bodyHeaders) Reflect.deleteProperty(own, header);
  const out = exchange.open(code, own);
  if (out === undefined) {
    response.destroy();
    return;
  }
  if (rewriting !== undefined) {
    pipeline([response, ...rewriting, out], (error) => { if (error !== null && error !== undefined) exchange.abort(); });
    return;
  }
  response.once('error', () => { exchange.abort(); });
  response.pipe(out);
}

/** What is no longer true of a body that was rewritten. */
const bodyHeaders = ['content-length', 'content-encoding', 'accept-ranges', 'digest', 'content-digest'];

const decoders: Readonly<Record<string, () => Transform>> = { gzip: createGunzip, 'x-gzip': createGunzip, deflate: createInflate, br: createBrotliDecompress };

/** What a page has to go through; undefined: it is none, or none that can be read. */
function pageStages({ headers, statusCode }: IncomingMessage, behind: Behind): Transform[] | undefined {
  const coding = headers['content-encoding']?.toLowerCase() ?? 'identity';
  const isPage = /^text\/html\b/i.test(headers['content-type'] ?? '') && statusCode !== 206;
  const decode = Object.hasOwn(decoders, coding) ? decoders[coding] : undefined;
  if (!isPage || (decode === undefined && coding !== 'identity')) return undefined;
  return [...(decode === undefined ? [] : [decode()]), pageTransform(behind)];
}

/** How the other server's pages may name it. Undefined: it is not behind a path of this one. */
function behindOf({ headers }: Exchange, { host, port, prefix, tls }: ProxyTarget): Behind | undefined {
  if (prefix === undefined) return undefined;
  const named = host.includes(':') ? `[${host}]` : host;
  const here = headers.host ?? [headers[':authority'] ?? []].flat()[0];
  const isUsual = port === (tls === undefined ? 80 : 443);
  return { prefix, authorities: new Set([`${named}:${port}`, ...(isUsual ? [named] : []), ...(here === undefined ? [] : [here])].map((authority) => authority.toLowerCase())) };
}

/** Relative links of a page mean something else without the slash at its end. */
function redirectToRoot({ method, url }: Exchange, { path }: ProxyTarget): string | undefined {
  if (!path.startsWith('?') && path !== '') return undefined;
  if (method !== 'GET' && method !== 'HEAD') return undefined;
  const mark = url.indexOf('?');
  return mark < 0 ? `${url}/` : `${url.slice(0, mark)}/${url.slice(mark)}`;
}

/** Splices an upgraded connection to the other server. Throws 503 when it can't be reached. */
export function proxyUpgrade(ends: Splice, target: ProxyTarget, link: AgentLink, address: string): Promise<void> {
  const options: RequestOptions = { ...optionsOf(target, headersOf(ends.request.headers, target, address), link), agent: false };
  return splice(ends, { isSecure: target.tls !== undefined, options, unreachable }, link.stopped);
}

function headersOf(headers: IncomingHttpHeaders, target: ProxyTarget, address: string): OutgoingHttpHeaders {
  const given = Object.entries(target.headers ?? {}).map(([name, value]): [string, string | string[]] => [name, typeof value === 'string' ? value : [...value]]);
  const { path, prefix } = target;
  const whole = prefix === undefined ? {} : { 'x-forwarded-uri': `${prefix}${path.split('?', 1)[0] ?? ''}` };
  return { ...forwarded(headers, address), ...whole, ...Object.fromEntries(given) };
}
