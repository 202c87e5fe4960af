import { character, pairs, wholeWalk } from '../cost.ts';
import { CelError } from '../errors.ts';
import { compareBytes, compareNumbers, compareStrings, equals, isNumeric } from '../equality.ts';
import { define, type CallContext, type Overload } from '../functions.ts';
import { Duration, ListValue, Timestamp, Uint, type Value } from '../values.ts';
import { checkedDuration, checkedInt, checkedUint } from './operators.ts';

const comparable = ['int', 'uint', 'double', 'bool', 'duration', 'timestamp', 'string', 'bytes'];

function compare(a: Value, b: Value): number {
  if (isNumeric(a) && isNumeric(b)) return compareNumbers(a, b) ?? Number.NaN;
  if (typeof a === 'string' && typeof b === 'string') return compareStrings(a, b);
  if (typeof a === 'boolean' && typeof b === 'boolean') return Number(a) - Number(b);
  if (a instanceof Uint8Array && b instanceof Uint8Array) return compareBytes(a, b);
  if ((a instanceof Timestamp && b instanceof Timestamp) || (a instanceof Duration && b instanceof Duration)) return compareNumbers(a.nanos, b.nanos) ?? 0;
  throw new CelError('no such overload');
}

function isSorted(list: ListValue): boolean {
  for (let i = 1; i < list.length; i++) if (compare(list.at(i - 1), list.at(i)) > 0) return false;
  return true;
}

function extreme(name: string, better: (order: number) => boolean): (list: ListValue) => Value {
  return (list) => {
    if (list.length === 0) throw new CelError(`${name} called on empty list`);
    let best = list.at(0);
    for (let i = 1; i < list.length; i++) if (better(compare(list.at(i), best))) best = list.at(i);
    return best;
  };
}

function plus(a: Value, b: Value): Value {
  if (typeof a === 'bigint' && typeof b === 'bigint') return checkedInt(a + b);
  if (typeof a === 'number' && typeof b === 'number') return a + b;
  if (a instanceof Uint && b instanceof Uint) return checkedUint(a.value + b.value);
  if (a instanceof Duration && b instanceof Duration) return checkedDuration(a.nanos + b.nanos);
  throw new CelError('no such overload');
}

function sum(zero: Value): (list: ListValue) => Value {
  return (list) => {
    if (list.length === 0) return zero;
    let total = list.at(0);
    for (let i = 1; i < list.length; i++) total = plus(total, list.at(i));
    return total;
  };
}

/** Kubernetes' list functions. */
export const lists: readonly Overload[] = [
  ...comparable.flatMap((type) => [
    define(`list<${type}>::isSorted(): bool`, isSorted, { cost: wholeWalk }),
    define(`list<${type}>::min(): ${type}`, extreme('min', (order) => order < 0), { cost: wholeWalk }),
    define(`list<${type}>::max(): ${type}`, extreme('max', (order) => order > 0), { cost: wholeWalk }),
  ]),
  define('list<int>::sum(): int', sum(0n), { cost: wholeWalk }),
  define('list<uint>::sum(): uint', sum(new Uint(0n)), { cost: wholeWalk }),
  define('list<double>::sum(): double', sum(0), { cost: wholeWalk }),
  define('list<duration>::sum(): duration', sum(new Duration(0n)), { cost: wholeWalk }),
  define('list<T>::indexOf(T): int', (list: ListValue, value: Value, { charge }: CallContext) => {
    for (let i = 0; i < list.length; i++) if (equals(list.at(i), value, meter(charge))) return BigInt(i);
    return -1n;
  }, { cost: wholeWalk }),
  define('list<T>::lastIndexOf(T): int', (list: ListValue, value: Value, { charge }: CallContext) => {
    for (let i = list.length - 1; i >= 0; i--) if (equals(list.at(i), value, meter(charge))) return BigInt(i);
    return -1n;
  }, { cost: wholeWalk }),
];

const meter = (charge: (cost: number) => void) => (units: number): void => { charge(units * character); };

function holdsAll(a: ListValue, b: ListValue, charge: (cost: number) => void): boolean {
  const left = [...a];
  return [...b].every((item) => left.some((other) => equals(item, other, meter(charge))));
}

/** Lists as sets: the extension library "Sets". */
export const sets: readonly Overload[] = [
  define('sets.contains(list<T>, list<T>): bool', (a: ListValue, b: ListValue, { charge }: CallContext) => holdsAll(a, b, charge), { cost: pairs() }),
  define('sets.equivalent(list<T>, list<T>): bool', (a: ListValue, b: ListValue, { charge }: CallContext) => holdsAll(a, b, charge) && holdsAll(b, a, charge), { cost: pairs(2) }),
  define('sets.intersects(list<T>, list<T>): bool', (a: ListValue, b: ListValue, { charge }: CallContext) => {
    const left = [...a];
    return [...b].some((item) => left.some((other) => equals(item, other, meter(charge))));
  }, { cost: pairs() }),
];
