import { failure } from '../../machinery/status.ts';

const unitMs: Readonly<Record<string, number>> = { ns: 1e-6, us: 1e-3, 'µs': 1e-3, 'μs': 1e-3, ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
const part = /(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)/y;

/** Go's duration (`1m30s`) in milliseconds; undefined when it is none. */
export function durationMs(text: string): number | undefined {
  const [, sign = '', rest = ''] = /^([+-]?)(.*)$/s.exec(text) ?? [];
  if (rest === '0') return 0;
  let total = 0;
  part.lastIndex = 0;
  while (part.lastIndex < rest.length) {
    const match = part.exec(rest);
    if (match === null) return undefined;
    total += Number(match[1]) * (unitMs[match[2] ?? ''] ?? Number.NaN);
  }
  return rest === '' || Number.isNaN(total) ? undefined : sign === '-' ? -total : total;
}

/** How long the caller gives a request (`timeout=34s`); undefined: as long as the server does. Throws 400. */
export function askedTimeoutMs(query: Readonly<Record<string, string>>): number | undefined {
  const { timeout } = query;
  if (timeout === undefined || timeout === '') return undefined;
  const asked = durationMs(timeout);
  if (asked === undefined) throw failure('BadRequest', 'invalid timeout specified in the request URL');
  return asked > 0 ? asked : undefined;
}
