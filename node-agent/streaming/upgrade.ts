import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import { channelProtocol, olderChannelProtocol, plainChannelProtocol } from '../../client/streams/channels.ts';
import { serveAttach } from './attach.ts';
import { serveExec } from './exec.ts';
import { logProtocol, sendLogs } from './logs.ts';
import { portForwardProtocol, servePortForward } from './port-forward.ts';
import type { StreamingOptions } from './server.ts';
import type { StreamSession } from './session.ts';
import { StreamError } from './stream-error.ts';
import { messageOf } from '../../machinery/thrown.ts';

/** Largest message taken from a client, bytes: a terminal's input and a copied file's blocks are far smaller. */
const largestMessage = 8 * 1024 * 1024;

/** Answers a WebSocket upgrade for exec, attach, port-forward or logs. */
export function acceptUpgrade(options: StreamingOptions, request: IncomingMessage, socket: Duplex, head: Buffer): void {
  socket.on('error', () => socket.destroy());
  void open(options, request).then((session) => {
    const server = serverFor(request);
    server.handleUpgrade(request, socket, head, (client) => {
      // What comes before the session listens must not be lost: it resumes the socket itself.
      client.pause();
      session(client).catch((error: unknown) => {
        options.log.warn({ err: error, url: request.url }, 'a stream ended with a failure');
        client.close(1011, 'internal error');
      });
    });
  }).catch((error: unknown) => {
    if (!(error instanceof StreamError)) options.log.error({ err: error, url: request.url }, 'a stream was not opened');
    const { code, message } = error instanceof StreamError ? error : new StreamError(500, messageOf(error));
    const body = Buffer.from(message);
    socket.end(`HTTP/1.1 ${code} Refused\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${message}`);
  });
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
  if (request.headers.upgrade?.toLowerCase() !== 'websocket') throw new StreamError(400, 'unable to upgrade: only WebSocket is spoken here');
  switch (verb) {
    case 'exec': return await serveExec(options, path, url.searchParams);
    case 'attach': return await serveAttach(options, path, url.searchParams);
    case 'portForward': return servePortForward(options, path);
    case 'containerLogs': return sendLogs(options, path, url.searchParams);
    default: throw new StreamError(404, '404 page not found');
  }
}
