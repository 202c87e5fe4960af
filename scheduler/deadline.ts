import type { Clock } from '../machinery/clock.ts';

/** Runs a call that is given up after `ms` milliseconds, or when `signal` aborts. */
export async function withDeadline<T>(clock: Clock, ms: number, signal: AbortSignal, call: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const late = new AbortController();
  const cancel = clock.setTimer(ms, () => late.abort(new Error(`no answer within ${ms} ms`)));
  try {
    return await call(AbortSignal.any([signal, late.signal]));
  } finally {
    cancel();
  }
}
