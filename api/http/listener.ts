import { createSecureServer, type Http2SecureServer, type IncomingHttpHeaders, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';
import type { IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';
import { systemCode } from '../../machinery/thrown.ts';
import type { Credentials } from '../access/access.ts';
import { lingerMs } from './body.ts';
import { authorities, certificateOf, type Authorities } from './certificate.ts';
import { http1Exchange, http2Exchange, type Exchange } from './exchange.ts';
import { withRepeated } from './repeated-headers.ts';
import type { Peer } from './serve.ts';

/** Where and how the server listens. */
export interface ListenOptions {
  readonly address: string;
  /** 0: any free one. */
  readonly port: number;
  readonly certPem: string;
  readonly keyPem: string;
  /** Judges client certificates. */
  readonly caPem: string;
  /** Judges those of proxies that tell who asks through them. */
  readonly frontProxyCaPem: string;
}

export interface Carrier {
  serve(exchange: Exchange, peer: Peer): void;
  /** Is a request that offers another protocol for `upgrade`? Others are for `serve`. */
  isUpgrade(request: IncomingMessage): boolean;
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer, peer: Peer): void;
}

export interface Listener {
  readonly port: number;
  /** Takes no new connections; idle ones are closed. Resolves when all are gone. */
  stop(): Promise<void>;
  /** Breaks off what is left. */
  destroy(): void;
}

/** Faster than ChaCha20 wherever the processor knows AES; clients without it may still choose. */
const ciphers = 'TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384';
const settings = { maxConcurrentStreams: 1000, initialWindowSize: 1024 * 1024 };
const handshakeMs = 10_000;
const idleMs = 90_000;

/**
 * Listens for HTTP/2 and HTTP/1.1 over TLS. Throws what `listen` throws: an `Error` whose `code` is `EADDRINUSE`, `EACCES`
 * or `EADDRNOTAVAIL`.
 */
export async function listen(options: ListenOptions, carrier: Carrier): Promise<Listener> {
  const server = createSecureServer({
    cert: options.certPem, key: options.keyPem, ca: [options.caPem, options.frontProxyCaPem], allowHTTP1: true, requestCert: true, rejectUnauthorized: false,
    minVersion: 'TLSv1.2', ciphers, honorCipherOrder: true, settings, handshakeTimeout: handshakeMs,
    // How long a connection may be idle: clients keep theirs for as long, as with Kubernetes.
    http1Options: { keepAliveTimeout: idleMs },
  });
  const sessions = new Set<ServerHttp2Session>();
  const sockets = new Set<Duplex>();
  follow(server, sessions, sockets);
  const judges = authorities(options);
  carryHttp2(server, carrier, judges);
  let isStopping = false;
  carryHttp1(server, carrier, judges, () => isStopping);
  await started(server, options);
  return {
    port: (server.address() as AddressInfo).port,
    stop: () => new Promise((resolve) => {
      isStopping = true;
      server.close(() => { resolve(); });
      for (const session of sessions) session.close();
      closeIdle(server);
    }),
    destroy() {
      for (const session of sessions) session.destroy();
      for (const socket of sockets) socket.destroy();
    },
  };
}

function started(server: Http2SecureServer, { address, port }: ListenOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, address, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

function follow(server: Http2SecureServer, sessions: Set<ServerHttp2Session>, sockets: Set<Duplex>): void {
  server.on('session', (session) => {
    sessions.add(session);
    session.once('close', () => sessions.delete(session));
    session.on('error', () => undefined);
  });
  server.on('secureConnection', (socket) => {
    sockets.add(socket);
    socket.setNoDelay(true);
    socket.once('close', () => sockets.delete(socket));
    socket.on('error', () => undefined);
  });
  server.on('tlsClientError', () => undefined);
  // Whoever shows no life is found by TCP keep-alive and the sessions' own pings, not by silence: watches may be silent.
  server.setTimeout(0);
}

function carryHttp2(server: Http2SecureServer, carrier: Carrier, judges: Authorities): void {
  const peers = new WeakMap<object, Peer>();
  server.on('stream', (stream: ServerHttp2Stream, headers: IncomingHttpHeaders, _flags: number, raw: readonly string[]) => {
    const { session } = stream;
    if (session === undefined) return;
    let peer = peers.get(session);
    if (peer === undefined) {
      peer = peerOf(session.socket as TLSSocket, judges);
      peers.set(session, peer);
    }
    carrier.serve(http2Exchange(stream, withRepeated(headers, raw)), peer);
  });
}

function carryHttp1(server: Http2SecureServer, carrier: Carrier, judges: Authorities, isStopping: () => boolean): void {
  const peers = new WeakMap<Duplex, Peer>();
  /** What is being answered on a connection. */
  const answers = new WeakMap<Duplex, { readonly headersSent: boolean }>();
  const of = (socket: Duplex): Peer => {
    let peer = peers.get(socket);
    if (peer === undefined) {
      peer = peerOf(socket as TLSSocket, judges);
      peers.set(socket, peer);
    }
    return peer;
  };
  const carry: Parameters<typeof server.on<'request'>>[1] = (request, response) => {
    // Requests over HTTP/2 arrive here too, as well as at `stream`.
    if (request.httpVersionMajor >= 2) return;
    answers.set(request.socket, response);
    response.once('close', () => answers.delete(request.socket));
    response.once('finish', () => { if (isStopping()) request.socket.end(); });
    carrier.serve(http1Exchange(request as unknown as IncomingMessage, response as unknown as Parameters<typeof http1Exchange>[1]), of(request.socket));
  };
  server.on('request', carry);
  // Who asks first is told to go on when somebody wants the body.
  server.on('checkContinue', carry);
  server.on('clientError', (error, socket) => { refuseUnreadable(error, socket, answers.get(socket)?.headersSent === true); });
  // The HTTP/1.1 half of the server asks it; neither the type of the whole nor its options say so.
  Reflect.set(server, 'shouldUpgradeCallback', (request: IncomingMessage) => carrier.isUpgrade(request));
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => { carrier.upgrade(request, socket, head, of(socket)); });
}

/** What can't be read is told so, unless an answer is under way: into that nothing may come. */
function refuseUnreadable(error: Error, socket: Duplex, isAnswering: boolean): void {
  // What comes behind what was refused can't be read either.
  if (refused.has(socket)) return;
  if (isAnswering || !socket.writable) return void socket.destroy();
  refused.add(socket);
  const status = unreadable[systemCode(error) ?? ''] ?? '400 Bad Request';
  socket.end(`HTTP/1.1 ${status}\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n${status}`);
  // A connection that is closed on what nobody read is reset, and the answer lost with it.
  const deadline = setTimeout(() => { socket.destroy(); }, lingerMs);
  socket.once('close', () => { clearTimeout(deadline); });
}

/** Connections on which a request could not be read. */
const refused = new WeakSet<Duplex>();

/** By the code of Node's error. */
const unreadable: Readonly<Record<string, string>> = { HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large', ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout' };

/** Looks at the certificate once for each connection. */
function peerOf(socket: Pick<TLSSocket, 'authorized' | 'authorizationError' | 'getPeerCertificate' | 'remoteAddress'>, judges: Authorities): Peer {
  let seen: { readonly certificate: Credentials['certificate'] } | undefined;
  return {
    address: socket.remoteAddress ?? '',
    certificate() {
      seen ??= { certificate: certificateOf(socket, judges) };
      return seen.certificate;
    },
  };
}

function closeIdle(server: Http2SecureServer): void {
  // The HTTP/1.1 half of the server has it; the type of the whole doesn't say so.
  const close: unknown = Reflect.get(server, 'closeIdleConnections');
  if (typeof close === 'function') Reflect.apply(close, server, []);
}
