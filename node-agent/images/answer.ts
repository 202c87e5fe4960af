import { request as httpRequest, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import { Agent, globalAgent, request as httpsRequest } from 'node:https';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { messageOf, systemCode } from '../../machinery/thrown.ts';
import { readWhenChanged } from '../read-when-changed.ts';
import { ImageError } from './image-error.ts';

/** What a registry answers: the body's bytes as they come; leaving its loop, or `discard`, ends the connection. */
export interface Answer {
  /** Where it came from, after redirects. */
  readonly url: string;
  readonly status: number;
  readonly statusText: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: AsyncIterable<Uint8Array>;
  discard(): void;
}

/** What is sent with a request: opened anew when it has to be sent again. */
export interface Content {
  readonly size: number;
  open(): Readable;
}

export interface Exchange {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PATCH' | 'PUT';
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly content?: Content;
  /** A registry may stay silent so long, before its answer and within it, milliseconds. */
  readonly silenceMs?: number;
  /** Whose certificates are believed; absent: those of the machine's authorities. */
  readonly trust?: () => Promise<Agent>;
}

/** Believes the authorities of a file, as it is at each request; where there is none, those that Node brings. */
export function createTrust(path: string): () => Promise<Agent> {
  return readWhenChanged(path, (ca) => new Agent({ keepAlive: true, timeout: 5000, ca }), globalAgent);
}

/** What Debian's `update-ca-certificates` makes: a registry of the house has its certificate from an authority of the house. */
const machineTrust = createTrust('/etc/ssl/certs/ca-certificates.crt');

const defaultSilenceMs = 60_000;
const mostRedirects = 10;
/** Those that any request follows, and those that would turn another into a GET. */
const keepMethod: ReadonlySet<number> = new Set([307, 308]);
const anyRedirect: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/**
 * One request, redirects followed; another server than the one asked never sees the authorization. Registries may listen on any
 * port, those included that browsers (and `fetch`) block. Throws `ImageError` in the words of Kubernetes' runtimes.
 */
export async function exchange(asked: Exchange, signal: AbortSignal): Promise<Answer> {
  const redirects = asked.method === 'GET' || asked.method === 'HEAD' ? anyRedirect : keepMethod;
  let at = new URL(asked.url);
  let sent = asked.headers;
  for (let count = 0; count <= mostRedirects; count += 1) {
    const response = await send({ ...asked, url: at.href, headers: sent }, signal);
    const { statusCode: status = 0, statusMessage: statusText = '', headers: { location } } = response;
    if (!redirects.has(status) || location === undefined) {
      return { url: at.href, status, statusText, headers: response.headers, body: response, discard: () => void response.destroy() };
    }
    response.destroy();
    const next = URL.canParse(location, at) ? new URL(location, at) : undefined;
    if (next === undefined || (next.protocol !== 'http:' && next.protocol !== 'https:')) throw failed(asked, at.href, `redirected to ${location}, which is no address`);
    if (next.origin !== at.origin) sent = withoutAuthorization(sent);
    at = next;
  }
  throw failed(asked, asked.url, `stopped after ${mostRedirects} redirects`);
}

function failed({ method }: Exchange, url: string, why: string, options?: ErrorOptions): ImageError {
  return new ImageError('Unavailable', `failed to do request: ${method.charAt(0)}${method.slice(1).toLowerCase()} "${url}": ${why}`, options);
}

function withoutAuthorization({ authorization: _authorization, ...others }: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return others;
}

const noTls = 'http: server gave HTTP response to HTTPS client: a registry that speaks plain HTTP is named by --insecure-registry, or to `coracle image` by --insecure';

/** OpenSSL's word for what is no TLS at all. */
function isNoTls(error: unknown): boolean {
  const code = systemCode(error);
  return code === 'ERR_SSL_WRONG_VERSION_NUMBER' || code === 'ERR_SSL_PACKET_LENGTH_TOO_LONG' || (code === 'EPROTO' && messageOf(error).includes('wrong version number'));
}

async function send(asked: Exchange, signal: AbortSignal): Promise<IncomingMessage> {
  const { method, url, headers, content, silenceMs = defaultSilenceMs, trust = machineTrust } = asked;
  const length = content === undefined ? {} : { 'content-length': String(content.size) };
  const options = { method, headers: { 'user-agent': 'coracle', ...headers, ...length }, signal };
  const request = url.startsWith('https:') ? httpsRequest(url, { ...options, agent: await trust() }) : httpRequest(url, options);
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  request.setTimeout(silenceMs, () => request.destroy(new Error(`no answer within ${silenceMs / 1000} s`)));
  request.once('response', resolve);
  request.on('error', reject);
  // A server may answer before it has read everything: what is said then is in its answer.
  if (content === undefined) request.end();
  else pipeline(content.open(), request).catch(reject);
  try {
    return await promise;
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    throw failed(asked, url, isNoTls(error) ? noTls : messageOf(error), { cause: error });
  }
}
