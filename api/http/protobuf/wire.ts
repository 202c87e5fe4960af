import { failure } from '../../../machinery/status.ts';

/** A number (varint, fixed; a bigint where a double is not exact) or the bytes of text or a message. Source: "Protocol Buffers: encoding". */
export type Value = number | bigint | Buffer;

/** The fields of one message in the order in which they stand. Throws 400. */
export function fieldsIn(bytes: Buffer): [number, Value][] {
  const fields: [number, Value][] = [];
  const at = { offset: 0 };
  while (at.offset < bytes.length) {
    const tag = Number(varint(bytes, at));
    const value = valueOf(bytes, at, tag & 7);
    fields.push([Math.floor(tag / 8), value]);
  }
  return fields;
}

interface Cursor {
  offset: number;
}

function valueOf(bytes: Buffer, at: Cursor, wireType: number): Value {
  switch (wireType) {
    case 0: return varint(bytes, at);
    case 1: return take(bytes, at, 8).readDoubleLE();
    case 2: return take(bytes, at, Number(varint(bytes, at)));
    case 5: return take(bytes, at, 4).readFloatLE();
    default: throw malformed();
  }
}

/** Signed 64 bits. */
function varint(bytes: Buffer, at: Cursor): number | bigint {
  let value = 0;
  for (let length = 0; length < 4; length++) {
    const byte = byteAt(bytes, at);
    value |= (byte & 127) << (7 * length);
    if (byte < 128) return value;
  }
  let long = BigInt(value);
  for (let length = 4; length < 10; length++) {
    const byte = byteAt(bytes, at);
    long |= BigInt(byte & 127) << BigInt(7 * length);
    if (byte < 128) return numberOf(BigInt.asIntN(64, long));
  }
  throw malformed();
}

function numberOf(long: bigint): number | bigint {
  const number = Number(long);
  return Number.isSafeInteger(number) ? number : long;
}

function byteAt(bytes: Buffer, at: Cursor): number {
  const byte = bytes[at.offset];
  if (byte === undefined) throw malformed();
  at.offset += 1;
  return byte;
}

function take(bytes: Buffer, at: Cursor, length: number): Buffer {
  const end = at.offset + length;
  if (length < 0 || end > bytes.length) throw malformed();
  const taken = bytes.subarray(at.offset, end);
  at.offset = end;
  return taken;
}

/** The bytes of text or a message. Throws 400. */
export function bytesOf(value: Value): Buffer {
  if (Buffer.isBuffer(value)) return value;
  throw malformed('a message was expected where a number stands');
}

/** A scalar as JSON has it. Throws 400. */
export function scalar(type: string, value: Value): string | number | bigint | boolean {
  if (Buffer.isBuffer(value)) return type === 'bytes' ? value.toString('base64') : type === 'string' ? value.toString('utf8') : zeroNumber(type, value);
  if (type === 'string' || type === 'bytes') throw malformed('text was expected where a number stands');
  return type === 'bool' ? value !== 0 : value;
}

/** An absent value of a map's entry. */
function zeroNumber(type: string, value: Buffer): number | boolean {
  if (value.length > 0) throw malformed('a number was expected where text stands');
  return type === 'bool' ? false : 0;
}

export function malformed(why = 'it is not well-formed') {
  return failure('BadRequest', `unable to decode the protobuf body: ${why}`);
}
