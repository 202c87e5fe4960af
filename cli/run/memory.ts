import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/**
 * Gives memory back to the machine after work: V8 keeps what a burst took until the next collection, which an idle process
 * may never come to. Looks every ten seconds, collects when there was work and is none now.
 */
export interface MemoryKeeper {
  close(): void;
}

const lookMs = 10_000;
/** Share of the time in which the event loop may work and still count as idle. */
const idleShare = 0.05;
/** V8 empties pages at the first collection, and lets go of them at the next. */
const collections = 2;
/** Less garbage is not worth the milliseconds. */
const worthwhileBytes = 12 * 1024 * 1024;

/** What one look knows of those before. */
export interface Looks {
  /** Held after the last collection. */
  readonly heldAfter: number;
  /** Collections that are still due. */
  readonly left: number;
}

/** Is it time to collect? Pure. `utilization` is the event loop's since the last look, `held` the bytes that V8 holds. */
export function look({ heldAfter, left }: Looks, utilization: number, held: number): { readonly collects: boolean; readonly left: number } {
  if (utilization > idleShare) return { collects: false, left };
  const due = held - heldAfter >= worthwhileBytes ? collections : left;
  return { collects: due > 0, left: Math.max(0, due - 1) };
}

export function keepMemorySmall(): MemoryKeeper {
  const collect = collector();
  if (collect === undefined) return { close: () => undefined };
  let busy = performance.eventLoopUtilization();
  let looks: Looks = { heldAfter: 0, left: 0 };
  const timer = setInterval(() => {
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, busy);
    busy = now;
    const { collects, left } = look(looks, utilization, heldBytes());
    if (collects) collect();
    looks = { heldAfter: collects ? heldBytes() : looks.heldAfter, left };
  }, lookMs);
  timer.unref();
  return { close: () => clearInterval(timer) };
}

function heldBytes(): number {
  const { heapTotal, arrayBuffers } = process.memoryUsage();
  return heapTotal + arrayBuffers;
}

/** V8's full collection; undefined where it can't be had. */
function collector(): (() => void) | undefined {
  setFlagsFromString('--expose-gc');
  const found: unknown = runInNewContext('globalThis.gc');
  return typeof found === 'function' ? () => { Reflect.apply(found, undefined, []); } : undefined;
}
