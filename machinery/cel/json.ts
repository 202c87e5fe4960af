import { CelError } from './errors.ts';
import { formatDuration, formatTimestamp } from './times.ts';
import { Duration, ListValue, MapValue, ObjectValue, Optional, Timestamp, Uint, type Value } from './values.ts';

/** A value that holds others many times over may be small here and without end as JSON. */
const mostNodes = 1_000_000;

/** A value as JSON. Throws `CelError` for what JSON has no form for (types, quantities, maps with other keys than strings). */
export function toJson(value: Value, budget = { left: mostNodes }): unknown {
  if (budget.left-- <= 0) throw new CelError(`value has more than ${mostNodes} nodes`);
  switch (typeof value) {
    // Beyond what a double holds, all digits are kept.
    case 'bigint': return Number.isSafeInteger(Number(value)) ? Number(value) : value;
    case 'object': return value === null ? null : structure(value, budget);
    default: return value;
  }
}

function structure(value: Exclude<Value, boolean | bigint | number | string | null>, budget: { left: number }): unknown {
  if (value instanceof Uint) return Number(value.value);
  if (value instanceof Uint8Array) return value.toBase64();
  if (value instanceof Timestamp) return formatTimestamp(value.nanos, value.offsetMinutes);
  if (value instanceof Duration) return formatDuration(value.nanos);
  if (value instanceof Optional) return value.value === undefined ? null : toJson(value.value, budget);
  if (value instanceof ListValue) return [...value].map((item) => toJson(item, budget));
  if (value instanceof ObjectValue) return Object.fromEntries([...value.names()].map((name) => [name, toJson(value.get(name) ?? null, budget)]));
  if (!(value instanceof MapValue)) throw new CelError('unsupported conversion to JSON');
  return Object.fromEntries([...value.keys()].map((key) => {
    if (typeof key !== 'string') throw new CelError('unsupported conversion to JSON: keys of a map must be strings');
    return [key, toJson(value.get(key) ?? null, budget)];
  }));
}
