import type { OutgoingHttpHeaders } from 'node:http';
import type { Writable } from 'node:stream';
import type { WatchResult, WatchSink } from '../request.ts';
import type { Change, Form } from '../store/cache.ts';
import type { Exchange } from './exchange.ts';
import type { SharedFrames } from './shared-frames.ts';
import type { Frame } from './watch-frames.ts';
import type { WatchQueues } from './watch-queues.ts';

/** A watcher that is this far behind is cut off: it lists again, and the server's memory stays bounded. */
const maxQueuedBytes = 16 * 1024 * 1024;
/** Above this the initial state waits. */
const fullBytes = 1024 * 1024;
/** How long the initial state waits for room before the watcher counts as dead. */
const roomMs = 60_000;

/** `own`: frames that no two watchers share (tables). */
export type WatchForm = ({ readonly shared: Form } | { readonly own: Frame }) & { /** The last words of a watch that failed. */ readonly failed: (error: Error) => Buffer };

/** Answers with a watch's changes until either side ends it. Resolves then. */
export function streamWatch(
  exchange: Exchange, headers: OutgoingHttpHeaders, result: WatchResult, form: WatchForm, frames: SharedFrames, queues: WatchQueues, stopped: AbortSignal,
): Promise<void> {
  const out = exchange.open(200, headers);
  if (out === undefined) return Promise.resolve();
  const queue = queues.join({ queued: () => out.writableLength, cut: exchange.abort });
  return new Promise((resolve) => {
    const sink: WatchSink = {
      changes(batch) {
        writeBounded(exchange, out, framed(result, form, frames, batch));
        queue.grew();
      },
      end(error) {
        if (!out.destroyed) out.end(error === undefined ? undefined : form.failed(error));
      },
      room: () => room(exchange, out),
    };
    const flow = result.open(sink);
    const stop = () => {
      flow.close();
      sink.end(undefined);
    };
    stopped.addEventListener('abort', stop, { once: true });
    exchange.onEnd(() => {
      stopped.removeEventListener('abort', stop);
      queue.leave();
      flow.close();
      resolve();
    });
    if (stopped.aborted) stop();
  });
}

function framed({ resource }: WatchResult, form: WatchForm, frames: SharedFrames, batch: readonly Change[]): Buffer {
  return 'shared' in form ? frames.join(resource, form.shared, batch) : Buffer.concat(batch.map((change) => form.own(resource, change)));
}

function writeBounded(exchange: Exchange, out: Writable, bytes: Buffer): void {
  if (out.destroyed || out.writableEnded) return;
  if (out.writableLength > maxQueuedBytes) exchange.abort();
  else out.write(bytes);
}

function room(exchange: Exchange, out: Writable): Promise<void> | undefined {
  if (out.destroyed) return undefined;
  // Even with room, other work gets a turn between two batches.
  if (out.writableLength < fullBytes) return new Promise((resolve) => { setImmediate(resolve); });
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(deadline);
      out.off('drain', done);
      out.off('close', done);
      resolve();
    };
    const deadline = setTimeout(() => {
      exchange.abort();
      done();
    }, roomMs);
    out.once('drain', done);
    out.once('close', done);
  });
}
