import type { WebSocket } from 'ws';
import { decodeChannel, decodeResize, encodeChannel } from '../../client/streams/channels.ts';
import type { ProcessStreams } from '../runtime/runtime.ts';
import type { ProcessClient } from './session.ts';

/** Resolves when the message has left. Rejects when the client is gone. */
export function sendMessage(socket: WebSocket, message: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.send(message, { binary: true }, (error) => (error === undefined || error === null ? resolve() : reject(error)));
  });
}

/** A process's streams over a WebSocket's channels. */
export function webSocketClient(socket: WebSocket): ProcessClient {
  return {
    protocol: socket.protocol,
    ready: Promise.resolve(),
    feed: (streams) => copyIn(socket, streams),
    send: (channel, data) => sendMessage(socket, encodeChannel(channel, data)),
    onGone: (listener) => void socket.on('close', listener),
    async finish() {
      // Its own end is read too.
      socket.resume();
      socket.close(1000);
    },
  };
}

function copyIn(socket: WebSocket, streams: ProcessStreams): void {
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
