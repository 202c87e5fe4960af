import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { Extensions } from '../aggregation/extensions.ts';
import { parseTarget } from './request-info.ts';

/** Where connections become something else than HTTP. Who serves what lies behind `proxy` decides that itself. */
const upgraded: ReadonlySet<string> = new Set(['exec', 'attach', 'portforward', 'proxy']);

/** The protocols that a request offers to change to, but for HTTP/2: that is agreed on with the TLS handshake alone. Source: RFC 9113, 3.1. */
export function offeredIn({ upgrade = '' }: Pick<IncomingHttpHeaders, 'upgrade'>): readonly string[] {
  return upgrade.split(',').map((protocol) => protocol.trim()).filter((protocol) => protocol !== '' && protocol.toLowerCase() !== 'h2c');
}

/**
 * Is a request that offers another protocol to be spliced? What nobody here would change to is passed over, and the request answered
 * as if nothing had been offered. Source: RFC 9110, 7.8.
 */
export function isUpgrade({ extensions }: { readonly extensions: Pick<Extensions, 'at'> }, { method = 'GET', url = '/', headers }: Pick<IncomingMessage, 'method' | 'url' | 'headers'>): boolean {
  if (offeredIn(headers).length === 0) return false;
  const { path, subresource, verb } = infoOf(method, url);
  // Logs are a page as well as a stream, and so are changes: only a WebSocket has them otherwise.
  return upgraded.has(subresource) || ((subresource === 'log' || verb === 'watch') && isWebSocket(headers)) || extensions.at(path) !== undefined;
}

/** Is a WebSocket among what is offered? */
export function isWebSocket(headers: Pick<IncomingHttpHeaders, 'upgrade'>): boolean {
  return offeredIn(headers).some((protocol) => protocol.toLowerCase() === 'websocket');
}

/** Of a URL that can't be read, nothing: the answer says why. */
function infoOf(method: string, url: string): { readonly path: string; readonly subresource: string; readonly verb: string } {
  try {
    return parseTarget(method, url).info;
  } catch {
    return { path: '', subresource: '', verb: '' };
  }
}
