/**
 * Kubernetes' JSONPath: `.spec.containers[0].name`, `['a.b']`, `[*]`, `[1:3]`, `[0,2]`, `..name`,
 * `[?(@.type=="Ready")].status`. A leading `$` and braces around the whole may be left out.
 * Source: "JSONPath support", kubectl reference.
 */

export type JsonPathStep =
  | { readonly type: 'field'; readonly name: string }
  | { readonly type: 'every' }
  | { readonly type: 'deep'; readonly name: string }
  | { readonly type: 'fields'; readonly names: readonly string[] }
  | { readonly type: 'items'; readonly indices: readonly number[] }
  | { readonly type: 'slice'; readonly from: number | undefined; readonly to: number | undefined; readonly step: number }
  | { readonly type: 'filter'; readonly left: Operand; readonly operator: FilterOperator; readonly right: Operand };

export type FilterOperator = '==' | '!=' | '<' | '<=' | '>' | '>=' | 'exists';
export type Operand = { readonly path: JsonPath } | { readonly value: string | number | boolean };
export type JsonPath = readonly JsonPathStep[];

/** A path that can't be read. */
export class JsonPathError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'JsonPathError';
  }
}

/** Reads a path. Throws `JsonPathError`. */
export function parseJsonPath(text: string): JsonPath {
  const bare = text.startsWith('{') && text.endsWith('}') ? text.slice(1, -1) : text;
  const steps: JsonPathStep[] = [];
  let at = bare.startsWith('$') || bare.startsWith('@') ? 1 : 0;
  while (at < bare.length) {
    const step = nextStep(bare, at);
    if (step.step !== undefined) steps.push(step.step);
    at = step.end;
  }
  return steps;
}

interface Read {
  /** Undefined: a dot alone. */
  readonly step: JsonPathStep | undefined;
  readonly end: number;
}

const name = /[^.[\]{}()\s'"]*/y;

function nextStep(text: string, at: number): Read {
  if (text[at] === '[') return bracket(text, at);
  if (text[at] !== '.') throw new JsonPathError(`unrecognized character in action: ${JSON.stringify(text[at])} (at ${at})`);
  const isDeep = text[at + 1] === '.';
  const { word, end } = wordAt(text, at + (isDeep ? 2 : 1));
  if (isDeep) return { step: { type: 'deep', name: word }, end };
  if (word === '') {
    if (end === text.length || text[end] === '[') return { step: undefined, end };
    throw new JsonPathError(`unexpected ${JSON.stringify(text[end])} (at ${end})`);
  }
  return { step: word === '*' ? { type: 'every' } : { type: 'field', name: word }, end };
}

/** A field's name; a backslash takes the next character as it is. */
function wordAt(text: string, at: number): { readonly word: string; readonly end: number } {
  let word = '';
  let end = at;
  for (;;) {
    name.lastIndex = end;
    const [part = ''] = name.exec(text) ?? [];
    const escape = part.indexOf('\\');
    if (escape < 0) return { word: word + part, end: end + part.length };
    word += part.slice(0, escape) + (text[end + escape + 1] ?? '');
    end += escape + 2;
  }
}

function bracket(text: string, at: number): Read {
  const end = closing(text, at);
  const inside = text.slice(at + 1, end).trim();
  if (inside.startsWith('?(') && inside.endsWith(')')) return { step: filter(inside.slice(2, -1)), end: end + 1 };
  return { step: selection(inside), end: end + 1 };
}

/** The bracket that closes the one at `at`; quotes and nested brackets are passed over. */
function closing(text: string, at: number): number {
  let depth = 0;
  let quote = '';
  for (let i = at; i < text.length; i++) {
    const character = text[i] ?? '';
    if (quote !== '') {
      if (character === '\\') i++;
      else if (character === quote) quote = '';
    } else if (character === "'" || character === '"') quote = character;
    else if (character === '[') depth++;
    else if (character === ']' && --depth === 0) return i;
  }
  throw new JsonPathError('unterminated array');
}

const quoted = /^'((?:[^'\\]|\\.)*)'$|^"((?:[^"\\]|\\.)*)"$/s;

function selection(inside: string): JsonPathStep {
  if (inside === '*') return { type: 'every' };
  const parts = inside.split(/,(?=(?:[^'"]*['"][^'"]*['"])*[^'"]*$)/).map((part) => part.trim());
  const names = parts.map((part) => textOf(part));
  if (names.every((one) => one !== undefined)) return names.length === 1 ? { type: 'field', name: names[0] ?? '' } : { type: 'fields', names };
  const slice = /^(-?\d+)?:(-?\d+)?(?::(\d+))?$/.exec(inside);
  if (slice !== null) return { type: 'slice', from: whole(slice[1]), to: whole(slice[2]), step: whole(slice[3]) ?? 1 };
  if (!parts.every((part) => /^-?\d+$/.test(part))) throw new JsonPathError(`invalid array index ${inside}`);
  return { type: 'items', indices: parts.map(Number) };
}

function whole(text: string | undefined): number | undefined {
  return text === undefined ? undefined : Number(text);
}

function textOf(part: string): string | undefined {
  const match = quoted.exec(part);
  return match === null ? undefined : (match[1] ?? match[2] ?? '').replaceAll(/\\(.)/gs, '$1');
}

function filter(text: string): JsonPathStep {
  const match = /^(.*?)\s*(==|!=|<=|>=|<|>)\s*(.*)$/s.exec(text.trim());
  if (match === null) return { type: 'filter', left: operand(text.trim()), operator: 'exists', right: { value: true } };
  const [, left = '', operator = '==', right = ''] = match;
  return { type: 'filter', left: operand(left), operator: operator as FilterOperator, right: operand(right.trim()) };
}

function operand(text: string): Operand {
  if (text.startsWith('@') || text.startsWith('$')) return { path: parseJsonPath(text) };
  const string = textOf(text);
  if (string !== undefined) return { value: string };
  if (text === 'true' || text === 'false') return { value: text === 'true' };
  if (text !== '' && !Number.isNaN(Number(text))) return { value: Number(text) };
  throw new JsonPathError(`unrecognized identifier ${text}`);
}
