import { parseDuration } from '../../machinery/duration.ts';
import { failure } from '../../machinery/status.ts';

/** How long the caller gives a request (`timeout=34s`); undefined: as long as the server does. Throws 400. */
export function askedTimeoutMs(query: Readonly<Record<string, string>>): number | undefined {
  const { timeout } = query;
  if (timeout === undefined || timeout === '') return undefined;
  const asked = parseDuration(timeout);
  if (asked === undefined) throw failure('BadRequest', 'invalid timeout specified in the request URL');
  return asked > 0n ? Number(asked) / 1e6 : undefined;
}
