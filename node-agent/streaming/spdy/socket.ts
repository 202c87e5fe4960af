import type { Duplex } from 'node:stream';
import type { SpdyConnection } from './connection.ts';

/** Resolves when the bytes have left. Rejects when the client is gone. */
export function sendBytes(socket: Duplex, bytes: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.write(bytes, (error) => (error === undefined || error === null ? resolve() : reject(error)));
  });
}

/** Gives a connection what its client sends, one piece after the other; either's end is the other's. */
export function receiveFrom(socket: Duplex, connection: SpdyConnection): void {
  void connection.ended.then(() => void socket.end());
  void (async () => {
    try {
      for await (const chunk of socket as AsyncIterable<Buffer>) await connection.receive(chunk);
    } catch {
      // A client that is gone has said all it had to say.
    } finally {
      connection.close();
    }
  })();
}
