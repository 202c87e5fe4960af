import { connect, type TLSSocket } from 'node:tls';

/**
 * One connection that speaks as little HTTP/1.1 as a benchmark needs, one request at a time: a client library costs more than
 * the server that is measured.
 */
export interface Connection {
  /** The status code and, when `keep` is set, the body. */
  ask(method: string, path: string, body?: string, keep?: boolean): Promise<Answer>;
  /** Sends a GET whose answer doesn't end; `onData` sees each piece of it. */
  stream(path: string, onData: (bytes: Buffer) => void): void;
  close(): void;
}

export interface Answer {
  readonly code: number;
  readonly bytes: number;
  readonly body: Buffer;
}

export interface Access {
  readonly port: number;
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

const headEnd = Buffer.from('\r\n\r\n');
const lastChunk = Buffer.from('\r\n0\r\n\r\n');

export async function openConnection(access: Access): Promise<Connection> {
  const socket = connect({ host: '127.0.0.1', ...access, ALPNProtocols: ['http/1.1'] });
  socket.setNoDelay(true);
  await new Promise<void>((resolve, reject) => {
    socket.once('secureConnect', resolve);
    socket.once('error', reject);
  });
  return overSocket(socket);
}

function overSocket(socket: TLSSocket): Connection {
  let take: ((bytes: Buffer) => void) | undefined;
  let fail: ((error: Error) => void) | undefined;
  socket.on('data', (bytes: Buffer) => take?.(bytes));
  socket.on('error', (error) => fail?.(error));
  socket.on('close', () => fail?.(new Error('the server closed the connection')));
  return {
    ask(method, path, body = '', keep = false) {
      return new Promise((resolve, reject) => {
        fail = reject;
        take = answerReader(keep, resolve);
        socket.write(`${method} ${path} HTTP/1.1\r\nhost: x\r\naccept: application/json\r\n${body === '' ? '' : `content-type: ${method === 'PATCH' ? 'application/merge-patch+json' : 'application/json'}\r\ncontent-length: ${Buffer.byteLength(body)}\r\n`}\r\n${body}`);
      });
    },
    stream(path, onData) {
      take = onData;
      socket.write(`GET ${path} HTTP/1.1\r\nhost: x\r\naccept: application/json\r\n\r\n`);
    },
    close: () => socket.destroy(),
  };
}

/** Takes pieces until the answer is whole. */
function answerReader(keep: boolean, done: (answer: Answer) => void): (bytes: Buffer) => void {
  let head: { readonly code: number; readonly length: number | undefined } | undefined;
  let received = 0;
  let tail: Buffer = Buffer.alloc(0);
  const kept: Buffer[] = [];
  return (bytes) => {
    let rest = bytes;
    if (head === undefined) {
      const end = bytes.indexOf(headEnd);
      const text = bytes.toString('latin1', 0, end);
      const length = /content-length: (\d+)/i.exec(text)?.[1];
      head = { code: Number(text.slice(9, 12)), length: length === undefined ? undefined : Number(length) };
      rest = bytes.subarray(end + headEnd.length);
    }
    received += rest.length;
    if (keep) kept.push(rest);
    tail = rest.length >= lastChunk.length ? rest.subarray(-lastChunk.length) : Buffer.concat([tail, rest]).subarray(-lastChunk.length);
    if (head.length === undefined ? tail.equals(lastChunk) : received >= head.length) {
      done({ code: head.code, bytes: received, body: keep ? Buffer.concat(kept) : Buffer.alloc(0) });
    }
  };
}
