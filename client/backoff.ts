import type { Random } from '../machinery/clock.ts';

/** Waits that double, with jitter, up to a longest. */
export interface Backoff {
  /** Milliseconds to wait before the next attempt. */
  next(): number;
  /** It went well: start over. */
  reset(): void;
}

export interface BackoffOptions {
  readonly firstMs: number;
  readonly longestMs: number;
  readonly random: Random;
}

export function createBackoff({ firstMs, longestMs, random }: BackoffOptions): Backoff {
  let failures = 0;
  return {
    next() {
      const wait = backoffMs(failures, firstMs, longestMs);
      failures += 1;
      return wait * (0.5 + random() / 2);
    },
    reset() {
      failures = 0;
    },
  };
}

/** The wait after `failures` earlier failures, without jitter. */
export function backoffMs(failures: number, firstMs: number, longestMs: number): number {
  return Math.min(longestMs, firstMs * 2 ** Math.min(failures, 50));
}
