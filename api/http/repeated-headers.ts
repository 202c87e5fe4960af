import { isUtf8 } from 'node:buffer';
import type { IncomingHttpHeaders } from 'node:http';

const prefixes = ['impersonate-', 'x-remote-'];
const names = (name: string): boolean => prefixes.some((prefix) => name.startsWith(prefix));

/**
 * `headers`, with the values of repeated headers about users apart: Node joins them with commas, which the names of users and
 * groups may hold as well, and reads UTF-8 as Latin-1. `raw`: names and values in turn, as they came.
 */
export function withRepeated(headers: IncomingHttpHeaders, raw: readonly string[]): IncomingHttpHeaders {
  if (!Object.keys(headers).some(names)) return headers;
  const apart = new Map<string, string[]>();
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const name = raw[at]?.toLowerCase() ?? '';
    if (names(name)) apart.set(name, [...(apart.get(name) ?? []), decoded(raw[at + 1] ?? '')]);
  }
  return { ...headers, ...Object.fromEntries(apart) };
}

function decoded(value: string): string {
  const bytes = Buffer.from(value, 'latin1');
  return isUtf8(bytes) ? bytes.toString() : value;
}
