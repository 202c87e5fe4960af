import type { Issue } from './errors.ts';
import type { Literal } from './ast.ts';
import { readEscapes } from './escapes.ts';

export interface Token {
  readonly type: 'ident' | 'quoted-ident' | 'literal' | 'op' | 'end';
  /** The source text; of a quoted identifier what is within the quotes. */
  readonly text: string;
  readonly value?: Literal;
  /** In code points. */
  readonly at: number;
}

/** Thrown by the lexer and the parser, caught where compilation starts. */
export class SyntaxProblem extends Error {
  readonly issue: Issue;

  constructor(offset: number, message: string) {
    super(message);
    this.issue = { offset, message: `Syntax error: ${message}` };
  }
}

const space = /[\t\n\f\r ]+|\/\/[^\n]*/y;
const identifier = /[_a-zA-Z][_a-zA-Z0-9]*/y;
const quotedIdentifier = /`([a-zA-Z0-9_.\-/ ]+)`/y;
const number = /(?:\d+\.\d+(?:[eE][+-]?\d+)?|\d+[eE][+-]?\d+|\.\d+(?:[eE][+-]?\d+)?)|(?:0x[0-9a-fA-F]+|\d+)[uU]?/y;
const text = /([rR]?[bB]?|[bB][rR])("""|'''|"|')/y;
const operator = /&&|\|\||==|!=|<=|>=|[-+*/%!<>=?:.,()[\]{}]/y;

const largest = 2n ** 63n;
const largestUnsigned = 2n ** 64n - 1n;

/** Cuts a source text into tokens. Throws `SyntaxProblem`. */
export function tokenize(source: string): Token[] {
  const tokens: Token[] = [];
  const position = positions(source);
  let i = 0;
  const match = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = i;
    return pattern.exec(source);
  };
  while (i < source.length) {
    const blank = match(space);
    if (blank !== null) {
      i += blank[0].length;
      continue;
    }
    const at = position(i);
    const opening = match(text);
    if (opening !== null) {
      const end = readText(source, i, opening, at);
      tokens.push(end.token);
      i = end.next;
      continue;
    }
    const found = match(identifier) ?? match(quotedIdentifier) ?? match(number) ?? match(operator);
    if (found === null) throw new SyntaxProblem(at, `token recognition error at: '${String.fromCodePoint(source.codePointAt(i) ?? 0)}'`);
    tokens.push(tokenOf(found, at));
    i += found[0].length;
  }
  tokens.push({ type: 'end', text: '<EOF>', at: position(source.length) });
  return tokens;
}

function tokenOf(found: RegExpExecArray, at: number): Token {
  const word = found[0];
  if (found[1] !== undefined && word.startsWith('`')) return { type: 'quoted-ident', text: found[1], at };
  if (/^[_a-zA-Z]/.test(word)) return wordToken(word, at);
  if (/^\.?\d/.test(word)) return { type: 'literal', text: word, value: numberOf(word, at), at };
  return { type: 'op', text: word, at };
}

function wordToken(word: string, at: number): Token {
  switch (word) {
    case 'true': return { type: 'literal', text: word, value: true, at };
    case 'false': return { type: 'literal', text: word, value: false, at };
    case 'null': return { type: 'literal', text: word, value: null, at };
    case 'in': return { type: 'op', text: word, at };
    default: return { type: 'ident', text: word, at };
  }
}

/** An int may be 2^63 here: only a minus before it makes it valid, which the parser sees to. */
function numberOf(word: string, at: number): Literal {
  if (word.startsWith('0x') || /^\d+[uU]?$/.test(word)) {
    const unsigned = /[uU]$/.test(word);
    const value = BigInt(unsigned ? word.slice(0, -1) : word);
    if (unsigned && value > largestUnsigned) throw new SyntaxProblem(at, 'invalid uint literal');
    if (!unsigned && value > largest) throw new SyntaxProblem(at, 'invalid int literal');
    return unsigned ? { uint: value } : value;
  }
  const value = Number(word);
  if (!Number.isFinite(value)) throw new SyntaxProblem(at, 'invalid double literal');
  return value;
}

function readText(source: string, start: number, opening: RegExpExecArray, at: number): { readonly token: Token; readonly next: number } {
  const prefix = (opening[1] ?? '').toLowerCase();
  const quote = opening[2] ?? '"';
  const from = start + opening[0].length;
  const raw = prefix.includes('r');
  let i = from;
  for (;;) {
    if (i >= source.length || (quote.length === 1 && (source[i] === '\n' || source[i] === '\r'))) {
      throw new SyntaxProblem(at, `token recognition error at: '${source.slice(start, i)}'`);
    }
    if (source.startsWith(quote, i)) break;
    i += source[i] === '\\' && !raw ? 2 : 1;
  }
  const body = source.slice(from, i).replaceAll('\r\n', '\n');
  const next = i + quote.length;
  const value = readEscapes(body, { raw, bytes: prefix.includes('b') });
  if (typeof value === 'object' && 'problem' in value) throw new SyntaxProblem(at, value.problem);
  return { token: { type: 'literal', text: source.slice(start, next), value, at }, next };
}

/** UTF-16 offsets to code points; asked for in rising order. */
function positions(source: string): (offset: number) => number {
  let unit = 0;
  let point = 0;
  return (offset) => {
    while (unit < offset) {
      unit += (source.codePointAt(unit) ?? 0) > 0xffff ? 2 : 1;
      point++;
    }
    return point;
  };
}
