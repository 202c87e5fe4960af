import { characters, indexOf, offsetOf } from '../characters.ts';
import { scaled, sizeOf, textLength, traversal, unknownSize, wholeWalk, character, type CallCost } from '../cost.ts';
import { CelError } from '../errors.ts';
import { define, type CallContext, type Overload } from '../functions.ts';
import { ListValue } from '../values.ts';
import { format } from './format-text.ts';

function within(text: string, index: bigint): number {
  const at = Number(index);
  if (at < 0 || at > characters(text)) throw new CelError(`index out of range: ${at}`);
  return at;
}

function substring(text: string, start: bigint, end?: bigint): string {
  const from = within(text, start);
  if (end === undefined) return text.slice(offsetOf(text, from));
  const to = within(text, end);
  if (from > to) throw new CelError(`invalid substring range. start: ${from}, end: ${to}`);
  return text.slice(offsetOf(text, from), offsetOf(text, to));
}

function firstIndex(text: string, part: string, from = 0n): bigint {
  if (part === '') return BigInt(within(text, from));
  const found = text.indexOf(part, offsetOf(text, within(text, from)));
  return found < 0 ? -1n : BigInt(indexOf(text, found));
}

function lastIndex(text: string, part: string, from?: bigint): bigint {
  if (part === '') return from === undefined ? BigInt(characters(text)) : BigInt(within(text, from));
  const found = from === undefined ? text.lastIndexOf(part) : text.lastIndexOf(part, offsetOf(text, within(text, from)));
  return found < 0 ? -1n : BigInt(indexOf(text, found));
}

/** At most `limit` parts; below 0 all of them. */
function split(text: string, separator: string, limit = -1n): ListValue {
  if (limit === 0n) return ListValue.of([]);
  const parts = separator === '' ? [...text] : text.split(separator);
  if (limit < 0n || BigInt(parts.length) <= limit) return ListValue.of(parts);
  const most = Number(limit);
  return ListValue.of([...parts.slice(0, most - 1), parts.slice(most - 1).join(separator)]);
}

function replace(text: string, part: string, by: string, limit: bigint | CallContext, context?: CallContext): string {
  const most = typeof limit === 'bigint' && limit >= 0n ? Number(limit) : Infinity;
  const charge = typeof limit === 'bigint' ? context?.charge : limit.charge;
  const parts = part === '' ? ['', ...text, ''] : text.split(part);
  const times = Math.min(most, parts.length - 1);
  // What is built may be far longer than what it is built of.
  charge?.(Math.ceil(Math.max(0, times * by.length - text.length) * character));
  return parts.slice(0, times + 1).join(by) + (times < parts.length - 1 ? part + parts.slice(times + 1).join(part) : '');
}

function join(list: ListValue, separator: string, { charge }: CallContext): string {
  const parts: string[] = [];
  let length = 0;
  for (const item of list) {
    if (typeof item !== 'string') throw new CelError('no such overload');
    parts.push(item);
    length += item.length + separator.length;
  }
  charge(Math.ceil(length * 2 * character));
  return parts.join(separator);
}

const lower = (text: string): string => text.replaceAll(/[A-Z]+/g, (run) => run.toLowerCase());
const upper = (text: string): string => text.replaceAll(/[a-z]+/g, (run) => run.toUpperCase());
/** Unicode's White_Space. */
const trim = (text: string): string => text.replace(/^[\p{White_Space}]+/u, '').replace(/[\p{White_Space}]+$/u, '');

const quoted: Readonly<Record<string, string>> = { '\u0007': '\\a', '\b': '\\b', '\f': '\\f', '\n': '\\n', '\r': '\\r', '\t': '\\t', '\u000b': '\\v', '\\': '\\\\', '"': '\\"' };
// oxlint-disable-next-line no-control-regex -- these are what gets escaped
const quote = (text: string): string => `"${text.replaceAll(/[\u0007-\r\\"]/g, (one) => quoted[one] ?? one)}"`;

const walked = traversal(0, 1, true);
const copied: CallCost = {
  before: (args) => Math.ceil(sizeOf(args[0]) * 2 * character),
  estimate: ([text, part, by]) => {
    const size = text?.size ?? unknownSize;
    const from = part?.size ?? unknownSize;
    const to = by?.size ?? unknownSize;
    const times = from.min === 0 ? size.max + 1 : to.max <= from.min ? 0 : Math.ceil(size.max / from.min);
    const kept = from.min === 0 || to.max <= from.min ? size.max : 0;
    return { cost: scaled(size, 2 * character), size: { min: 0, max: (times === 0 ? 0 : times * to.max) + kept } };
  },
};
const cut: CallCost = {
  before: (args) => Math.ceil(sizeOf(args[0]) * 2 * character),
  estimate: ([text]) => ({ cost: scaled(text?.size ?? unknownSize, 2 * character), size: { min: 0, max: text?.size.max ?? Infinity } }),
};
const joined: CallCost = {
  before: () => 1,
  estimate: ([list, separator]) => {
    const count = list?.size ?? unknownSize;
    const each = (list?.elements?.size.max ?? Infinity) + (separator?.size.max ?? 0);
    const size = { min: 0, max: count.max === 0 || each === 0 ? 0 : count.max * each };
    return { cost: scaled(size, character), size };
  },
};

/** Kubernetes' string functions: the extension library "Strings", version 2. */
export const strings: readonly Overload[] = [
  define('string::charAt(int): string', (text: string, index: bigint) => {
    const at = within(text, index);
    return text.slice(offsetOf(text, at), offsetOf(text, at + 1));
  }, { cost: textLength }),
  define('string::indexOf(string): int', (text: string, part: string) => firstIndex(text, part), { cost: wholeWalk }),
  define('string::indexOf(string, int): int', (text: string, part: string, from: bigint) => firstIndex(text, part, from), { cost: wholeWalk }),
  define('string::lastIndexOf(string): int', (text: string, part: string) => lastIndex(text, part), { cost: wholeWalk }),
  define('string::lastIndexOf(string, int): int', (text: string, part: string, from: bigint) => lastIndex(text, part, from), { cost: wholeWalk }),
  define('string::lowerAscii(): string', lower, { cost: walked }),
  define('string::upperAscii(): string', upper, { cost: walked }),
  define('string::trim(): string', trim, { cost: walked }),
  define('string::substring(int): string', (text: string, from: bigint) => substring(text, from), { cost: walked }),
  define('string::substring(int, int): string', (text: string, from: bigint, to: bigint) => substring(text, from, to), { cost: walked }),
  define('string::replace(string, string): string', replace, { cost: copied }),
  define('string::replace(string, string, int): string', replace, { cost: copied }),
  define('string::split(string): list<string>', (text: string, separator: string) => split(text, separator), { cost: cut }),
  define('string::split(string, int): list<string>', (text: string, separator: string, limit: bigint) => split(text, separator, limit), { cost: cut }),
  define('list<string>::join(): string', (list: ListValue, context: CallContext) => join(list, '', context), { cost: joined }),
  define('list<string>::join(string): string', join, { cost: joined }),
  define('string::format(list<dyn>): string', (text: string, values: ListValue, { charge }: CallContext) => format(text, [...values], charge), { cost: traversal(0) }),
  define('strings.quote(string): string', quote, { cost: traversal(0) }),
];
