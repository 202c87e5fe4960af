import { bool, bytes, double, duration, dyn, int, list, map, nullType, opaque, string, timestamp, uint, type Type } from './types.ts';
import { Duration, ListValue, MapValue, ObjectValue, Optional, OpaqueValue, Timestamp, TypeValue, Uint, type Value } from './values.ts';

/** The type of a value; what lists and maps hold is not told. */
export function typeOf(value: Value): Type {
  switch (typeof value) {
    case 'boolean': return bool;
    case 'bigint': return int;
    case 'number': return double;
    case 'string': return string;
    default: return value === null ? nullType : structureType(value);
  }
}

function structureType(value: Exclude<Value, boolean | bigint | number | string | null>): Type {
  if (value instanceof ListValue) return list(dyn);
  if (value instanceof MapValue) return map(dyn, dyn);
  if (value instanceof ObjectValue) return value.type;
  if (value instanceof Timestamp) return timestamp;
  if (value instanceof Duration) return duration;
  if (value instanceof Uint) return uint;
  if (value instanceof Uint8Array) return bytes;
  if (value instanceof Optional) return opaque('optional_type', dyn);
  if (value instanceof TypeValue) return { kind: 'type', of: value.type };
  return opaque(value.typeName);
}

/** Whether a function that declares `type` takes the value. */
export function accepts(type: Type, value: Value): boolean {
  switch (type.kind) {
    case 'bool': return typeof value === 'boolean';
    case 'int': return typeof value === 'bigint';
    case 'uint': return value instanceof Uint;
    case 'double': return typeof value === 'number';
    case 'string': return typeof value === 'string';
    case 'bytes': return value instanceof Uint8Array;
    case 'null': return value === null;
    case 'timestamp': return value instanceof Timestamp;
    case 'duration': return value instanceof Duration;
    case 'list': return value instanceof ListValue;
    case 'map': return value instanceof MapValue;
    case 'object': return value instanceof ObjectValue;
    case 'type': return value instanceof TypeValue;
    case 'opaque': return type.name === 'optional_type' ? value instanceof Optional : value instanceof OpaqueValue && value.typeName === type.name;
    case 'dyn':
    case 'error':
    case 'parameter':
    case 'free': return true;
  }
}
