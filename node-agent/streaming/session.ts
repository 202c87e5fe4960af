import type { WebSocket } from 'ws';

/** What to do with the socket once it is open (paused: the session resumes it when it listens); made before the upgrade, so that a refusal is a plain HTTP answer. */
export type StreamSession = { run(socket: WebSocket): Promise<void> }['run'];

/** Whether a query asks for a stream, by either of its names: `input` and `stdin`, … */
export function asks(query: URLSearchParams, ...names: readonly string[]): boolean {
  return names.some((name) => query.get(name) === 'true' || query.get(name) === '1');
}
