/**
 * Finds `metadata` in canonical JSON without parsing it. Bytes that are structure in JSON (quotes, braces) never occur inside
 * a multi-byte UTF-8 sequence, so bytes can be walked as they are.
 */
const quote = 0x22;
const backslash = 0x5c;
const colon = 0x3a;
const comma = 0x2c;
const openBracket = 0x5b;
const closeBracket = 0x5d;
const openBrace = 0x7b;
const closeBrace = 0x7d;

/** Half-open range of bytes. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** Where the top-level `metadata` object is, braces included; undefined if there is none. */
export function metadataSpan(json: Buffer): Span | undefined {
  return member(json, 0, 'metadata');
}

/** Where the value of `name` is in the object that starts at `at`; undefined if it has no such member or isn't an object. */
export function member(json: Buffer, at: number, name: string): Span | undefined {
  const start = memberStart(json, at, name);
  return start === undefined ? undefined : { start, end: endOfValue(json, start) };
}

/** Where that value begins. */
export function memberStart(json: Buffer, at: number, name: string): number | undefined {
  if (json[at] !== openBrace) return undefined;
  let i = at + 1;
  while (i < json.length && json[i] !== closeBrace) {
    const keyEnd = endOfString(json, i);
    const start = keyEnd + 1;
    if (json[keyEnd] === colon && keyEnd - i - 2 === name.length && json.toString('latin1', i + 1, keyEnd - 1) === name) return start;
    const end = endOfValue(json, start);
    i = json[end] === closeBrace ? end : end + 1;
  }
  return undefined;
}

/** `at` is on the opening quote; the result is past the closing one. */
function endOfString(json: Buffer, at: number): number {
  let i = at + 1;
  while (i < json.length && json[i] !== quote) i += json[i] === backslash ? 2 : 1;
  return i + 1;
}

/** Past the value that starts at `at`, on the comma or brace that follows it. */
export function endOfValue(json: Buffer, at: number): number {
  let depth = 0;
  let i = at;
  while (i < json.length) {
    const byte = json[i] ?? 0;
    if (byte === quote) {
      i = endOfString(json, i);
    } else if (byte === openBrace || byte === openBracket) {
      depth++;
      i++;
    } else if (byte === closeBrace || byte === closeBracket) {
      if (depth === 0) return i;
      depth--;
      i++;
    } else if (byte === comma && depth === 0) {
      return i;
    } else {
      i++;
    }
  }
  return i;
}
