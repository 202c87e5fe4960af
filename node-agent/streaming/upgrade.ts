import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import { channelProtocol, olderChannelProtocol, plainChannelProtocol, spdyChannelProtocols } from '../../client/streams/channels.ts';
import { serveAttach } from './attach.ts';
import { serveExec } from './exec.ts';
import { logProtocol, sendLogs } from './logs.ts';
import { portForwardProtocol, servePortForward, spdyForwardProtocol } from './port-forward.ts';
import type { StreamingOptions } from './server.ts';
import type { StreamSession } from './session.ts';
import { StreamError } from './stream-error.ts';
import { messageOf } from '../../machinery/thrown.ts';

/** Largest message taken from a client, bytes: a terminal's input and a copied file's blocks are far smaller. */
const largestMessage = 8 * 1024 * 1024;

/** Answers an upgrade for exec, attach, port-forward or logs: to a WebSocket, or to SPDY/3.1, which older clients speak, and kubectl when a WebSocket is refused. */
export function acceptUpgrade(options: StreamingOptions, request: IncomingMessage, socket: Duplex, head: Buffer): void {
  socket.on('error', () => socket.destroy());
  void answer(options, request, socket, head).catch((error: unknown) => {
    if (!(error instanceof StreamError)) options.log.error({ err: error, url: request.url }, 'a stream was not opened');
    const { code, message } = error instanceof StreamError ? error : new StreamError(500, messageOf(error));
    const body = Buffer.from(message);
    socket.end(`HTTP/1.1 ${code} Refused\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${message}`);
  });
}

/** Throws `StreamError` while nothing was answered yet. */
async function answer(options: StreamingOptions, request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
  const broke = (error: unknown): void => options.log.warn({ err: error, url: request.url }, 'a stream ended with a failure');
  const asked = request.headers.upgrade?.toLowerCase();
  if (asked === 'websocket') {
    const session = await open(options, request);
    serverFor(request).handleUpgrade(request, socket, head, (client) => {
      // What comes before the session listens must not be lost: it resumes the socket itself.
      client.pause();
      session.overWebSocket(client).catch((error: unknown) => {
        broke(error);
        client.close(1011, 'internal error');
      });
    });
    return;
  }
  if (asked !== 'spdy/3.1') throw new StreamError(400, 'unable to upgrade: neither a WebSocket nor SPDY/3.1 is asked for');
  const protocol = spdyProtocolOf(request);
  const session = await open(options, request);
  if (session.overSpdy === undefined) throw new StreamError(400, 'unable to upgrade: only a WebSocket has this');
  socket.write(`HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n${protocol === '' ? '' : `X-Stream-Protocol-Version: ${protocol}\r\n`}\r\n`);
  if (head.length > 0) socket.unshift(head);
  session.overSpdy(socket, protocol).catch((error: unknown) => {
    broke(error);
    socket.destroy();
  });
}

/** The first of the client's protocols that is spoken here, '' when it names none, as the first clients did. Source: `X-Stream-Protocol-Version`. */
function spdyProtocolOf({ url = '', headers }: IncomingMessage): string {
  const spoken = url.startsWith('/portForward/') ? [spdyForwardProtocol] : spdyChannelProtocols;
  const offered = [headers['x-stream-protocol-version'] ?? []].flat().join(',').split(',').map((each) => each.trim()).filter((each) => each !== '');
  const agreed = offered.length === 0 ? '' : offered.find((each) => spoken.includes(each));
  if (agreed === undefined) throw new StreamError(403, `unable to upgrade: unable to negotiate protocol: client supports ${offered.join(', ')}; server accepts ${spoken.join(', ')}`);
  return agreed;
}

function serverFor(request: IncomingMessage): WebSocketServer {
  const { url = '' } = request;
  if (url.startsWith('/portForward/')) return forwardServer(request);
  return serverOf(url.startsWith('/containerLogs/') ? [logProtocol] : [channelProtocol, olderChannelProtocol, plainChannelProtocol]);
}

/** It speaks the first of its protocols that the client offers too. */
function serverOf(spoken: readonly string[]): WebSocketServer {
  return new WebSocketServer({
    noServer: true, maxPayload: largestMessage, perMessageDeflate: false, handleProtocols: (offered) => spoken.find((protocol) => offered.has(protocol)) ?? false,
  });
}

/** Kubernetes' name for the tunnel has a slash, which `ws` takes for a bad header: the protocol is agreed on beside it. */
function forwardServer(request: IncomingMessage): WebSocketServer {
  const offered = (request.headers['sec-websocket-protocol'] ?? '').split(',').map((each) => each.trim());
  const server = new WebSocketServer({ noServer: true, maxPayload: largestMessage, perMessageDeflate: false });
  delete request.headers['sec-websocket-protocol'];
  if (offered.includes(portForwardProtocol)) server.on('headers', (headers) => void headers.push(`Sec-WebSocket-Protocol: ${portForwardProtocol}`));
  return server;
}

async function open(options: StreamingOptions, request: IncomingMessage): Promise<StreamSession> {
  const url = new URL(request.url ?? '/', 'https://node');
  const [verb, ...path] = url.pathname.split('/').filter((part) => part !== '').map(decodeURIComponent);
  switch (verb) {
    case 'exec': return await serveExec(options, path, url.searchParams);
    case 'attach': return await serveAttach(options, path, url.searchParams);
    case 'portForward': return servePortForward(options, path);
    case 'containerLogs': return sendLogs(options, path, url.searchParams);
    default: throw new StreamError(404, '404 page not found');
  }
}
