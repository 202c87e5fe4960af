import type { ServerResponse } from 'node:http';
import { once } from 'node:events';
import { readLog, type LogOptions } from './read-log.ts';
import type { StreamingOptions } from './server.ts';
import type { StreamSession } from './session.ts';
import { StreamError } from './stream-error.ts';
import { endOf, findPod, loggedRun } from './target.ts';
import { sendMessage } from './websocket.ts';

/** What a log's bytes are sent in over a WebSocket. */
export const logProtocol = 'binary.k8s.io';

interface Source {
  read(gone: AbortSignal): AsyncIterable<Buffer>;
  release(): void;
}

/** The log that a path and a query name. Throws `StreamError`. Behaviour: "Pod logs", PodLogOptions. */
function sourceOf(options: StreamingOptions, path: readonly string[], query: URLSearchParams): Source {
  const [namespace = '', pod = '', container = ''] = path;
  const worker = findPod(options.find, namespace, pod);
  const logOptions = readOptions(query, options.clock.now());
  const run = loggedRun(worker, container, flag(query, 'previous'));
  const end = endOf(worker, container, run.id);
  return { read: (gone) => readLog(run.logPath, logOptions, end.signal, gone), release: () => end.release() };
}

/** GET /containerLogs/{namespace}/{pod}/{container}. */
export async function serveLogs(options: StreamingOptions, path: readonly string[], query: URLSearchParams, response: ServerResponse): Promise<void> {
  const source = sourceOf(options, path, query);
  const gone = new AbortController();
  response.on('close', () => gone.abort());
  response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8' });
  response.flushHeaders();
  try {
    for await (const text of source.read(gone.signal)) {
      if (!response.write(text)) await once(response, 'drain', { signal: gone.signal });
    }
    response.end();
  } catch (error) {
    if (!gone.signal.aborted) throw error;
  } finally {
    source.release();
  }
}

/** The same over a WebSocket. */
export function sendLogs(options: StreamingOptions, path: readonly string[], query: URLSearchParams): StreamSession {
  const source = sourceOf(options, path, query);
  return {
    async overWebSocket(socket) {
      const gone = new AbortController();
      socket.on('close', () => gone.abort());
      socket.resume();
      try {
        for await (const text of source.read(gone.signal)) await sendMessage(socket, text);
        socket.close(1000);
      } catch (error) {
        if (!gone.signal.aborted) throw error;
      } finally {
        source.release();
      }
    },
  };
}

function flag(query: URLSearchParams, name: string): boolean {
  const value = query.get(name);
  return value === 'true' || value === '1';
}

/** Throws `StreamError` 400 for a number or time that is none. */
function readOptions(query: URLSearchParams, now: number): LogOptions {
  const sinceSeconds = numberOf(query, 'sinceSeconds');
  const sinceTime = query.get('sinceTime');
  const since = sinceTime === null ? undefined : Date.parse(sinceTime);
  if (Number.isNaN(since)) throw new StreamError(400, `invalid sinceTime "${sinceTime ?? ''}"`);
  const stream = query.get('stream');
  return {
    follow: flag(query, 'follow'), timestamps: flag(query, 'timestamps'), tailLines: numberOf(query, 'tailLines'), limitBytes: numberOf(query, 'limitBytes'),
    since: sinceSeconds === undefined ? since : now - sinceSeconds * 1000,
    stream: stream === 'Stdout' ? 'stdout' : stream === 'Stderr' ? 'stderr' : undefined,
  };
}

function numberOf(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  if (text === null || text === '') return undefined;
  if (!/^\d{1,15}$/.test(text)) throw new StreamError(400, `invalid ${name} "${text}"`);
  return Number(text);
}
