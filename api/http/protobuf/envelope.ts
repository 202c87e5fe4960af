/**
 * What stands around messages: `k8s\0` and a `runtime.Unknown`, which says of what kind the message is; in a watch's stream a length and a
 * `WatchEvent`. Source: "Protobuf encoding", API concepts.
 */

const magic = Buffer.from('k8s\0');
/** `contentEncoding` and `contentType`, which are empty. */
const tail = Buffer.from([0x1a, 0, 0x22, 0]);

/** One length-delimited field. */
export function field(number: number, ...content: readonly Buffer[]): Buffer {
  const size = content.reduce((sum, { length }) => sum + length, 0);
  return Buffer.concat([fieldHead(number, size), ...content]);
}

/** Tag and length of a length-delimited field. */
export function fieldHead(number: number, size: number): Buffer {
  return Buffer.from([...varint(number * 8 + 2), ...varint(size)]);
}

function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) + 0x80);
  bytes.push(rest);
  return bytes;
}

const heads = new Map<string, Buffer>();
/** Kinds are few; a server that has met more than these begins anew. */
const maxHeads = 512;

/** Everything before the message itself. */
function typeHead(apiVersion: string, kind: string): Buffer {
  const key = `${apiVersion} ${kind}`;
  const known = heads.get(key);
  if (known !== undefined) return known;
  if (heads.size >= maxHeads) heads.clear();
  const head = Buffer.concat([magic, field(1, field(1, Buffer.from(apiVersion)), field(2, Buffer.from(kind)))]);
  heads.set(key, head);
  return head;
}

/** A message that says what it is. */
export function envelope(apiVersion: string, kind: string, message: Buffer): Buffer {
  return Buffer.concat([typeHead(apiVersion, kind), fieldHead(2, message.length), message, tail]);
}

/** As `envelope`, of a message in pieces: a list's. They are read twice. */
export function* envelopePieces(apiVersion: string, kind: string, pieces: readonly Buffer[]): Generator<Buffer> {
  const size = pieces.reduce((sum, { length }) => sum + length, 0);
  yield typeHead(apiVersion, kind);
  yield fieldHead(2, size);
  yield* pieces;
  yield tail;
}

/** One event of a watch: its length in four bytes, then `WatchEvent` with the object in its own envelope. */
export function watchFrame(type: string, object: Buffer): Buffer {
  const event = Buffer.concat([field(1, Buffer.from(type)), field(2, field(1, object))]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(event.length);
  return Buffer.concat([length, event]);
}
