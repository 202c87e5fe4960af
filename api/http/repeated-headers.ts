import type { IncomingHttpHeaders } from 'node:http';

const prefix = 'impersonate-';

/**
 * `headers`, with the values of repeated impersonation headers apart: Node joins them with commas, which the names of users and
 * groups may hold as well. `raw`: names and values in turn, as they came.
 */
export function withRepeated(headers: IncomingHttpHeaders, raw: readonly string[]): IncomingHttpHeaders {
  if (!Object.keys(headers).some((name) => name.startsWith(prefix))) return headers;
  const apart = new Map<string, string[]>();
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const name = raw[at]?.toLowerCase() ?? '';
    if (name.startsWith(prefix)) apart.set(name, [...(apart.get(name) ?? []), raw[at + 1] ?? '']);
  }
  return { ...headers, ...Object.fromEntries(apart) };
}
