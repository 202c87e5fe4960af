import type { ServerResponse } from 'node:http';
import { once } from 'node:events';
import { readLog, type LogOptions } from './read-log.ts';
import type { StreamingOptions } from './server.ts';
import { StreamError } from './stream-error.ts';
import { endOf, findPod, loggedRun } from './target.ts';

/** GET /containerLogs/{namespace}/{pod}/{container}. Behaviour: "Pod logs", PodLogOptions. */
export async function serveLogs(options: StreamingOptions, path: readonly string[], query: URLSearchParams, response: ServerResponse): Promise<void> {
  const [namespace = '', pod = '', container = ''] = path;
  const worker = findPod(options.find, namespace, pod);
  const logOptions = readOptions(query, options.clock.now());
  const run = loggedRun(worker, container, flag(query, 'previous'));
  const end = endOf(worker, container, run.id);
  const gone = new AbortController();
  response.on('close', () => gone.abort());
  response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8' });
  response.flushHeaders();
  try {
    for await (const text of readLog(run.logPath, logOptions, end.signal, gone.signal)) {
      if (!response.write(text)) await once(response, 'drain', { signal: gone.signal });
    }
    response.end();
  } catch (error) {
    if (!gone.signal.aborted) throw error;
  } finally {
    end.release();
  }
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
