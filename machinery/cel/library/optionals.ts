import { CelError } from '../errors.ts';
import { define, type Overload } from '../functions.ts';
import { ListValue, MapValue, Optional, Uint, type Value } from '../values.ts';

/** Optional values: cel-spec, "Optional types". `optMap` and `optFlatMap` are macros. */
export const optionals: readonly Overload[] = [
  define('optional.of(T): optional<T>', (value: Value) => new Optional(value)),
  define('optional.none(): optional<T>', () => Optional.none),
  define('optional.ofNonZeroValue(T): optional<T>', (value: Value) => (isZero(value) ? Optional.none : new Optional(value))),
  define('optional<T>::hasValue(): bool', (optional: Optional) => optional.value !== undefined),
  define('optional<T>::value(): T', (optional: Optional) => {
    if (optional.value === undefined) throw new CelError('optional.none() dereference');
    return optional.value;
  }),
  define('optional<T>::orValue(T): T', evaluatorsOwn),
  define('optional<T>::or(optional<T>): optional<T>', evaluatorsOwn),
];

/** Their second operand is not always evaluated: see `emit-call.ts`. */
function evaluatorsOwn(): never {
  throw new CelError('no such overload');
}

function isZero(value: Value): boolean {
  if (value instanceof Uint) return value.value === 0n;
  if (value instanceof ListValue || value instanceof Uint8Array) return value.length === 0;
  if (value instanceof MapValue) return value.size === 0;
  if (value instanceof Optional) return value.value === undefined;
  return value === null || value === false || value === 0n || value === 0 || value === '';
}
