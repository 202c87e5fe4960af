import { character, comparison, concatenation, flat, listConcatenation } from '../cost.ts';
import { CelError } from '../errors.ts';
import { compareBytes, compareNumbers, compareStrings, equals, isNumeric, type Numeric } from '../equality.ts';
import { define, type CallContext, type Overload } from '../functions.ts';
import { Duration, ListValue, MapValue, ObjectValue, Timestamp, Uint, type Value } from '../values.ts';
import { firstInstant, lastInstant } from '../times.ts';

const leastInt = -(2n ** 63n);
const greatestInt = 2n ** 63n - 1n;
const greatestUint = 2n ** 64n - 1n;

export function checkedInt(value: bigint): bigint {
  if (value < leastInt || value > greatestInt) throw new CelError('integer overflow');
  return value;
}

export function checkedUint(value: bigint): Uint {
  if (value < 0n || value > greatestUint) throw new CelError('unsigned integer overflow');
  return new Uint(value);
}

export function checkedTimestamp(nanos: bigint, offsetMinutes = 0): Timestamp {
  if (nanos < firstInstant || nanos > lastInstant) throw new CelError('timestamp overflow');
  return new Timestamp(nanos, offsetMinutes);
}

export function checkedDuration(nanos: bigint): Duration {
  if (nanos < leastInt || nanos > greatestInt) throw new CelError('duration overflow');
  return new Duration(nanos);
}

const nonZero = (value: bigint, what: string): bigint => {
  if (value === 0n) throw new CelError(`${what} by zero`);
  return value;
};

/** Arithmetic. `&&`, `||`, `?:`, `==`, `!=` and `in` are the evaluator's own; they are here for their types and costs. */
const arithmetic: readonly Overload[] = [
  define('_+_(int, int): int', (a: bigint, b: bigint) => checkedInt(a + b)),
  define('_+_(uint, uint): uint', (a: Uint, b: Uint) => checkedUint(a.value + b.value)),
  define('_+_(double, double): double', (a: number, b: number) => a + b),
  define('_+_(string, string): string', (a: string, b: string) => a + b, { cost: concatenation }),
  define('_+_(bytes, bytes): bytes', (a: Uint8Array, b: Uint8Array) => Uint8Array.from([...a, ...b]), { cost: concatenation }),
  define('_+_(list<T>, list<T>): list<T>', concatenate, { cost: listConcatenation }),
  define('_+_(timestamp, duration): timestamp', (a: Timestamp, b: Duration) => checkedTimestamp(a.nanos + b.nanos, a.offsetMinutes)),
  define('_+_(duration, timestamp): timestamp', (a: Duration, b: Timestamp) => checkedTimestamp(a.nanos + b.nanos, b.offsetMinutes)),
  define('_+_(duration, duration): duration', (a: Duration, b: Duration) => checkedDuration(a.nanos + b.nanos)),
  define('_-_(int, int): int', (a: bigint, b: bigint) => checkedInt(a - b)),
  define('_-_(uint, uint): uint', (a: Uint, b: Uint) => checkedUint(a.value - b.value)),
  define('_-_(double, double): double', (a: number, b: number) => a - b),
  define('_-_(timestamp, timestamp): duration', (a: Timestamp, b: Timestamp) => checkedDuration(a.nanos - b.nanos)),
  define('_-_(timestamp, duration): timestamp', (a: Timestamp, b: Duration) => checkedTimestamp(a.nanos - b.nanos, a.offsetMinutes)),
  define('_-_(duration, duration): duration', (a: Duration, b: Duration) => checkedDuration(a.nanos - b.nanos)),
  define('_*_(int, int): int', (a: bigint, b: bigint) => checkedInt(a * b)),
  define('_*_(uint, uint): uint', (a: Uint, b: Uint) => checkedUint(a.value * b.value)),
  define('_*_(double, double): double', (a: number, b: number) => a * b),
  define('_/_(int, int): int', (a: bigint, b: bigint) => checkedInt(a / nonZero(b, 'division'))),
  define('_/_(uint, uint): uint', (a: Uint, b: Uint) => new Uint(a.value / nonZero(b.value, 'division'))),
  define('_/_(double, double): double', (a: number, b: number) => a / b),
  define('_%_(int, int): int', (a: bigint, b: bigint) => a % nonZero(b, 'modulus')),
  define('_%_(uint, uint): uint', (a: Uint, b: Uint) => new Uint(a.value % nonZero(b.value, 'modulus'))),
  define('-_(int): int', (a: bigint) => checkedInt(-a)),
  define('-_(double): double', (a: number) => -a),
  define('-_(duration): duration', (a: Duration) => checkedDuration(-a.nanos)),
  define('!_(bool): bool', (a: boolean) => !a),
];

/** Set and map lists of schemas: what is on both sides comes once, the right side's value in the left side's place. */
function concatenate(a: ListValue, b: ListValue, { charge }: CallContext): ListValue {
  const type = a.type ?? b.type;
  if (a.type?.listType === undefined) return ListValue.of([...a, ...b], undefined);
  const same = a.type.listType === 'set' ? (x: Value, y: Value) => equals(x, y) : (x: Value, y: Value) => keysEqual(x, y, a.type?.mapKeys ?? []);
  charge(Math.ceil(a.length * b.length * character));
  const right = [...b];
  const merged = [...a].map((item) => {
    const at = right.findIndex((other) => same(item, other));
    return at < 0 ? item : right.splice(at, 1)[0] ?? item;
  });
  return ListValue.of([...merged, ...right], type);
}

function keysEqual(a: Value, b: Value, keys: readonly string[]): boolean {
  return keys.every((key) => {
    const mine = fieldOf(a, key);
    const theirs = fieldOf(b, key);
    return mine === undefined || theirs === undefined ? mine === theirs : equals(mine, theirs);
  });
}

function fieldOf(value: Value, key: string): Value | undefined {
  return value instanceof MapValue || value instanceof ObjectValue ? value.get(key) : undefined;
}

const orders: readonly [string, (order: number) => boolean][] = [
  ['_<_', (order) => order < 0], ['_<=_', (order) => order <= 0], ['_>_', (order) => order > 0], ['_>=_', (order) => order >= 0],
];

/** Numbers compare across their types; a NaN is in no order with anything. */
const ordering: readonly Overload[] = orders.flatMap(([name, holds]) => [
  ...['int', 'uint', 'double'].flatMap((left) => ['int', 'uint', 'double'].map((right) =>
    define(`${name}(${left}, ${right}): bool`, (a: Numeric, b: Numeric) => {
      const order = compareNumbers(a, b);
      return order !== undefined && holds(order);
    }))),
  define(`${name}(bool, bool): bool`, (a: boolean, b: boolean) => holds(Number(a) - Number(b))),
  define(`${name}(string, string): bool`, (a: string, b: string) => holds(compareStrings(a, b)), { cost: comparison }),
  define(`${name}(bytes, bytes): bool`, (a: Uint8Array, b: Uint8Array) => holds(compareBytes(a, b)), { cost: comparison }),
  ...['timestamp', 'duration'].map((type) => define(`${name}(${type}, ${type}): bool`, (a: { nanos: bigint }, b: { nanos: bigint }) => holds(compareNumbers(a.nanos, b.nanos) ?? 0))),
]);

/** An index may be of any numeric type as long as it is whole. */
export function elementAt(values: ListValue, index: Value): Value {
  if (!isNumeric(index)) throw new CelError('no such overload');
  const at = Number(index instanceof Uint ? index.value : index);
  if (!Number.isInteger(at)) throw new CelError(`unsupported index value in list: ${String(index)}`);
  if (at < 0 || at >= values.length) throw new CelError(`index out of bounds: ${at}`);
  return values.at(at);
}

export function showKey(key: Value): string {
  return key instanceof Uint ? String(key.value) : String(key);
}

/** The evaluator's own, for their types and estimates. */
const special = (): never => { throw new CelError('no such overload'); };
const controlling: readonly Overload[] = [
  define('_&&_(bool, bool): bool', special, { cost: flat(0) }),
  define('_||_(bool, bool): bool', special, { cost: flat(0) }),
  define('_?_:_(bool, T, T): T', special, { cost: flat(0) }),
  define('_==_(T, T): bool', special, { cost: comparison }),
  define('_!=_(T, T): bool', special, { cost: comparison }),
  define('@in(T, list<T>): bool', special, { cost: { before: () => 0, estimate: ([, values]) => ({ cost: values?.size ?? { min: 0, max: Infinity } }) } }),
  define('@in(T, map<T, V>): bool', special),
  define('_[_](list<T>, int): T', special),
  define('_[_](map<K, V>, K): V', special),
  define('_[?_](list<T>, int): optional<T>', special),
  define('_[?_](map<K, V>, K): optional<V>', special),
  define('_[?_](optional<list<V>>, int): optional<V>', special),
  define('_[?_](optional<map<K, V>>, K): optional<V>', special),
  define('_[_](optional<list<V>>, int): optional<V>', special),
  define('_[_](optional<map<K, V>>, K): optional<V>', special),
];

export const operators: readonly Overload[] = [...arithmetic, ...ordering, ...controlling];
