import { flat, pattern, search, textLength, traversal, type CallCost } from '../cost.ts';
import { CelError } from '../errors.ts';
import { define, type Overload } from '../functions.ts';
import { withPattern } from '../regex.ts';
import { parseDuration } from '../../duration.ts';
import { calendar, formatDuration, formatTimestamp, offsetOf, parseTimestamp, type CalendarParts } from '../times.ts';
import { Duration, ListValue, MapValue, Timestamp, TypeValue, Uint, type Value } from '../values.ts';
import { typeOf } from '../dispatch.ts';
import { checkedDuration, checkedInt, checkedTimestamp, checkedUint } from './operators.ts';
import { characters } from '../characters.ts';
import { showDouble } from '../numbers.ts';

const matching = withPattern((compiled, text) => compiled.matcher(text).find());

const strings: readonly Overload[] = [
  define('size(string): int', (text: string) => BigInt(characters(text)), { cost: textLength }),
  define('string::size(): int', (text: string) => BigInt(characters(text)), { cost: textLength }),
  ...['bytes', 'list<T>'].flatMap((type) => [
    define(`size(${type}): int`, (value: Uint8Array | ListValue) => BigInt(value.length)),
    define(`${type}::size(): int`, (value: Uint8Array | ListValue) => BigInt(value.length)),
  ]),
  define('size(map<K, V>): int', (value: MapValue) => BigInt(value.size)),
  define('map<K, V>::size(): int', (value: MapValue) => BigInt(value.size)),
  define('string::startsWith(string): bool', (text: string, prefix: string) => text.startsWith(prefix), { cost: traversal(1) }),
  define('string::endsWith(string): bool', (text: string, suffix: string) => text.endsWith(suffix), { cost: traversal(1) }),
  define('string::contains(string): bool', (text: string, part: string) => text.includes(part), { cost: search }),
  define('string::matches(string): bool', matching.run, { cost: pattern, prepare: matching.prepare }),
  define('matches(string, string): bool', matching.run, { cost: pattern, prepare: matching.prepare }),
];

const mostExactInt = 2 ** 63;

function doubleToInt(value: number): bigint {
  if (!(value > -mostExactInt && value < mostExactInt)) throw new CelError('integer overflow');
  return BigInt(Math.trunc(value));
}

function intOfText(text: string): bigint {
  if (!/^[+-]?\d{1,20}$/.test(text)) throw new CelError(`type conversion error from 'string' to 'int'`);
  return checkedInt(BigInt(text.startsWith('+') ? text.slice(1) : text));
}

function uintOfText(text: string): Uint {
  if (!/^\d{1,20}$/.test(text)) throw new CelError(`type conversion error from 'string' to 'uint'`);
  return checkedUint(BigInt(text));
}

const specialDoubles: Readonly<Record<string, number>> = { nan: Number.NaN, inf: Infinity, '+inf': Infinity, '-inf': -Infinity, infinity: Infinity, '+infinity': Infinity, '-infinity': -Infinity };

function doubleOfText(text: string): number {
  const special = specialDoubles[text.toLowerCase()];
  if (special !== undefined) return special;
  if (!/^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/.test(text) || !Number.isFinite(Number(text))) throw new CelError(`type conversion error from 'string' to 'double'`);
  return Number(text);
}

function boolOfText(text: string): boolean {
  if (['true', 'TRUE', 'True', 't', '1'].includes(text)) return true;
  if (['false', 'FALSE', 'False', 'f', '0'].includes(text)) return false;
  throw new CelError(`type conversion error from 'string' to 'bool'`);
}

function textOfBytes(value: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(value);
  } catch (error) {
    if (error instanceof TypeError) throw new CelError('invalid UTF-8 in bytes, cannot convert to string');
    throw error;
  }
}

function timestampOf(text: string): Timestamp {
  const nanos = parseTimestamp(text);
  if (nanos === undefined || text.length < 20) throw new CelError(`type conversion error from 'string' to 'google.protobuf.Timestamp'`);
  return new Timestamp(nanos, offsetOf(text));
}

function durationOf(text: string): Duration {
  const nanos = parseDuration(text);
  if (nanos === undefined) throw new CelError(`type conversion error from 'string' to 'google.protobuf.Duration'`);
  return new Duration(nanos);
}

const same = (value: Value): Value => value;
const constantOnly = <T extends Value>(read: (text: string) => T): Overload['prepare'] => ([text]) => {
  if (typeof text !== 'string') return undefined;
  const value = read(text);
  return () => value;
};

const conversions: readonly Overload[] = [
  ...['int', 'uint', 'double', 'string', 'bytes', 'bool', 'timestamp', 'duration'].map((type) => define(`${type}(${type}): ${type}`, same)),
  define('int(uint): int', (value: Uint) => checkedInt(value.value)),
  define('int(double): int', doubleToInt),
  define('int(string): int', intOfText),
  define('int(timestamp): int', ({ nanos }: Timestamp) => nanos / 1_000_000_000n - (nanos % 1_000_000_000n < 0n ? 1n : 0n)),
  define('int(duration): int', ({ nanos }: Duration) => nanos),
  define('uint(int): uint', (value: bigint) => checkedUint(value)),
  define('uint(double): uint', (value: number) => {
    if (!(value >= 0 && value < 2 ** 64)) throw new CelError('unsigned integer overflow');
    return new Uint(BigInt(Math.trunc(value)));
  }),
  define('uint(string): uint', uintOfText),
  define('double(int): double', (value: bigint) => Number(value)),
  define('double(uint): double', (value: Uint) => Number(value.value)),
  define('double(string): double', doubleOfText),
  define('bool(string): bool', boolOfText),
  define('string(bool): string', (value: boolean) => String(value)),
  define('string(int): string', (value: bigint) => String(value)),
  define('string(uint): string', (value: Uint) => String(value.value)),
  define('string(double): string', showDouble),
  define('string(bytes): string', textOfBytes, { cost: traversal(0) }),
  define('string(timestamp): string', ({ nanos, offsetMinutes }: Timestamp) => formatTimestamp(nanos, offsetMinutes)),
  define('string(duration): string', ({ nanos }: Duration) => formatDuration(nanos)),
  define('bytes(string): bytes', (text: string) => new TextEncoder().encode(text), { cost: traversal(0) }),
  define('timestamp(string): timestamp', timestampOf, { prepare: constantOnly(timestampOf) }),
  define('timestamp(int): timestamp', (seconds: bigint) => checkedTimestamp(seconds * 1_000_000_000n)),
  define('duration(string): duration', durationOf, { prepare: constantOnly(durationOf) }),
  define('duration(int): duration', (nanos: bigint) => checkedDuration(nanos)),
  define('dyn(T): dyn', same),
  define('type(T): type<T>', (value: Value) => new TypeValue(typeOf(value))),
];

const calendarFields: readonly [string, (parts: CalendarParts) => number][] = [
  ['getFullYear', ({ year }) => year], ['getMonth', ({ month }) => month], ['getDayOfYear', ({ dayOfYear }) => dayOfYear],
  ['getDate', ({ date }) => date], ['getDayOfMonth', ({ date }) => date - 1], ['getDayOfWeek', ({ weekday }) => weekday],
  ['getHours', ({ hours }) => hours], ['getMinutes', ({ minutes }) => minutes], ['getSeconds', ({ seconds }) => seconds],
  ['getMilliseconds', ({ milliseconds }) => milliseconds],
];

function at(field: (parts: CalendarParts) => number, nanos: bigint, zone: string): bigint {
  const parts = calendar(nanos, zone);
  if (parts === undefined) throw new CelError(`unknown time zone ${zone}`);
  return BigInt(field(parts));
}

/** Costs Kubernetes' one before evaluation; the look-up in the zone's rules counts while it runs. */
const zoned: CallCost = { ...flat(1), before: ([, zone]) => (typeof zone === 'string' && /[A-Za-z]/.test(zone) && zone !== 'UTC' ? 500 : 1) };

const times: readonly Overload[] = [
  ...calendarFields.flatMap(([name, field]) => [
    define(`timestamp::${name}(): int`, ({ nanos }: Timestamp) => at(field, nanos, 'UTC')),
    define(`timestamp::${name}(string): int`, ({ nanos }: Timestamp, zone: string) => at(field, nanos, zone), { cost: zoned }),
  ]),
  ...[['getHours', 3_600_000_000_000n], ['getMinutes', 60_000_000_000n], ['getSeconds', 1_000_000_000n]].map(([name, unit]) =>
    define(`duration::${String(name)}(): int`, ({ nanos }: Duration) => nanos / BigInt(unit ?? 1n))),
  define('duration::getMilliseconds(): int', ({ nanos }: Duration) => nanos / 1_000_000n % 1000n),
];

export const standard: readonly Overload[] = [...strings, ...conversions, ...times];
