/**
 * What the API server asks a node for: logs, exec, attach, port-forward, what is used, over mutual TLS with the kubelet's own paths. The
 * caller has been authorised by the API; here only that the caller is the API is checked.
 */
import { createServer, type Server } from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';
import type { Clock } from '../../machinery/clock.ts';
import { Pod } from '../../machinery/kinds/core.ts';
import { apiVersionOf } from '../../machinery/kinds/kind.ts';
import type { Log } from '../../client/log.ts';
import type { ImageStore } from '../images/store.ts';
import type { PodWorker } from '../pod/worker.ts';
import type { Meter } from '../stats/meter.ts';
import { serveLogs } from './logs.ts';
import { servePackages } from './packages.ts';
import { serveMetrics, serveStats } from './stats.ts';
import { StreamError } from './stream-error.ts';
import { acceptUpgrade } from './upgrade.ts';
import { messageOf, systemCode } from '../../machinery/thrown.ts';

export interface StreamingOptions {
  readonly tls: { readonly certPem: string; readonly keyPem: string; readonly caPem: string };
  readonly log: Log;
  readonly clock: Clock;
  readonly images: Pick<ImageStore, 'packages'>;
  readonly nodeName: string;
  readonly find: (namespace: string, name: string) => PodWorker | undefined;
  readonly list: () => readonly PodWorker[];
  readonly meter: Meter;
}

export interface StreamingServer {
  /** Listens until `signal` aborts; answers the port. */
  listen(port: number, address: string, signal: AbortSignal): Promise<number>;
  /** Resolves when it has closed; rejects when it broke. */
  readonly closed: Promise<void>;
}

/** How callers prove to be the API server: their certificate's name or group. */
const apiServerName = 'coracle-apiserver';
const adminGroup = 'system:masters';

export function createStreamingServer(options: StreamingOptions): StreamingServer {
  const { certPem, keyPem, caPem } = options.tls;
  const server = createServer({ cert: certPem, key: keyPem, ca: caPem, requestCert: true, rejectUnauthorized: true, minVersion: 'TLSv1.2' });
  const closed = Promise.withResolvers<void>();
  closed.promise.catch(() => {});
  server.on('request', (request, response) => void answer(options, request, response));
  server.on('upgrade', (request, socket, head) => {
    if (isApiServer(request)) acceptUpgrade(options, request, socket, head);
    else refuse(socket);
  });
  server.on('error', (error) => closed.reject(error));
  server.on('close', () => closed.resolve());
  return { listen: (port, address, signal) => listen(server, port, address, signal), closed: closed.promise };
}

function listen(server: Server, port: number, address: string, signal: AbortSignal): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: unknown) => {
      reject(systemCode(error) === 'EADDRINUSE' ? new Error(`port ${port} on ${address} is in use: choose another port for the node agent`, { cause: error }) : error);
    });
    server.listen(port, address, () => resolve((server.address() as AddressInfo).port));
    signal.addEventListener('abort', () => {
      server.close();
      server.closeAllConnections();
    }, { once: true });
  });
}

function isApiServer(request: IncomingMessage): boolean {
  if (!(request.socket instanceof TLSSocket) || !request.socket.authorized) return false;
  const subject = request.socket.getPeerCertificate().subject as { readonly CN?: string | string[]; readonly O?: string | string[] } | undefined;
  return subject !== undefined && ([subject.CN].flat().includes(apiServerName) || [subject.O].flat().includes(adminGroup));
}

function refuse(socket: Duplex): void {
  socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
}

async function answer(options: StreamingOptions, request: IncomingMessage, response: ServerResponse): Promise<void> {
  try {
    if (!isApiServer(request)) throw new StreamError(403, 'Forbidden');
    await route(options, request, response);
  } catch (error) {
    if (!(error instanceof StreamError)) options.log.error({ err: error, url: request.url }, 'a request to the node agent failed');
    const { code, message } = error instanceof StreamError ? error : new StreamError(500, messageOf(error));
    if (response.headersSent) response.destroy();
    else response.writeHead(code, { 'content-type': 'text/plain; charset=utf-8' }).end(message);
  }
}

async function route(options: StreamingOptions, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? '/', 'https://node');
  const [verb, ...rest] = url.pathname.split('/').filter((part) => part !== '').map(decodeURIComponent);
  if (request.method !== 'GET') throw new StreamError(405, 'Method Not Allowed');
  switch (verb) {
    case 'healthz': return void response.end('ok');
    case 'containerLogs': return await serveLogs(options, rest, url.searchParams, response);
    case 'pods': return sendJson(response, { kind: 'PodList', apiVersion: apiVersionOf(Pod), metadata: {}, items: options.list().map((worker) => worker.pod()) });
    case 'stats': return await serveStats(options.meter, rest, url.searchParams, response);
    case 'metrics': return await serveMetrics(options, rest, response);
    case 'packages': return sendJson(response, await servePackages(options, url.searchParams.get('name') ?? ''));
    case 'exec': case 'attach': case 'portForward': throw new StreamError(400, 'unable to upgrade: missing upgrade headers in request');
    default: throw new StreamError(404, '404 page not found');
  }
}

function sendJson(response: ServerResponse, value: unknown): void {
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(value));
}
