import { isUtf8 } from 'node:buffer';
import { DecodeProblem, pathText } from './walk/problem.ts';

/**
 * JSON bodies before and after `JSON.parse`: what it lets through and a server may not (depth, broken UTF-8, keys that occur
 * twice), and its failures in the words that Kubernetes' clients know.
 */

/** Nested deeper than any object of the API, and shallow enough for every walk to recurse. */
export const mostDepth = 1000;

const quote = 0x22;
const backslash = 0x5c;

export interface JsonBody {
  readonly value: unknown;
  /** Paths of the keys that occur more than once in their object. */
  readonly duplicates: readonly string[];
}

/** Reads a body. Throws `DecodeProblem`. */
export function readJson(bytes: Buffer): JsonBody {
  if (!isUtf8(bytes)) throw new DecodeProblem('invalid UTF-8 in the body');
  const keys = countKeys(bytes);
  const text = bytes.toString();
  const value = parse(text);
  return { value, duplicates: keys === membersOf(value) ? [] : duplicateKeys(text) };
}

/** The number of colons outside of strings: one for each member of an object, in well-formed JSON. Throws when nested too deeply. */
function countKeys(bytes: Buffer): number {
  let depth = 0;
  let keys = 0;
  for (let i = 0; i < bytes.length; i++) {
    switch (bytes[i]) {
      case quote: i = endOfString(bytes, i); break;
      case 0x3a: keys++; break;
      case 0x7b: case 0x5b: if (++depth > mostDepth) throw new DecodeProblem('exceeded max depth'); break;
      case 0x7d: case 0x5d: depth--; break;
      default:
    }
  }
  return keys;
}

/** `at` is on the opening quote; the result is on the closing one, or past the end. */
function endOfString(bytes: Buffer, at: number): number {
  let i = at + 1;
  while (i < bytes.length && bytes[i] !== quote) i += bytes[i] === backslash ? 2 : 1;
  return i;
}

function membersOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  let count = 0;
  if (Array.isArray(value)) {
    for (const item of value) count += membersOf(item);
    return count;
  }
  for (const item of Object.values(value)) count += 1 + membersOf(item);
  return count;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new DecodeProblem(syntaxProblem(text, cause), { cause });
  }
}

/** V8's complaint as Go says it. */
function syntaxProblem(text: string, cause: unknown): string {
  const message = cause instanceof Error ? cause.message : '';
  const position = /at position (\d+)/.exec(message)?.[1];
  const token = /Unexpected token '(.)'/u.exec(message)?.[1] ?? (position === undefined ? undefined : text[Number(position)]);
  if (token === undefined || /Unexpected end|Unterminated string/.test(message)) return 'unexpected end of JSON input';
  const character = token === "'" ? String.raw`'\''` : `'${token}'`;
  if (/after (array element|property value)/.test(message)) return `invalid character ${character} after ${message.includes('array') ? 'array element' : 'object key:value pair'}`;
  if (/Expected property name|Expected double-quoted/.test(message)) return `invalid character ${character} looking for beginning of object key string`;
  if (/Expected ':'/.test(message)) return `invalid character ${character} after object key`;
  if (/Unexpected non-whitespace/.test(message)) return `invalid character ${character} after top-level value`;
  return `invalid character ${character} looking for beginning of value`;
}

/** The slow look, at text that is known to be well-formed and to have keys twice. */
function duplicateKeys(text: string): readonly string[] {
  const found = new Set<string>();
  const tokens = /"(?:[^"\\]|\\.)*"|[{}[\],:]/gs;
  /** A container that is open: the keys seen in an object, or undefined in an array. `step` is where the walk is in it. */
  const open: { readonly keys: Set<string> | undefined; step: string | number }[] = [];
  let last = '';
  for (const [token] of text.matchAll(tokens)) {
    const top = open.at(-1);
    if (token === '{') open.push({ keys: new Set(), step: '' });
    else if (token === '[') open.push({ keys: undefined, step: 0 });
    else if (token === '}' || token === ']') open.pop();
    else if (token === ',' && top !== undefined && typeof top.step === 'number') top.step++;
    else if (token === ':' && top?.keys !== undefined) {
      const key = String(JSON.parse(last));
      top.step = key;
      if (top.keys.has(key)) found.add(pathText(open.map(({ step }) => step)));
      top.keys.add(key);
    }
    last = token;
  }
  return [...found];
}
