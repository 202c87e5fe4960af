import { randomBytes } from 'node:crypto';

/**
 * Whole numbers that a double can't hold, through JSON and back: they are read as bigint and written with all their digits.
 * Everything else is as `JSON` has it.
 */

/** What stands for a long number while `JSON.parse` has the text. Nobody can write it who doesn't know it. */
const mark = `\u{f0000}${randomBytes(12).toString('base64url')}:`;

/** `text`, whose `longNumbers` (start and end in turn, in ascending order) are exact. Throws what `JSON.parse` throws. */
export function parseExact(text: string, longNumbers: readonly number[]): unknown {
  const parts: string[] = [];
  let from = 0;
  for (let i = 0; i + 1 < longNumbers.length; i += 2) {
    const [start = 0, end = 0] = [longNumbers[i], longNumbers[i + 1]];
    parts.push(text.slice(from, start), '"', mark, text.slice(start, end), '"');
    from = end;
  }
  return restored(JSON.parse(`${parts.join('')}${text.slice(from)}`));
}

/** In place: the value was just made. */
function restored(value: unknown): unknown {
  if (typeof value === 'string') return value.startsWith(mark) ? numberOf(value.slice(mark.length)) : value;
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) {
      const item: unknown = value[i];
      const exact = restored(item);
      if (exact !== item) value[i] = exact;
    }
    return value;
  }
  for (const key of Object.keys(value)) {
    const item: unknown = Reflect.get(value, key);
    const exact = restored(item);
    if (exact !== item) Object.defineProperty(value, key, { value: exact, enumerable: true, writable: true, configurable: true });
  }
  return value;
}

/** More digits than any number that is kept exactly. */
const mostDigits = 20;

function numberOf(digits: string): unknown {
  const number = Number(digits);
  return Number.isSafeInteger(number) || digits.length > mostDigits ? number : BigInt(digits);
}

/** May text hold a number that a double doesn't? */
export function mayBeLong(text: string): boolean {
  return perhapsLong.test(text);
}

const longNumber = /(?<![\d.eE+-])-?\d{16,}(?![\d.eE])/g;
const strings = /"(?:[^"\\]|\\.)*"/gs;
const perhapsLong = /\d{16}/;

/** Text that was written by `JSON.stringify` or the server's own encoder, with its long numbers exact. */
export function parseTrusted(text: string): unknown {
  if (!perhapsLong.test(text)) return JSON.parse(text);
  const spans: number[] = [];
  let from = 0;
  const look = (to: number) => {
    for (const match of text.slice(from, to).matchAll(longNumber)) spans.push(from + match.index, from + match.index + match[0].length);
  };
  for (const { 0: string, index } of text.matchAll(strings)) {
    look(index);
    from = index + string.length;
  }
  look(text.length);
  return spans.length === 0 ? JSON.parse(text) : parseExact(text, spans);
}

declare global {
  interface JSON {
    /** ECMAScript 2026; TypeScript's library doesn't know it yet. */
    rawJSON(text: string): unknown;
  }
}

/** A bigint as `JSON.stringify` takes it; everything else as it is. */
export function writable(value: unknown): unknown {
  return typeof value === 'bigint' ? JSON.rawJSON(String(value)) : value;
}

/** As `JSON.stringify`, with bigints as numbers. For values that may hold some: objects outside of the typed encoder. */
export function stringifyExact(value: unknown, indentation?: number): string {
  try {
    return JSON.stringify(value, null, indentation);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    return JSON.stringify(value, (_key, item: unknown) => writable(item), indentation);
  }
}
