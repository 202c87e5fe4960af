import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import type { Channel } from '../../client/streams/channels.ts';
import type { ProcessStreams } from '../runtime/runtime.ts';

/** What to do with a connection once it is upgraded; made before that, so that a refusal is a plain HTTP answer. */
export interface StreamSession {
  /** The socket is paused: the session resumes it when it listens. */
  overWebSocket(socket: WebSocket): Promise<void>;
  /** `protocol`: what client and agent have agreed on, '' with a client that names none. Absent: only a WebSocket has it. */
  overSpdy?(socket: Duplex, protocol: string): Promise<void>;
}

/** The client's end of a process's streams, whatever carries them. */
export interface ProcessClient {
  /** Says in which words the error channel tells of an end. */
  readonly protocol: string;
  /** Resolves when it has opened all that it asked for. Rejects when it doesn't. */
  readonly ready: Promise<void>;
  /** Passes input and terminal sizes on to a process; a client that goes ends the input. */
  feed(streams: ProcessStreams): void;
  /** Resolves when it has left, so that slow readers slow the process. Rejects when the client is gone. */
  send(channel: Channel, data: Buffer): Promise<void>;
  onGone(listener: () => void): void;
  /** Ends all that is still open, after what was sent. */
  finish(): Promise<void>;
}

/** Whether a query asks for a stream, by either of its names: `input` and `stdin`, … */
export function asks(query: URLSearchParams, ...names: readonly string[]): boolean {
  return names.some((name) => query.get(name) === 'true' || query.get(name) === '1');
}
