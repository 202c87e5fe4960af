import type { IncomingMessage } from 'node:http';
import type { Extensions } from '../aggregation/extensions.ts';
import { parseTarget } from './request-info.ts';

/** Where connections become something else than HTTP. Who serves what lies behind `proxy` decides that itself. */
const upgraded: ReadonlySet<string> = new Set(['exec', 'attach', 'portforward', 'proxy']);

/**
 * Is a request that offers another protocol to be spliced? What nobody here would change to is passed over, and the request answered
 * as if nothing had been offered: HTTP/2 too, which is agreed on with the TLS handshake alone. Source: RFC 9110, 7.8; RFC 9113, 3.1.
 */
export function isUpgrade({ extensions }: { readonly extensions: Pick<Extensions, 'at'> }, { method = 'GET', url = '/', headers }: Pick<IncomingMessage, 'method' | 'url' | 'headers'>): boolean {
  const offered = offeredBy(headers);
  if (offered.every((protocol) => protocol === 'h2c')) return false;
  const { path, subresource, verb } = infoOf(method, url);
  // Logs are a page as well as a stream, and so are changes: only a WebSocket has them otherwise.
  return upgraded.has(subresource) || ((subresource === 'log' || verb === 'watch') && offered.includes('websocket')) || extensions.at(path) !== undefined;
}

/** Is a WebSocket among what is offered? */
export function isWebSocket(headers: Pick<IncomingMessage['headers'], 'upgrade'>): boolean {
  return offeredBy(headers).includes('websocket');
}

function offeredBy({ upgrade = '' }: Pick<IncomingMessage['headers'], 'upgrade'>): string[] {
  return upgrade.split(',').map((protocol) => protocol.trim().toLowerCase());
}

/** Of a URL that can't be read, nothing: the answer says why. */
function infoOf(method: string, url: string): { readonly path: string; readonly subresource: string; readonly verb: string } {
  try {
    return parseTarget(method, url).info;
  } catch {
    return { path: '', subresource: '', verb: '' };
  }
}
