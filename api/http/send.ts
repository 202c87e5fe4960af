import { once } from 'node:events';
import type { OutgoingHttpHeaders } from 'node:http';
import { setImmediate } from 'node:timers/promises';
import type { Writable } from 'node:stream';
import { constants, createGzip, gzip } from 'node:zlib';
import { promisify } from 'node:util';
import type { Exchange } from './exchange.ts';

/** From this size on an answer is compressed for who accepts it. Source: kube-apiserver, APIResponseCompression. */
const compressFromBytes = 128 * 1024;
const compress = promisify(gzip);
const fast = { level: constants.Z_BEST_SPEED };

/** Answers with `body`, compressed in libuv's pool when that is worth it. */
export async function send(exchange: Exchange, code: number, headers: OutgoingHttpHeaders, body: Buffer): Promise<void> {
  if (body.length < compressFromBytes || !acceptsGzip(exchange)) {
    exchange.answer(code, { ...headers, 'content-length': body.length }, body);
    return;
  }
  const packed = await compress(body, fast);
  exchange.answer(code, { ...headers, 'content-encoding': 'gzip', vary: 'Accept-Encoding', 'content-length': packed.length }, packed);
}

/**
 * Answers with slices that are made while earlier ones leave: waits for room, and lets other work run in between. Whoever
 * takes nothing for `idleMs` is cut off.
 */
export async function sendSlices(exchange: Exchange, code: number, headers: OutgoingHttpHeaders, body: Generator<Buffer>, idleMs: number): Promise<void> {
  const first = body.next();
  if (first.done === true) return send(exchange, code, headers, Buffer.alloc(0));
  const second = body.next();
  if (second.done === true) return send(exchange, code, headers, first.value);
  const packed = acceptsGzip(exchange);
  const out = exchange.open(code, packed ? { ...headers, 'content-encoding': 'gzip', vary: 'Accept-Encoding' } : headers);
  if (out === undefined) return;
  const pack = packed ? createGzip(fast) : undefined;
  pack?.pipe(out);
  const into: Writable = pack ?? out;
  try {
    await push(into, first.value, out, idleMs);
    await push(into, second.value, out, idleMs);
    for (const slice of body) if (!(await push(into, slice, out, idleMs))) return;
    into.end();
  } catch {
    exchange.abort();
  } finally {
    if (out.destroyed) pack?.destroy();
  }
}

/** False: the caller has gone. Throws when it takes nothing for `idleMs`. */
async function push(into: Writable, slice: Buffer, out: Writable, idleMs: number): Promise<boolean> {
  if (out.destroyed) return false;
  if (!into.write(slice)) {
    const closed = new AbortController();
    const onClose = () => { closed.abort(); };
    out.once('close', onClose);
    try {
      await once(into, 'drain', { signal: AbortSignal.any([closed.signal, AbortSignal.timeout(idleMs)]) });
    } catch (error) {
      if (closed.signal.aborted) return false;
      throw error;
    } finally {
      out.off('close', onClose);
    }
  }
  await setImmediate();
  return !out.destroyed;
}

function acceptsGzip({ headers }: Exchange): boolean {
  const accepted = headers['accept-encoding'];
  return typeof accepted === 'string' && /(^|,)\s*gzip\s*(,|$|;\s*q=(?!0(\.0*)?\s*(,|$)))/.test(accepted);
}
