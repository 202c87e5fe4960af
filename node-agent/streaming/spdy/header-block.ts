import { constants, createDeflate, createInflate, type Deflate, type Inflate } from 'node:zlib';
import { dictionary } from './dictionary.ts';

/** Header blocks: names and values, one compressed stream for all of a connection in each direction. */

/** Largest block that is unpacked, bytes. */
const largestBlock = 64 * 1024;

export interface HeaderReader {
  /** Blocks must be given in the order in which they came. */
  read(block: Buffer): Promise<ReadonlyMap<string, string>>;
  close(): void;
}

export function createHeaderReader(): HeaderReader {
  const inflate = createInflate({ dictionary, flush: constants.Z_SYNC_FLUSH, finishFlush: constants.Z_SYNC_FLUSH });
  return {
    read: async (block) => parsePairs(await through(inflate, block)),
    close: () => inflate.close(),
  };
}

export interface HeaderWriter {
  write(headers: ReadonlyMap<string, string>): Promise<Buffer>;
  close(): void;
}

export function createHeaderWriter(): HeaderWriter {
  const deflate = createDeflate({ dictionary, flush: constants.Z_SYNC_FLUSH });
  return { write: (headers) => through(deflate, formatPairs(headers)), close: () => deflate.close() };
}

/** One piece in, everything that it gives out. */
function through(stream: Deflate | Inflate, piece: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const take = (chunk: Buffer): void => {
      size += chunk.length;
      if (size > largestBlock) reject(new RangeError('a SPDY header block is too large'));
      else chunks.push(chunk);
    };
    const done = (error?: Error | null): void => {
      stream.off('data', take);
      stream.off('error', done);
      if (error === undefined || error === null) resolve(Buffer.concat(chunks));
      else reject(error);
    };
    stream.on('data', take);
    stream.on('error', done);
    stream.write(piece, () => stream.flush(() => done()));
  });
}

function parsePairs(bytes: Buffer): ReadonlyMap<string, string> {
  const headers = new Map<string, string>();
  let at = 4;
  const text = (): string => {
    const length = bytes.readUInt32BE(at);
    const value = bytes.toString('utf8', at + 4, at + 4 + length);
    at += 4 + length;
    return value;
  };
  for (let left = bytes.readUInt32BE(0); left > 0; left -= 1) {
    const name = text();
    headers.set(name.toLowerCase(), text());
  }
  return headers;
}

function formatPairs(headers: ReadonlyMap<string, string>): Buffer {
  const parts: Buffer[] = [];
  const number = (value: number): void => {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32BE(value);
    parts.push(bytes);
  };
  number(headers.size);
  for (const each of [...headers].flat()) {
    const bytes = Buffer.from(each);
    number(bytes.length);
    parts.push(bytes);
  }
  return Buffer.concat(parts);
}
