/**
 * The token of a client that can't set headers: browsers offer it as one of the WebSocket's protocols. Source: Kubernetes'
 * authentication/request/websocket.
 */
import { isUtf8 } from 'node:buffer';
import type { IncomingHttpHeaders } from 'node:http';
import { failure } from '../../machinery/status.ts';
import { isWebSocket } from './upgrades.ts';

const prefix = 'base64url.bearer.authorization.k8s.io.';
/** Without padding, as the prefix says. */
const base64url = /^[\w-]+$/;

/**
 * The token that `headers` offer; undefined: none. Throws 401 for two, for one that is no text in base64url, and for one that is offered alone:
 * the client must be told of a protocol that it offered, and never of the token.
 */
export function protocolTokenOf(headers: IncomingHttpHeaders): string | undefined {
  if (!isWebSocket(headers)) return undefined;
  const offered = protocolsOf(headers);
  const [encoded, ...more] = offered.filter((protocol) => protocol.startsWith(prefix)).map((protocol) => protocol.slice(prefix.length));
  if (encoded === undefined) return undefined;
  const token = Buffer.from(encoded, 'base64url');
  if (more.length > 0 || offered.length === 1 || !base64url.test(encoded) || !isUtf8(token)) throw failure('Unauthorized', 'Unauthorized');
  return token.toString();
}

/** Takes tokens out of what `headers` offer: nobody further on is to see them, and none may be agreed on. */
export function dropProtocolTokens(headers: IncomingHttpHeaders): void {
  const kept = protocolsOf(headers).filter((protocol) => !protocol.startsWith(prefix));
  if (kept.length > 0) headers['sec-websocket-protocol'] = kept.join(', ');
  else delete headers['sec-websocket-protocol'];
}

function protocolsOf(headers: IncomingHttpHeaders): string[] {
  return (headers['sec-websocket-protocol'] ?? '').split(',').map((protocol) => protocol.trim()).filter((protocol) => protocol !== '');
}
