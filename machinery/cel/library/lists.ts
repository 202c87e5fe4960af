import { character, exactly, pairs, product, sizeOf, sum as sumOf, unknownSize, wholeWalk, type CallCost } from '../cost.ts';
import { CelError } from '../errors.ts';
import { equals } from '../equality.ts';
import { compareValues, newListCost, sortingCost } from '../sorting.ts';
import { define, type CallContext, type Overload } from '../functions.ts';
import { Duration, ListValue, Optional, Uint, type Value } from '../values.ts';
import { checkedDuration, checkedInt, checkedUint } from './operators.ts';

const comparable = ['int', 'uint', 'double', 'bool', 'duration', 'timestamp', 'string', 'bytes'];

function isSorted(list: ListValue): boolean {
  for (let i = 1; i < list.length; i++) if (compareValues(list.at(i - 1), list.at(i)) > 0) return false;
  return true;
}

function extreme(name: string, better: (order: number) => boolean): (list: ListValue) => Value {
  return (list) => {
    if (list.length === 0) throw new CelError(`${name} called on empty list`);
    let best = list.at(0);
    for (let i = 1; i < list.length; i++) if (better(compareValues(list.at(i), best))) best = list.at(i);
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

const rebuilt: CallCost = {
  before: () => newListCost + 1,
  after: (result) => sizeOf(result),
  estimate: ([values]) => {
    const size = values?.size ?? unknownSize;
    return { cost: sumOf(exactly(newListCost + 1), size), size: { min: 0, max: size.max } };
  },
};
const sorted: CallCost = {
  before: ([values]) => (values instanceof ListValue ? sortingCost(values) : 0),
  estimate: ([values]) => {
    const size = values?.size ?? unknownSize;
    return { cost: sumOf(exactly(newListCost + 1), product(exactly(2), product(size, size))), size };
  },
};
const counted: CallCost = { before: ([count]) => newListCost + 1 + Math.max(0, Number(count)), estimate: () => ({ cost: unknownSize, size: unknownSize }) };

function slice(values: ListValue, from: bigint, to: bigint): ListValue {
  if (from < 0n || to < 0n) throw new CelError(`cannot slice(${from}, ${to}), negative indexes not supported`);
  if (from > to) throw new CelError(`cannot slice(${from}, ${to}), start index must be less than or equal to end index`);
  if (to > BigInt(values.length)) throw new CelError(`cannot slice(${from}, ${to}), list is length ${values.length}`);
  return ListValue.of(Array.from({ length: Number(to - from) }, (_, i) => values.at(Number(from) + i)));
}

function flatten(values: ListValue, depth: bigint, { charge }: CallContext): ListValue {
  if (depth < 0n) throw new CelError('level must be non-negative');
  const items: Value[] = [];
  const walk = (list: ListValue, left: bigint): void => {
    if (left < depth) charge((1 + list.length) * character);
    for (const item of list) {
      if (item instanceof ListValue && left > 0n) walk(item, left - 1n);
      else items.push(item);
    }
  };
  walk(values, depth);
  return ListValue.of(items);
}

/** Of a comparison of two elements. */
const freeUnits = 20;

function distinct(values: ListValue, { charge }: CallContext): ListValue {
  const items: Value[] = [];
  // What is short is compared at the price of the call.
  let free = values.length ** 2 * freeUnits;
  const count = (units: number): void => {
    free -= units;
    if (free < 0) charge(units * character);
  };
  for (const item of values) if (!items.some((known) => equals(known, item, count))) items.push(item);
  return ListValue.of(items);
}

/** The extension library "Lists", version 3; `sortBy` is a macro. */
export const moreLists: readonly Overload[] = [
  define('list<T>::slice(int, int): list<T>', slice, { cost: rebuilt }),
  define('list<dyn>::flatten(): list<dyn>', (values: ListValue, context: CallContext) => flatten(values, 1n, context), { cost: rebuilt }),
  define('list<dyn>::flatten(int): list<dyn>', flatten, { cost: rebuilt }),
  define('list<T>::reverse(): list<T>', (values: ListValue) => ListValue.of([...values].toReversed()), { cost: rebuilt }),
  define('list<T>::distinct(): list<T>', distinct, { cost: sorted }),
  ...comparable.map((type) => define(`list<${type}>::sort(): list<${type}>`, (values: ListValue) => ListValue.of([...values].toSorted(compareValues)), { cost: sorted })),
  define('lists.range(int): list<int>', (count: bigint) => ListValue.of(Array.from({ length: Math.max(0, Number(count)) }, (_, i) => BigInt(i))), { cost: counted }),
  define('list<T>::first(): optional<T>', (values: ListValue) => (values.length === 0 ? Optional.none : new Optional(values.at(0)))),
  define('list<T>::last(): optional<T>', (values: ListValue) => (values.length === 0 ? Optional.none : new Optional(values.at(values.length - 1)))),
];

function meter(charge: (cost: number) => void): (units: number) => void {
  return (units) => { charge(units * character); };
}

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
