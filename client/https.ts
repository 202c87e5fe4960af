import { constants, type ClientHttp2Session, type ClientHttp2Stream, type OutgoingHttpHeaders } from 'node:http2';
import { systemClock, type Clock } from '../machinery/clock.ts';
import type { KubernetesObject } from '../machinery/kinds/kind.ts';
import { ApiError, codeOf, type Reason, type Status } from '../machinery/status.ts';
import { connectionFailure, createConnection, type Connection, type Credentials } from './connection.ts';
import { splitEvents } from './watch-lines.ts';
import type { ApiRequest, Transport, Verb, WatchEvent } from './transport.ts';
import { messageOf } from '../machinery/thrown.ts';

/** The API over HTTP/2 and TLS: for components in processes of their own, and against any Kubernetes API server. */

export interface HttpsOptions extends Credentials {
  readonly clock?: Clock;
  /** From sending a request to the end of its answer. */
  readonly requestTimeoutMs?: number;
  /** `coracle-agent/0.1.0`: the default field manager is its first part. */
  readonly userAgent?: string;
}

export interface HttpsTransport extends Transport {
  /** A path outside the resource API (`/version`, `/apis`): its JSON value. */
  getPath(path: string, signal?: AbortSignal): Promise<unknown>;
  close(): void;
}

const defaultTimeoutMs = 60_000;
/** Time for the first byte of a watch's answer. */
const watchOpenTimeoutMs = 30_000;
const largestAnswerBytes = 256 << 20;

export const methodOf: Readonly<Record<Verb, string>> = {
  get: 'GET', list: 'GET', watch: 'GET', create: 'POST', update: 'PUT', patch: 'PATCH', delete: 'DELETE', deletecollection: 'DELETE',
};

export function httpsTransport(options: HttpsOptions): HttpsTransport {
  const clock = options.clock ?? systemClock;
  const connection = createConnection(options, clock);
  const link: Link = { connection, clock, timeoutMs: options.requestTimeoutMs ?? defaultTimeoutMs, headers: fixedHeaders(options) };
  return {
    async request(request) {
      const answer = await exchange(link, methodOf[request.verb], pathOf(request), request);
      if (typeof answer === 'object' && answer !== null) return answer;
      throw connectionFailure('the server answered with something that is no object');
    },
    watch: (request) => watch(link, request),
    getPath: (path, signal) => exchange(link, 'GET', path, signal === undefined ? {} : { signal }),
    close: () => connection.close(),
  };
}

interface Link {
  readonly connection: Connection;
  readonly clock: Clock;
  readonly timeoutMs: number;
  readonly headers: OutgoingHttpHeaders;
}

function fixedHeaders(options: HttpsOptions): OutgoingHttpHeaders {
  return {
    accept: 'application/json',
    'user-agent': options.userAgent ?? 'coracle',
    ...(options.token === undefined ? {} : { authorization: `Bearer ${options.token}` }),
  };
}

/** Where a call goes. Source: "API concepts", resource URIs. */
export function pathOf(request: ApiRequest): string {
  const parts = request.group === '' ? ['api', request.version] : ['apis', request.group, request.version];
  if (request.namespace !== undefined) parts.push('namespaces', request.namespace);
  parts.push(request.resource);
  if (request.name !== undefined) parts.push(request.name);
  if (request.subresource !== undefined) parts.push(request.subresource);
  const query = new URLSearchParams(request.query);
  if (request.verb === 'watch') query.set('watch', 'true');
  const path = parts.map(encodeURIComponent).join('/');
  return query.size === 0 ? `/${path}` : `/${path}?${query.toString()}`;
}

async function exchange(link: Link, method: string, path: string, request: Pick<ApiRequest, 'body' | 'patchType' | 'signal'>): Promise<unknown> {
  request.signal?.throwIfAborted();
  const ended = link.connection.use();
  try {
    // Before anything is waited for: the caller may reuse its object.
    const body = request.body === undefined ? undefined : JSON.stringify(request.body);
    const session = await link.connection.session();
    const stream = openStream(session, {
      ...link.headers, ':method': method, ':path': path,
      ...(body === undefined ? {} : { 'content-type': request.patchType ?? 'application/json' }),
    }, body);
    const { code, text } = await answerOf(link, stream, request.signal);
    return parseAnswer(code, text);
  } finally {
    ended();
  }
}

function openStream(session: ClientHttp2Session, headers: OutgoingHttpHeaders, body: string | undefined): ClientHttp2Stream {
  let stream: ClientHttp2Stream;
  try {
    stream = session.request(headers, { endStream: body === undefined });
  } catch (error) {
    // The session ended between being chosen and being used.
    throw connectionFailure(`the connection failed: ${messageOf(error)}`, error);
  }
  if (body !== undefined) stream.end(body);
  return stream;
}

interface Answer {
  readonly code: number;
  readonly text: string;
}

/** The whole answer; on deadline or abort the stream is cancelled. `known`: the code, if its headers have been read. */
function answerOf(link: Link, stream: ClientHttp2Stream, signal: AbortSignal | undefined, known = 0): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    let code = known;
    let cause: unknown;
    const give = (reason: unknown): void => {
      cause ??= reason;
      stream.close(constants.NGHTTP2_CANCEL);
    };
    const aborted = (): void => give(signal?.reason);
    const cancel = link.clock.setTimer(link.timeoutMs, () => give(connectionFailure(`no answer within ${link.timeoutMs / 1000} s`)));
    signal?.addEventListener('abort', aborted, { once: true });
    stream.on('response', (headers) => {
      code = headers[':status'] ?? 0;
    });
    stream.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      size += chunk.length;
      if (size > largestAnswerBytes) give(connectionFailure(`the answer is larger than ${largestAnswerBytes} bytes`));
    });
    stream.on('error', (error) => {
      cause ??= connectionFailure(`the connection failed: ${error.message}`, error);
    });
    stream.on('close', () => {
      cancel();
      signal?.removeEventListener('abort', aborted);
      if (cause !== undefined) reject(cause);
      else if (!stream.readableEnded || code === 0) reject(connectionFailure('the connection closed before the answer was complete'));
      else resolve({ code, text: Buffer.concat(chunks).toString('utf8') });
    });
  });
}

/** Throws `ApiError` for a failure, and for what is no JSON. */
export function parseAnswer(code: number, text: string): unknown {
  const value = parse(text);
  if (code >= 200 && code < 300) {
    if (value === undefined) throw connectionFailure('the server answered with something that is no JSON');
    return value;
  }
  throw new ApiError(isStatus(value) ? { ...value, code: value.code ?? code } : statusOf(code, text));
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isStatus(value: unknown): value is Status {
  return typeof value === 'object' && value !== null && Reflect.get(value, 'kind') === 'Status';
}

/** A failure that something other than an API server worded: a proxy, a load balancer. */
function statusOf(code: number, text: string): Status {
  const reason = Object.keys(codeOf).find((name) => codeOf[name as Reason] === code) ?? 'InternalError';
  return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', code, reason, message: text.trim().slice(0, 500) || `the server answered with code ${code}` };
}

async function* watch(link: Link, request: ApiRequest): AsyncGenerator<readonly WatchEvent[]> {
  if (isAborted(request.signal)) return;
  const ended = link.connection.use();
  let stream: ClientHttp2Stream | undefined;
  const stop = (): void => stream?.close(constants.NGHTTP2_CANCEL);
  request.signal?.addEventListener('abort', stop, { once: true });
  try {
    const session = await link.connection.session();
    if (isAborted(request.signal)) return;
    stream = openStream(session, { ...link.headers, ':method': 'GET', ':path': pathOf(request) }, undefined);
    await opened(link, stream, request.signal);
    for await (const batch of splitEvents(stream)) yield batch.map(eventOf);
  } catch (error) {
    if (isAborted(request.signal)) return;
    throw error instanceof ApiError ? error : connectionFailure(`the watch broke off: ${messageOf(error)}`, error);
  } finally {
    request.signal?.removeEventListener('abort', stop);
    stop();
    ended();
  }
}

function isAborted(signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true;
}

/** Waits for a watch's answer to begin; throws the failure that the server answers instead. */
async function opened(link: Link, stream: ClientHttp2Stream, signal: AbortSignal | undefined): Promise<void> {
  const code = await new Promise<number>((resolve, reject) => {
    const cancel = link.clock.setTimer(watchOpenTimeoutMs, () => {
      reject(connectionFailure('the server began no watch in time'));
      stream.close(constants.NGHTTP2_CANCEL);
    });
    const done = (settle: () => void) => (): void => {
      cancel();
      settle();
    };
    stream.once('response', (headers) => done(() => resolve(headers[':status'] ?? 0))());
    stream.once('error', (error) => done(() => reject(error))());
    stream.once('close', done(() => reject(connectionFailure('the connection closed before the watch began'))));
  });
  if (code === 200) return;
  const { text } = await answerOf(link, stream, signal, code);
  parseAnswer(code, text);
}

function eventOf(value: unknown): WatchEvent {
  const type: unknown = typeof value === 'object' && value !== null ? Reflect.get(value, 'type') : undefined;
  const object: unknown = typeof value === 'object' && value !== null ? Reflect.get(value, 'object') : undefined;
  if (type === 'ERROR' && isStatus(object)) throw new ApiError(object);
  if (typeof object !== 'object' || object === null) throw connectionFailure('a watch brought something that is no event');
  switch (type) {
    case 'ADDED':
    case 'MODIFIED':
    case 'DELETED':
    case 'BOOKMARK': return { type, object: object as KubernetesObject };
    default: throw connectionFailure(`a watch brought an event of type ${JSON.stringify(type)}`);
  }
}
