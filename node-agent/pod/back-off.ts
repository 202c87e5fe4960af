import type { BackOff } from './state.ts';

/** Kubernetes' waits between attempts ("Container restarts", pod lifecycle): 10 s, doubled up to 5 minutes. */
const initialMs = 10_000;
const longestMs = 300_000;
/** A run this long clears the record. */
const quietMs = 2 * longestMs;

function inForce(backOff: BackOff | undefined, endedAt: number): BackOff | undefined {
  return backOff !== undefined && endedAt - backOff.since <= quietMs ? backOff : undefined;
}

/** When the next attempt may be made after one that ended at `endedAt`: at once for the first. */
export function nextAttemptAt(backOff: BackOff | undefined, endedAt: number): number {
  return endedAt + (inForce(backOff, endedAt)?.delayMs ?? 0);
}

/** The back-off after an attempt made at `now`, whose predecessor ended at `endedAt`. */
export function afterAttempt(backOff: BackOff | undefined, endedAt: number, now: number): BackOff {
  const previous = inForce(backOff, endedAt);
  return { delayMs: previous === undefined ? initialMs : Math.min(previous.delayMs * 2, longestMs), since: now };
}

/** `10s`, `1m20s`, `5m0s`: as Go writes durations. */
export function formatSeconds(ms: number): string {
  const seconds = Math.round(ms / 1000);
  return seconds < 60 ? `${seconds}s` : `${Math.floor(seconds / 60)}m${seconds % 60}s`;
}
