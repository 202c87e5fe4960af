import type { WebSocket } from 'ws';
import { decodeChannel, decodeResize, encodeChannel, encodeExit, type Channel } from '../../client/streams/channels.ts';
import type { ProcessStreams } from '../runtime/runtime.ts';

/** A process's streams over a WebSocket's channels. Slow readers slow the process: nothing is piled up. */

/** Resolves when the message has left. Rejects when the client is gone. */
export function sendMessage(socket: WebSocket, message: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.send(message, { binary: true }, (error) => (error === undefined || error === null ? resolve() : reject(error)));
  });
}

/** Says how a process ended, as far as the protocol has words for it. */
export async function sendExit(socket: WebSocket, exitCode: number): Promise<void> {
  const frame = encodeExit(exitCode, socket.protocol);
  if (frame !== undefined) await sendMessage(socket, frame);
}

/** Passes a process's output on until it ends. */
export async function copyOut(socket: WebSocket, channel: Channel, output: NodeJS.ReadableStream | undefined): Promise<void> {
  if (output === undefined) return;
  for await (const chunk of output) await sendMessage(socket, encodeChannel(channel, Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk)));
}

/** Passes a client's input and terminal sizes on; a socket that closes ends the input. */
export function copyIn(socket: WebSocket, streams: ProcessStreams): void {
  const { stdin } = streams;
  stdin?.on('error', () => {
    // The process has closed its input; what else is typed has no reader.
  });
  stdin?.on('drain', () => socket.resume());
  socket.on('message', (message) => {
    const frame = decodeChannel(Buffer.isBuffer(message) ? message : Buffer.concat([message].flat().map((part) => Buffer.from(part as ArrayBuffer))));
    if (frame === undefined) return;
    if (frame.type === 'close') {
      if (frame.channel === 'stdin') stdin?.end();
    } else if (frame.channel === 'stdin') {
      if (stdin?.write(frame.data) === false) socket.pause();
    } else if (frame.channel === 'resize') {
      const size = decodeResize(frame.data);
      if (size !== undefined) streams.resize(size.width, size.height);
    }
  });
  socket.on('close', () => stdin?.end());
  socket.resume();
}
