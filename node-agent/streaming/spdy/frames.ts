/** SPDY/3.1 frames, as far as Kubernetes' streams use them. Source: SPDY draft 3.1, "Framing layer". Pure. */

export type SpdyFrame =
  | { readonly type: 'data'; readonly streamId: number; readonly end: boolean; readonly data: Buffer }
  | { readonly type: 'synStream'; readonly streamId: number; readonly end: boolean; readonly headerBlock: Buffer }
  | { readonly type: 'reset'; readonly streamId: number }
  | { readonly type: 'ping'; readonly id: number }
  | { readonly type: 'goAway' }
  /** Settings, windows, further headers: nothing here depends on them (but a header block must pass the decompressor). */
  | { readonly type: 'other'; readonly headerBlock?: Buffer };

const version = 3;
const types = { synStream: 1, synReply: 2, reset: 3, ping: 6, goAway: 7, headers: 8 } as const;
const headerBytes = 8;
const endFlag = 1;
/** Largest frame taken, bytes: Kubernetes' streams copy in blocks of 32 KiB. */
const largestFrame = 1024 * 1024;

/** Splits bytes into frames; `rest` is the beginning of one. Throws on what is no SPDY/3.1. */
export function parseFrames(bytes: Buffer): { readonly frames: readonly SpdyFrame[]; readonly rest: Buffer } {
  const frames: SpdyFrame[] = [];
  let at = 0;
  while (bytes.length - at >= headerBytes) {
    const length = bytes.readUIntBE(at + 5, 3);
    if (length > largestFrame) throw new RangeError(`a SPDY frame of ${length} bytes is too large`);
    if (bytes.length - at < headerBytes + length) break;
    frames.push(parseFrame(bytes.subarray(at, at + headerBytes + length)));
    at += headerBytes + length;
  }
  return { frames, rest: bytes.subarray(at) };
}

function parseFrame(frame: Buffer): SpdyFrame {
  const word = frame.readUInt32BE(0);
  const end = ((frame[4] ?? 0) & endFlag) !== 0;
  const body = frame.subarray(headerBytes);
  if (word < 0x80000000) return { type: 'data', streamId: word, end, data: body };
  if (((word >>> 16) & 0x7fff) !== version) throw new RangeError('a frame of another SPDY version');
  const streamId = (): number => {
    if (body.length < 4) throw new RangeError('a SPDY control frame is too short');
    return body.readUInt32BE(0) & 0x7fffffff;
  };
  switch (word & 0xffff) {
    case types.synStream: return { type: 'synStream', streamId: streamId(), end, headerBlock: body.subarray(10) };
    case types.reset: return { type: 'reset', streamId: streamId() };
    case types.ping: return { type: 'ping', id: streamId() };
    case types.goAway: return { type: 'goAway' };
    case types.synReply: case types.headers: return { type: 'other', headerBlock: body.subarray(4) };
    default: return { type: 'other' };
  }
}

export function dataFrame(streamId: number, data: Buffer, end: boolean): Buffer {
  const head = Buffer.alloc(headerBytes);
  head.writeUInt32BE(streamId, 0);
  head[4] = end ? endFlag : 0;
  head.writeUIntBE(data.length, 5, 3);
  return Buffer.concat([head, data]);
}

function controlFrame(type: number, flags: number, body: Buffer): Buffer {
  const head = Buffer.alloc(headerBytes);
  head.writeUInt16BE(0x8000 | version, 0);
  head.writeUInt16BE(type, 2);
  head[4] = flags;
  head.writeUIntBE(body.length, 5, 3);
  return Buffer.concat([head, body]);
}

function word32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

export function replyFrame(streamId: number, headerBlock: Buffer): Buffer {
  return controlFrame(types.synReply, 0, Buffer.concat([word32(streamId), headerBlock]));
}

/** A stream that a client opens: for tests of the other side. */
export function synStreamFrame(streamId: number, headerBlock: Buffer): Buffer {
  return controlFrame(types.synStream, 0, Buffer.concat([word32(streamId), word32(0), Buffer.alloc(2), headerBlock]));
}

export function resetFrame(streamId: number): Buffer {
  const cancel = 5;
  return controlFrame(types.reset, 0, Buffer.concat([word32(streamId), word32(cancel)]));
}

export function pingFrame(id: number): Buffer {
  return controlFrame(types.ping, 0, word32(id));
}
