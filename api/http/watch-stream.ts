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

/** Where a watch's changes go. */
export interface WatchOutlet {
  /** What all is written to in the end: it tells what waits, and when there is room. */
  readonly stream: Writable;
  changes(batch: readonly Change[]): void;
  /** Ends it, behind the last words of a watch that failed. Called once, while it is open. */
  finish(last: Buffer | undefined): void;
  /** Breaks it off. */
  abort(): void;
  /** Called once it is over, for whatever reason. */
  onEnd(run: () => void): void;
}

/** Answers with a watch's changes until either side ends it. Resolves then. */
export function streamWatch(
  exchange: Exchange, headers: OutgoingHttpHeaders, result: WatchResult, form: WatchForm, frames: SharedFrames, queues: WatchQueues, stopped: AbortSignal,
): Promise<void> {
  const out = exchange.open(200, headers);
  if (out === undefined) return Promise.resolve();
  return flowTo({
    stream: out,
    changes: (batch) => { out.write(framed(result, form, frames, batch)); },
    finish: (last) => { out.end(last); },
    abort: exchange.abort,
    onEnd: exchange.onEnd,
  }, result, form, queues, stopped);
}

/** Lets a watch's changes flow until either side ends it. Resolves then. */
export function flowTo(outlet: WatchOutlet, result: WatchResult, form: WatchForm, queues: WatchQueues, stopped: AbortSignal): Promise<void> {
  const { stream } = outlet;
  const queue = queues.join({ queued: () => stream.writableLength, cut: () => { outlet.abort(); } });
  let isFinished = false;
  return new Promise((resolve) => {
    const sink: WatchSink = {
      changes(batch) {
        if (isFinished || stream.destroyed || stream.writableEnded) return;
        if (stream.writableLength > maxQueuedBytes) outlet.abort();
        else outlet.changes(batch);
        queue.grew();
      },
      end(error) {
        if (isFinished || stream.destroyed) return;
        isFinished = true;
        outlet.finish(error === undefined ? undefined : form.failed(error));
      },
      room: () => room(outlet),
    };
    const flow = result.open(sink);
    const stop = () => {
      flow.close();
      sink.end(undefined);
    };
    stopped.addEventListener('abort', stop, { once: true });
    outlet.onEnd(() => {
      stopped.removeEventListener('abort', stop);
      queue.leave();
      flow.close();
      resolve();
    });
    if (stopped.aborted) stop();
  });
}

/** What `batch` is on the wire. */
export function framed({ resource }: WatchResult, form: WatchForm, frames: SharedFrames, batch: readonly Change[]): Buffer {
  return 'shared' in form ? frames.join(resource, form.shared, batch) : Buffer.concat(batch.map((change) => form.own(resource, change)));
}

function room({ stream: out, abort }: WatchOutlet): Promise<void> | undefined {
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
      abort();
      done();
    }, roomMs);
    out.once('drain', done);
    out.once('close', done);
  });
}
