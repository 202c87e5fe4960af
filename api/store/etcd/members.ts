/**
 * The servers of an etcd cluster: which one is asked, and what may be asked again. Every call has a deadline; the client
 * library's own retries are off, for it would repeat a write whose answer was lost and report a conflict with itself.
 */
import { noop } from 'cockatiel';
import { Etcd3 } from 'etcd3';
import type { Clock } from '../../../machinery/clock.ts';
import { failureOf, storeError, type Failure } from './failures.ts';

export interface Credentials {
  /** PEM. */
  readonly ca: Buffer;
  /** PEM: the client certificate and its key. */
  readonly certificate?: { readonly cert: Buffer; readonly key: Buffer };
}

export interface MembersOptions {
  /** `http://10.0.0.1:2379`, `https://…`; not empty. */
  readonly endpoints: readonly string[];
  readonly credentials?: Credentials;
  readonly auth?: { readonly username: string; readonly password: string };
  readonly clock: Clock;
  /** How long a call may take, all its attempts together. */
  readonly callMs: number;
}

interface CallOptions {
  readonly deadline: number;
}

export type Call<T> = (client: Etcd3, options: CallOptions) => Promise<T>;

export interface Members {
  /** Asks one server after the other until one answers or the time is up. Throws what `thrownBy` makes of the last failure. */
  read<T>(call: Call<T>): Promise<T>;
  /** Asks another server only when the call never left this process. `lease` is named if it is gone. */
  write<T>(call: Call<T>, lease?: string): Promise<T>;
  /** The server that is asked first. */
  readonly preferred: Etcd3;
  /** The preferred server did not do: the next one is asked first from now on. */
  skip(client: Etcd3): void;
  close(): void;
}

/** How a failed range is told apart from a store that failed: `compacted` and `future` carry no revision of their own. */
export class RevisionRefused extends Error {
  readonly why: 'compacted' | 'future';

  constructor(why: 'compacted' | 'future', cause: unknown) {
    super(`revision refused: ${why}`, { cause });
    this.name = 'RevisionRefused';
    this.why = why;
  }
}

/** A server that stands still for less is waited for, then another is asked. */
const attemptMs = 3000;
const roundPauseMs = 100;

const channelOptions = {
  'grpc.max_receive_message_length': -1,
  'grpc.max_send_message_length': -1,
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 1000,
  // etcd ends connections that ask more often than every five seconds.
  'grpc.keepalive_time_ms': 10_000,
  'grpc.keepalive_timeout_ms': 5000,
  'grpc.keepalive_permit_without_calls': 1,
};

export function createMembers(options: MembersOptions): Members {
  const { clock, callMs } = options;
  const clients = options.endpoints.map((endpoint) => connect(endpoint, options));
  let preferredIndex = 0;

  function at(index: number): Etcd3 {
    const client = clients[index % clients.length];
    if (client === undefined) throw new Error('an etcd store needs an endpoint');
    return client;
  }

  function skip(client: Etcd3): void {
    if (at(preferredIndex) === client) preferredIndex = (preferredIndex + 1) % clients.length;
  }

  async function attempts<T>(call: Call<T>, mayRepeat: (failure: Failure) => boolean, thrown: (failure: Failure, error: unknown) => Error): Promise<T> {
    const until = clock.now() + callMs;
    for (let attempt = 0; ; attempt++) {
      const client = at(preferredIndex);
      try {
        return await call(client, { deadline: Math.min(until, clock.now() + (clients.length > 1 && attempt < clients.length ? attemptMs : callMs)) });
      } catch (error) {
        const failure = failureOf(error);
        if (failure.type === 'not sent' || failure.type === 'no answer') skip(client);
        if (!mayRepeat(failure) || clock.now() >= until) throw thrown(failure, error);
        if ((attempt + 1) % clients.length === 0) await pause(clock, roundPauseMs);
      }
    }
  }

  return {
    read: (call) => attempts(call, ({ type }) => type === 'not sent' || type === 'no answer', (failure, error) => thrownBy(failure, error, 'read')),
    write: (call, lease) => attemptsOfWrite(call, lease),
    get preferred() {
      return at(preferredIndex);
    },
    skip,
    close() {
      for (const client of clients) client.close();
    },
  };

  /** One attempt that reaches a server has all the time there is: cutting it short would lose its answer. */
  function attemptsOfWrite<T>(call: Call<T>, lease: string | undefined): Promise<T> {
    const until = clock.now() + callMs;
    return attempts((client) => call(client, { deadline: until }), ({ type }) => type === 'not sent', (failure, error) => thrownBy(failure, error, 'write', lease));
  }
}

function thrownBy(failure: Failure, error: unknown, call: 'read' | 'write', lease?: string): Error {
  if (failure.type === 'compacted' || failure.type === 'future') return new RevisionRefused(failure.type, error);
  return storeError(failure, error, call, lease);
}

function connect(endpoint: string, { credentials, auth }: MembersOptions): Etcd3 {
  return new Etcd3({
    hosts: endpoint,
    grpcOptions: channelOptions,
    faultHandling: { host: () => noop, global: noop },
    ...(auth === undefined ? {} : { auth }),
    ...(credentials === undefined ? {} : { credentials: credentialsOf(credentials) }),
  });
}

function credentialsOf({ ca, certificate }: Credentials): { rootCertificate: Buffer; privateKey?: Buffer; certChain?: Buffer } {
  return { rootCertificate: ca, ...(certificate === undefined ? {} : { privateKey: certificate.key, certChain: certificate.cert }) };
}

function pause(clock: Clock, ms: number): Promise<void> {
  return new Promise((resolve) => void clock.setTimer(ms, resolve));
}
