import type { IncomingHttpHeaders, IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { constants, type ServerHttp2Stream } from 'node:http2';
import type { Readable, Writable } from 'node:stream';
import { failure } from '../../machinery/status.ts';
import { withRepeated } from './repeated-headers.ts';

/**
 * One request and its answer, over HTTP/2 or HTTP/1.1. A caller may vanish at any time: nothing here throws for that, and
 * `gone` says so.
 */
export interface Exchange {
  readonly method: string;
  /** With the query. */
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  /** The caller has gone, or the answer is complete. */
  readonly gone: boolean;
  /** The head of the answer has left: it is too late for another. */
  readonly begun: boolean;
  /** Runs once when the exchange is over, however it ended. */
  onEnd(run: () => void): void;
  /** The whole body. Throws 413, 400 when it breaks off, and the signal's reason. */
  body(limitBytes: number, signal: AbortSignal): Promise<Buffer>;
  /** The whole answer at once. */
  answer(code: number, headers: OutgoingHttpHeaders, body: Buffer | string): void;
  /** The head of an answer that follows in pieces. Undefined: the caller has gone. */
  open(code: number, headers: OutgoingHttpHeaders): Writable | undefined;
  /** Breaks the exchange off. */
  abort(): void;
}

export function http2Exchange(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): Exchange {
  const isGone = () => stream.destroyed || stream.closed;
  // A caller that vanishes is no error of ours; `close` follows.
  stream.on('error', () => undefined);
  return {
    method: headers[constants.HTTP2_HEADER_METHOD] as string,
    url: headers[constants.HTTP2_HEADER_PATH] as string,
    headers,
    get gone() {
      return isGone();
    },
    get begun() {
      return stream.headersSent;
    },
    onEnd: (run) => void stream.once('close', run),
    body: (limit, signal) => read(stream, headers, limit, signal),
    answer(code, more, body) {
      if (isGone() || stream.headersSent) return;
      stream.respond({ [constants.HTTP2_HEADER_STATUS]: code, ...more });
      stream.end(headers[constants.HTTP2_HEADER_METHOD] === 'HEAD' ? undefined : body);
    },
    open(code, more) {
      if (isGone() || stream.headersSent) return undefined;
      stream.respond({ [constants.HTTP2_HEADER_STATUS]: code, ...more });
      return stream;
    },
    abort: () => void stream.close(constants.NGHTTP2_CANCEL),
  };
}

export function http1Exchange(request: IncomingMessage, response: ServerResponse): Exchange {
  const isGone = () => response.destroyed || response.writableEnded;
  response.on('error', () => undefined);
  request.on('error', () => undefined);
  return {
    method: request.method ?? 'GET',
    url: request.url ?? '/',
    headers: withRepeated(request.headers, request.rawHeaders),
    get gone() {
      return isGone();
    },
    get begun() {
      return response.headersSent;
    },
    onEnd: (run) => void response.once('close', run),
    body: (limit, signal) => read(request, request.headers, limit, signal),
    answer(code, more, body) {
      if (isGone() || response.headersSent) return;
      // A body that was not read would be taken for the next request.
      if (!request.complete) response.shouldKeepAlive = false;
      response.writeHead(code, more);
      response.end(body);
    },
    open(code, more) {
      if (isGone() || response.headersSent) return undefined;
      response.writeHead(code, more);
      response.flushHeaders();
      return response;
    },
    abort: () => void response.destroy(),
  };
}

function read(source: Readable, headers: IncomingHttpHeaders, limitBytes: number, signal: AbortSignal): Promise<Buffer> {
  const tooLarge = () => failure('RequestEntityTooLarge', `Request entity too large: limit is ${limitBytes}`);
  if (Number(headers['content-length'] ?? 0) > limitBytes) return Promise.reject(tooLarge());
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    let ended = false;
    const aborted = () => { end(signal.reason); };
    const end = (failed?: unknown) => {
      if (ended) return;
      ended = true;
      signal.removeEventListener('abort', aborted);
      if (failed === undefined) return resolve(chunks.length === 1 ? (chunks[0] ?? Buffer.alloc(0)) : Buffer.concat(chunks));
      source.pause();
      reject(failed);
    };
    source.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > limitBytes) end(tooLarge());
      else if (!ended) chunks.push(chunk);
    });
    source.once('end', () => { end(); });
    source.once('close', () => { if (!ended) end(failure('BadRequest', 'the connection closed before the whole body had come')); });
    signal.addEventListener('abort', aborted);
  });
}
