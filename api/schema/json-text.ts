import { isUtf8 } from 'node:buffer';
import { parseExact } from './json-exact.ts';
import { scanJson } from './json-scan.ts';
import { DecodeProblem, pathText } from './walk/problem.ts';

/**
 * JSON bodies before and after `JSON.parse`: what it lets through and a server may not (depth, broken UTF-8, keys that occur
 * twice), what it would round, and its failures in the words that Kubernetes' clients know.
 */

export interface JsonBody {
  /** Whole numbers beyond 2⁵³ are bigints. */
  readonly value: unknown;
  /** Paths of the keys that occur more than once in their object; at most a hundred. */
  readonly duplicates: readonly string[];
  /** `duplicates` and the paths of `unknown` fields, each as a problem's text, in the order of the body. Absent without duplicates. */
  readonly inOrder?: (unknown: readonly string[]) => readonly string[];
}

/** As many as Kubernetes reports. */
const mostProblems = 100;

/** Reads a body. Throws `DecodeProblem`; `TooLargeProblem` when it holds more than can be stored. */
export function readJson(bytes: Buffer): JsonBody {
  if (!isUtf8(bytes)) throw new DecodeProblem('invalid UTF-8 in the body');
  const { hasRepeatedKeys, longNumbers } = scanJson(bytes);
  const text = bytes.toString();
  const value = parse(text, bytes, longNumbers);
  const duplicates = hasRepeatedKeys ? strictProblems(text, new Set()).map(({ path }) => path) : [];
  if (duplicates.length === 0) return { value, duplicates };
  const inOrder = (unknown: readonly string[]): readonly string[] => strictProblems(text, new Set(unknown)).map(({ what, path }) => `${what} field ${JSON.stringify(path)}`);
  return { value, duplicates, inOrder };
}

function parse(text: string, bytes: Buffer, longNumbers: readonly number[]): unknown {
  try {
    if (longNumbers.length === 0) return JSON.parse(text);
    // The scanner counts bytes, the parser UTF-16 units.
    return parseExact(text, text.length === bytes.length ? longNumbers : inUnits(bytes, longNumbers));
  } catch (cause) {
    throw new DecodeProblem(syntaxProblem(text, longNumbers.length === 0 ? cause : complaintAbout(text)), { cause });
  }
}

/** What `JSON.parse` says of the text as it came. */
function complaintAbout(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    return error;
  }
}

function inUnits(bytes: Buffer, offsets: readonly number[]): number[] {
  let at = 0;
  let units = 0;
  return offsets.map((offset) => {
    units += bytes.toString('utf8', at, offset).length;
    at = offset;
    return units;
  });
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

const quote = 0x22;
const backslash = 0x5c;

/** A container that is open: the keys seen in an object, or undefined in an array. `step` is where the walk is in it. */
interface Open {
  readonly keys: Set<string> | undefined;
  step: string | number;
}

interface StrictProblem {
  readonly what: 'duplicate' | 'unknown';
  readonly path: string;
}

/** What a walk has found and looks for. */
interface Finds {
  readonly unknown: ReadonlySet<string>;
  /** By `what` and path. */
  readonly found: Map<string, StrictProblem>;
}

/** The slow look, at text that is known to be well-formed. `unknown`: paths of fields that are problems as well. */
function strictProblems(text: string, unknown: ReadonlySet<string>): readonly StrictProblem[] {
  const found = new Map<string, StrictProblem>();
  const open: Open[] = [];
  let last = '';
  for (let i = 0; i < text.length && found.size < mostProblems; i++) {
    const top = open.at(-1);
    switch (text.charCodeAt(i)) {
      case quote: {
        const end = endOfString(text, i);
        // The value of a member needs no look: only what stands before a colon is a key.
        last = text.slice(i, end + 1);
        i = end;
        break;
      }
      case 0x7b: open.push({ keys: new Set(), step: '' }); break;
      case 0x5b: open.push({ keys: undefined, step: 0 }); break;
      case 0x7d: case 0x5d: open.pop(); break;
      case 0x2c: if (top !== undefined && typeof top.step === 'number') top.step++; break;
      case 0x3a: if (top?.keys !== undefined) see(open, top, top.keys, last, { unknown, found }); break;
      default:
    }
  }
  return [...found.values()];
}

function see(open: readonly Open[], top: Open, keys: Set<string>, quoted: string, { unknown, found }: Finds): void {
  const key = quoted.includes('\\') ? String(JSON.parse(quoted)) : quoted.slice(1, -1);
  top.step = key;
  const isRepeated = keys.has(key);
  keys.add(key);
  if (!isRepeated && unknown.size === 0) return;
  const path = pathText(open.map(({ step }) => step));
  for (const what of ['duplicate', 'unknown'] as const) {
    if (what === 'duplicate' ? isRepeated : unknown.has(path)) found.set(`${what} ${path}`, found.get(`${what} ${path}`) ?? { what, path });
  }
}

/** `at` is on the opening quote; the result is on the closing one, or past the end. */
function endOfString(text: string, at: number): number {
  let i = at + 1;
  for (let code = text.charCodeAt(i); i < text.length && code !== quote; code = text.charCodeAt(i)) i += code === backslash ? 2 : 1;
  return i;
}
