import { request as httpRequest, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { messageOf } from '../../machinery/thrown.ts';
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

/** A registry may stay silent so long, before its answer and within it, milliseconds. */
const silenceMs = 60_000;
const mostRedirects = 10;
const redirects: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/**
 * One GET, redirects followed; another server than the one asked never sees the authorization. Registries may listen on any
 * port, those included that browsers (and `fetch`) block. Throws `ImageError` in the words of Kubernetes' runtimes.
 */
export async function get(url: string, headers: Readonly<Record<string, string>>, signal: AbortSignal): Promise<Answer> {
  let at = new URL(url);
  let sent = headers;
  for (let count = 0; count <= mostRedirects; count += 1) {
    const response = await send(at, sent, signal);
    const { statusCode: status = 0, statusMessage: statusText = '', headers: { location } } = response;
    if (!redirects.has(status) || location === undefined) {
      return { url: at.href, status, statusText, headers: response.headers, body: response, discard: () => void response.destroy() };
    }
    response.destroy();
    const next = URL.canParse(location, at) ? new URL(location, at) : undefined;
    if (next === undefined || (next.protocol !== 'http:' && next.protocol !== 'https:')) throw new ImageError('Unavailable', `failed to do request: Get "${at.href}": redirected to ${location}, which is no address`);
    if (next.origin !== at.origin) sent = withoutAuthorization(sent);
    at = next;
  }
  throw new ImageError('Unavailable', `failed to do request: Get "${url}": stopped after ${mostRedirects} redirects`);
}

function withoutAuthorization({ authorization: _authorization, ...others }: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return others;
}

async function send(url: URL, headers: Readonly<Record<string, string>>, signal: AbortSignal): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const request = (url.protocol === 'https:' ? httpsRequest : httpRequest)(url, { headers: { 'user-agent': 'coracle', ...headers }, signal });
  request.setTimeout(silenceMs, () => request.destroy(new Error(`no answer within ${silenceMs / 1000} s`)));
  request.once('response', resolve);
  request.on('error', reject);
  request.end();
  try {
    return await promise;
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    throw new ImageError('Unavailable', `failed to do request: Get "${url.href}": ${messageOf(error)}`, { cause: error });
  }
}
