import { character } from './cost.ts';
import { CelError } from './errors.ts';
import { compareBytes, compareNumbers, compareStrings, isNumeric } from './equality.ts';
import { Duration, Timestamp, type Value } from './values.ts';

/** The order of two values of the same type, as `<` has it. Throws `CelError` for types without an order. */
export function compareValues(a: Value, b: Value): number {
  if (isNumeric(a) && isNumeric(b)) return compareNumbers(a, b) ?? Number.NaN;
  if (typeof a === 'string' && typeof b === 'string') return compareStrings(a, b);
  if (typeof a === 'boolean' && typeof b === 'boolean') return Number(a) - Number(b);
  if (a instanceof Uint8Array && b instanceof Uint8Array) return compareBytes(a, b);
  if ((a instanceof Timestamp && b instanceof Timestamp) || (a instanceof Duration && b instanceof Duration)) return compareNumbers(a.nanos, b.nanos) ?? 0;
  throw new CelError('no such overload');
}

/** What making a list costs beyond its elements. */
export const newListCost = 10;

/** Each value against each other, whatever the algorithm: so Kubernetes counts sorting and telling apart. */
export function sortingCost(values: Iterable<Value>): number {
  let count = 0;
  let characters = 0;
  for (const value of values) {
    count++;
    if (typeof value === 'string' || value instanceof Uint8Array) characters += value.length;
  }
  return newListCost + 1 + 2 * count ** 2 + Math.floor(count * characters * character);
}
