import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http';

/** What of a request's or an answer's headers goes on to the other side. Source: RFC 9110, section 7.6.1. */

const hopByHop: ReadonlySet<string> = new Set(['connection', 'keep-alive', 'transfer-encoding', 'upgrade', 'proxy-connection', 'proxy-authenticate', 'proxy-authorization', 'te', 'trailer', 'http2-settings']);

/** Without those of one connection, those that `Connection` names, and HTTP/2's own. */
export function endToEnd(headers: IncomingHttpHeaders): IncomingHttpHeaders {
  const named = new Set((headers.connection ?? '').toLowerCase().split(',').map((name) => name.trim()));
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !name.startsWith(':') && !hopByHop.has(name) && !named.has(name)));
}

/** Who somebody says they are, or act for: it was for this server, and what it tells others of the caller it says itself. */
const identity = /^(authorization$|x-remote-(user|uid|group)$|x-remote-extra-|impersonate-)/;

/** Who asked, of whom, and how: `address` is the caller's. */
export function forwarded(headers: IncomingHttpHeaders, address: string): OutgoingHttpHeaders {
  const host = headers.host ?? [headers[':authority'] ?? []].flat()[0];
  const before = [headers['x-forwarded-for'] ?? []].flat();
  const rest = Object.fromEntries(Object.entries(endToEnd(headers)).filter(([name]) => name !== 'expect' && !identity.test(name)));
  return {
    ...rest, ...(host === undefined ? {} : { host, 'x-forwarded-host': host }),
    'x-forwarded-proto': 'https', 'x-forwarded-for': [...before, ...(address === '' ? [] : [address])].join(', '),
  };
}
