import { connect, type ClientHttp2Session } from 'node:http2';
import type { Clock } from '../machinery/clock.ts';
import { ApiError } from '../machinery/status.ts';

/** One HTTP/2 session to the API server, opened when needed, probed while in use, closed when idle. */

export interface Credentials {
  /** `https://host:port`. */
  readonly server: string;
  /** PEM of the only authorities that are trusted; absent: the machine's own. */
  readonly ca?: string;
  /** PEM of a client certificate and its key. */
  readonly cert?: string;
  readonly key?: string;
  /** Bearer token. */
  readonly token?: string;
  /** The name that the server's certificate must bear, if it isn't the host in `server`. */
  readonly serverName?: string;
}

export interface Connection {
  /** A session that takes requests. Throws `ApiError` with code 0 when it can't be had. */
  session(): Promise<ClientHttp2Session>;
  /** Counts a stream that is open; the answer says that it has ended. */
  use(): () => void;
  /** Ends the session once its streams have ended. Until then it keeps the process alive. */
  close(): void;
}

const connectTimeoutMs = 10_000;
const pingEveryMs = 30_000;
const pingTimeoutMs = 15_000;
const idleMs = 90_000;
const streamWindowBytes = 1 << 20;
const sessionWindowBytes = 16 << 20;

/** An answer that never came. */
export function connectionFailure(message: string, cause?: unknown): ApiError {
  return new ApiError({ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message, code: 0 }, { cause });
}

export function createConnection(credentials: Credentials, clock: Clock): Connection {
  let current: Promise<ClientHttp2Session> | undefined;
  let streams = 0;
  let cancelIdle: (() => void) | undefined;

  const forget = (session: Promise<ClientHttp2Session>): void => {
    if (current === session) current = undefined;
  };
  const open = (): Promise<ClientHttp2Session> => {
    const opening = openSession(credentials, clock, () => forget(opening));
    opening.catch(() => forget(opening));
    return opening;
  };
  const close = (): void => {
    cancelIdle?.();
    const closing = current;
    current = undefined;
    closing?.then((session) => session.close(), () => undefined);
  };
  return {
    async session() {
      current ??= open();
      const session = await current;
      if (!session.closed && !session.destroyed) return session;
      current = open();
      return current;
    },
    use() {
      streams += 1;
      cancelIdle?.();
      return () => {
        streams -= 1;
        if (streams === 0 && current !== undefined) cancelIdle = clock.setTimer(idleMs, close);
      };
    },
    close,
  };
}

function openSession(credentials: Credentials, clock: Clock, lost: () => void): Promise<ClientHttp2Session> {
  return new Promise((resolve, reject) => {
    const session = connect(credentials.server, {
      settings: { initialWindowSize: streamWindowBytes, enablePush: false },
      ...(credentials.ca === undefined ? {} : { ca: credentials.ca }),
      ...(credentials.cert === undefined ? {} : { cert: credentials.cert }),
      ...(credentials.key === undefined ? {} : { key: credentials.key }),
      ...(credentials.serverName === undefined ? {} : { servername: credentials.serverName }),
    });
    const cancel = clock.setTimer(connectTimeoutMs, () => session.destroy(new Error(`no connection within ${connectTimeoutMs / 1000} s`)));
    let failed: unknown;
    session.on('error', (error) => {
      failed = error;
    });
    session.on('goaway', lost);
    session.on('close', () => {
      cancel();
      lost();
      reject(connectionFailure(`can't reach ${credentials.server}: ${failed instanceof Error ? failed.message : 'the connection closed'}`, failed));
    });
    session.once('connect', () => {
      cancel();
      session.setLocalWindowSize(sessionWindowBytes);
      probe(session, clock);
      resolve(session);
    });
  });
}

/** Pings, so that a dead peer is noticed though nothing is being sent; ends with the session. */
function probe(session: ClientHttp2Session, clock: Clock): void {
  let cancel: () => void = clock.setTimer(pingEveryMs, ping);
  function ping(): void {
    if (session.closed || session.destroyed) return;
    cancel = clock.setTimer(pingTimeoutMs, () => session.destroy(new Error('the server answers no ping')));
    session.ping(() => {
      cancel();
      cancel = clock.setTimer(pingEveryMs, ping);
    });
  }
  session.once('close', () => cancel());
}
