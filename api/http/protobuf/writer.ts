import { keptCopy } from '../../../machinery/kept-bytes.ts';

/**
 * Writes messages from their end to their beginning: a message's length is known when its head is written, and nothing is measured
 * or moved. Source: "Protocol Buffers: encoding".
 */
export interface Writer {
  /** How much has been written: the difference of two is a length. */
  readonly length: number;
  /** Not negative, below 2⁵³; or any 64 bits as a bigint. */
  varint(value: number | bigint): void;
  text(value: string): void;
  bytes(value: Uint8Array): void;
  double(value: number): void;
  /** What has been written since `mark`, an earlier `length`, as a buffer of its own; forgets it. */
  take(mark: number): Buffer;
}

const startBytes = 64 * 1024;
/** Kept between two objects, at most. */
const keptBytes = 4 * 1024 * 1024;
/** Up to this length text is written character by character, which is faster than a call into the engine. */
const shortText = 48;
const bits64 = 64;

export function createWriter(): Writer {
  let buffer = Buffer.allocUnsafeSlow(startBytes);
  /** Where the written part begins. */
  let at = buffer.length;

  function room(size: number): void {
    if (at >= size) return;
    const used = buffer.length - at;
    const larger = Buffer.allocUnsafeSlow(Math.max(buffer.length * 2, used + size));
    buffer.copy(larger, larger.length - used, at);
    buffer = larger;
    at = larger.length - used;
  }

  function varint(value: number | bigint): void {
    room(10);
    if (typeof value === 'bigint') long(BigInt.asUintN(bits64, value));
    else if (value < 0x80) buffer[--at] = value;
    else if (value < 0x4000) {
      buffer[--at] = value >>> 7;
      buffer[--at] = (value & 0x7f) | 0x80;
    } else if (Number.isSafeInteger(value)) wide(value);
    else long(BigInt.asUintN(bits64, BigInt(Math.trunc(value))));
  }

  function wide(value: number): void {
    const start = at;
    let size = 1;
    for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) size += 1;
    at -= size;
    let rest = value;
    for (let offset = at; offset < start - 1; offset++) {
      buffer[offset] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    buffer[start - 1] = rest;
  }

  function long(value: bigint): void {
    const parts: number[] = [];
    let rest = value;
    do {
      parts.push(Number(rest & 0x7fn) | (rest >= 0x80n ? 0x80 : 0));
      rest >>= 7n;
    } while (rest > 0n);
    at -= parts.length;
    buffer.set(parts, at);
  }

  function text(value: string): void {
    const { length } = value;
    room(length * 3);
    if (length <= shortText && ascii(value)) return;
    const size = Buffer.byteLength(value);
    at -= size;
    buffer.write(value, at, size, size === length ? 'latin1' : 'utf8');
  }

  /** False, and nothing is written: the text needs another encoding. */
  function ascii(value: string): boolean {
    let offset = at;
    for (let index = value.length - 1; index >= 0; index--) {
      const code = value.charCodeAt(index);
      if (code >= 0x80) return false;
      buffer[--offset] = code;
    }
    at = offset;
    return true;
  }

  return {
    get length() {
      return buffer.length - at;
    },
    varint,
    text,
    bytes(value) {
      room(value.length);
      at -= value.length;
      buffer.set(value, at);
    },
    double(value) {
      room(8);
      at -= 8;
      buffer.writeDoubleLE(value, at);
    },
    take(mark) {
      const end = buffer.length - mark;
      const taken = keptCopy(buffer.subarray(at, end));
      at = end;
      if (mark === 0 && buffer.length > keptBytes) {
        buffer = Buffer.allocUnsafeSlow(startBytes);
        at = buffer.length;
      }
      return taken;
    },
  };
}
