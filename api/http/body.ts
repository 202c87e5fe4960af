import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import { failure } from '../../machinery/status.ts';

/** The bodies of requests: reading them, and what becomes of those that nobody reads. */

/** The whole body. Throws 413, 400 when it breaks off, and the signal's reason. */
export function readBody(source: Readable, headers: IncomingHttpHeaders, limitBytes: number, signal: AbortSignal): Promise<Buffer> {
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
      if (failed === undefined) return resolve(chunks.length === 1 ? (chunks[0] ?? Buffer.alloc(0)) : Buffer.concat(chunks, size));
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
    if (signal.aborted) aborted();
  });
}

export function expectsContinue(headers: IncomingHttpHeaders): boolean {
  return headers.expect?.toLowerCase() === '100-continue';
}

/** So much of a body that nobody reads is passed over, to keep its connection. Source: Go's net/http, which Kubernetes' clients know. */
const passedOverBytes = 256 * 1024;
/** How long a connection that is to close listens on: closed at once, its caller might never see the answer. */
export const lingerMs = 500;

/** Is so little left of an HTTP/1.1 body that the connection may go on? */
export function isSmallRest({ headers }: IncomingMessage): boolean {
  if (headers['transfer-encoding'] !== undefined) return false;
  return Number(headers['content-length'] ?? 0) <= passedOverBytes && !expectsContinue(headers);
}

/** Calls `done` when the caller has sent its whole body, has gone, or has had the time to read its answer. */
export function linger(request: IncomingMessage, done: () => void): void {
  let passed = 0;
  const deadline = setTimeout(end, lingerMs);
  function end(): void {
    clearTimeout(deadline);
    request.off('end', end);
    request.off('close', end);
    done();
  }
  request.on('data', (chunk: Buffer) => {
    passed += chunk.length;
    if (passed > passedOverBytes) request.pause();
  });
  request.once('end', end);
  request.once('close', end);
  request.resume();
}
