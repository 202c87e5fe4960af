import { encodeExit, type Channel } from '../../client/streams/channels.ts';
import { asks, type ProcessClient, type StreamSession } from './session.ts';
import { spdyClient } from './spdy/process-client.ts';
import { webSocketClient } from './websocket.ts';

/** An exec or attach, over whichever protocol its client asks for. */
export function processSession(query: URLSearchParams, run: (client: ProcessClient) => Promise<void>): StreamSession {
  return {
    overWebSocket: (socket) => run(webSocketClient(socket)),
    overSpdy: (socket, protocol) => run(spdyClient(socket, protocol, channelsOf(query))),
  };
}

/** What a client opens. Its terminal's size may come at any time. Source: "remotecommand", SPDY. */
function channelsOf(query: URLSearchParams): Channel[] {
  return [
    'error', ...(asks(query, 'input', 'stdin') ? ['stdin'] as const : []), ...(asks(query, 'output', 'stdout') ? ['stdout'] as const : []),
    ...(asks(query, 'error', 'stderr') && !asks(query, 'tty') ? ['stderr'] as const : []),
  ];
}

/** Passes a process's output on until it ends. */
export async function copyOut(client: ProcessClient, channel: Channel, output: NodeJS.ReadableStream | undefined): Promise<void> {
  if (output === undefined) return;
  for await (const chunk of output) await client.send(channel, Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk));
}

/** Says how a process ended, as far as the protocol has words for it, and that this was all. */
export async function sendExit(client: ProcessClient, exitCode: number): Promise<void> {
  const message = encodeExit(exitCode, client.protocol);
  if (message !== undefined) await client.send('error', message);
  await client.finish();
}
