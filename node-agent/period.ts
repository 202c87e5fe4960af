import { parseDuration } from '../machinery/duration.ts';

/** `5m0s`, in milliseconds. Throws for what is none, or negative. */
export function parsePeriod(text: string): number {
  const nanos = parseDuration(text);
  if (nanos === undefined || nanos < 0n) throw new Error(`it is no period such as 1m30s: ${text}`);
  return Number(nanos / 1_000_000n);
}
