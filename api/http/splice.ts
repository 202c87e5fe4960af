import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest, type RequestOptions } from 'node:https';
import type { Duplex } from 'node:stream';
import { offeredIn } from './upgrades.ts';

/** The two ends of a connection that this server only passes on. */
export interface Splice {
  readonly request: IncomingMessage;
  readonly socket: Duplex;
  /** What of the caller's stream had come with its request. */
  readonly head: Buffer;
}

export interface SpliceTarget {
  readonly isSecure: boolean;
  /** `timeout`: how long the other end may take to answer at all. */
  readonly options: RequestOptions;
  /** The failure that the caller is told when the other end can't be reached. */
  readonly unreachable: (cause: unknown) => Error;
}

/**
 * Splices an upgraded connection to another server, byte for byte both ways: this one speaks neither WebSocket nor SPDY. What
 * the other end refuses is passed on as its plain answer. Throws while nothing was written to the socket yet.
 */
export function splice({ request, socket, head }: Splice, { isSecure, options, unreachable }: SpliceTarget, stopped: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const headers = { ...options.headers, connection: 'Upgrade', upgrade: offeredIn(request.headers).join(', ') };
    const asked = (isSecure ? httpsRequest : httpRequest)({ ...options, method: request.method ?? 'GET', headers, agent: false });
    let joined = false;
    asked.once('timeout', () => asked.destroy(new Error('no answer in time')));
    asked.once('error', (error) => {
      if (joined) socket.destroy();
      else reject(unreachable(error));
    });
    const stop = () => { socket.destroy(); };
    stopped.addEventListener('abort', stop, { once: true });
    socket.once('close', () => {
      stopped.removeEventListener('abort', stop);
      asked.destroy();
      resolve();
    });
    asked.once('upgrade', (response, otherSocket, otherHead) => {
      joined = true;
      otherSocket.setTimeout(0);
      socket.write(headOf(response));
      if (otherHead.length > 0) socket.write(otherHead);
      if (head.length > 0) otherSocket.write(head);
      otherSocket.on('error', () => socket.destroy());
      otherSocket.once('close', () => socket.end());
      socket.once('close', () => otherSocket.destroy());
      otherSocket.pipe(socket);
      socket.pipe(otherSocket);
    });
    asked.once('response', (response) => {
      joined = true;
      socket.write(headOf(response, { connection: 'close' }));
      response.pipe(socket);
    });
    asked.end();
  });
}

/** Status line and headers as they came. */
function headOf(response: IncomingMessage, more: Readonly<Record<string, string>> = {}): string {
  const lines = [`HTTP/1.1 ${response.statusCode} ${response.statusMessage}`];
  const dropped = new Set(Object.keys(more).length > 0 ? ['connection', 'transfer-encoding', 'keep-alive'] : []);
  for (let at = 0; at < response.rawHeaders.length; at += 2) {
    if (!dropped.has(response.rawHeaders[at]?.toLowerCase() ?? '')) lines.push(`${response.rawHeaders[at]}: ${response.rawHeaders[at + 1]}`);
  }
  for (const [name, value] of Object.entries(more)) lines.push(`${name}: ${value}`);
  return `${lines.join('\r\n')}\r\n\r\n`;
}
