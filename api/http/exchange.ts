import type { IncomingHttpHeaders, IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { constants, type ServerHttp2Stream } from 'node:http2';
import type { Readable, Writable } from 'node:stream';
import { expectsContinue, isSmallRest, linger, readBody } from './body.ts';
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
  /** The body as it comes; undefined: there is none. */
  incoming(): Readable | undefined;
  /** The whole answer at once. */
  answer(code: number, headers: OutgoingHttpHeaders, body: Buffer | string): void;
  /** The head of an answer that follows in pieces. Undefined: the caller has gone, or wants no more than the head. */
  open(code: number, headers: OutgoingHttpHeaders): Writable | undefined;
  /** Breaks the exchange off. */
  abort(): void;
}

export function http2Exchange(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): Exchange {
  let answered = false;
  const isGone = () => answered || stream.destroyed || stream.closed;
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
    body(limit, signal) {
      if (expectsContinue(headers)) stream.additionalHeaders({ [constants.HTTP2_HEADER_STATUS]: constants.HTTP_STATUS_CONTINUE });
      return readBody(stream, headers, limit, signal);
    },
    incoming() {
      if (stream.endAfterHeaders) return undefined;
      if (expectsContinue(headers)) stream.additionalHeaders({ [constants.HTTP2_HEADER_STATUS]: constants.HTTP_STATUS_CONTINUE });
      return stream;
    },
    answer(code, more, body) {
      if (isGone() || stream.headersSent) return;
      answered = true;
      stream.respond({ [constants.HTTP2_HEADER_STATUS]: code, ...more });
      // What is left of a body that was not read to its end is not wanted: the stream closes behind the answer.
      if (!stream.readableEnded && stream.readableFlowing !== null) stream.once('finish', () => { closeUnread(stream); });
      stream.end(headers[constants.HTTP2_HEADER_METHOD] === 'HEAD' ? undefined : body);
    },
    open(code, more) {
      if (isGone() || stream.headersSent) return undefined;
      const isHead = headers[constants.HTTP2_HEADER_METHOD] === 'HEAD';
      stream.respond({ [constants.HTTP2_HEADER_STATUS]: code, ...more }, { endStream: isHead });
      return isHead ? undefined : stream;
    },
    abort: () => void stream.close(constants.NGHTTP2_CANCEL),
  };
}

function closeUnread(stream: ServerHttp2Stream): void {
  stream.close(constants.NGHTTP2_NO_ERROR);
  // A paused stream would keep what has come, and with it its session.
  stream.resume();
}

export function http1Exchange(request: IncomingMessage, response: ServerResponse): Exchange {
  let answered = false;
  const isGone = () => answered || response.destroyed || response.writableEnded;
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
    body(limit, signal) {
      if (expectsContinue(request.headers) && Number(request.headers['content-length'] ?? 0) <= limit) response.writeContinue();
      return readBody(request, request.headers, limit, signal);
    },
    incoming() {
      const { 'content-length': length = '0', 'transfer-encoding': encoding } = request.headers;
      if (length === '0' && encoding === undefined) return undefined;
      if (expectsContinue(request.headers)) response.writeContinue();
      return request;
    },
    answer(code, more, body) {
      if (isGone() || response.headersSent) return;
      answered = true;
      if (request.complete || isSmallRest(request)) {
        response.writeHead(code, more);
        response.end(body);
        return;
      }
      response.shouldKeepAlive = false;
      response.writeHead(code, more);
      response.write(body);
      linger(request, () => { response.end(); });
    },
    open(code, more) {
      if (isGone() || response.headersSent) return undefined;
      response.writeHead(code, more);
      if (request.method === 'HEAD') {
        response.end();
        return undefined;
      }
      response.flushHeaders();
      return response;
    },
    abort: () => void response.destroy(),
  };
}
