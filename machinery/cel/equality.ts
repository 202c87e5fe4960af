import { Duration, ListValue, MapValue, ObjectValue, OpaqueValue, Optional, Timestamp, TypeValue, Uint, type Value } from './values.ts';
import { sameRuntimeType } from './types.ts';

/** Told of the work that a comparison is: one unit for each value or character looked at. */
export type Meter = (units: number) => void;

const free: Meter = () => undefined;

/** Equality over all types: numbers compare by value, other types that differ are unequal. Source: langdef.md, "Equality". */
export function equals(a: Value, b: Value, meter: Meter = free): boolean {
  if (typeof a === 'string') {
    if (typeof b !== 'string' || a.length !== b.length) return false;
    meter(a.length);
    return a === b;
  }
  if (isNumeric(a)) return isNumeric(b) && compareNumbers(a, b) === 0;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return a === b;
  return structuresEqual(a, b, meter);
}

type Structure = Exclude<Value, boolean | bigint | number | string | null>;

function structuresEqual(a: Structure, b: Structure, meter: Meter): boolean {
  if (a instanceof ListValue) return b instanceof ListValue && listsEqual(a, b, meter);
  if (a instanceof MapValue) return b instanceof MapValue && mapsEqual(a, b, meter);
  if (a instanceof ObjectValue) return b instanceof ObjectValue && objectsEqual(a, b, meter);
  if (a instanceof Timestamp) return b instanceof Timestamp && a.nanos === b.nanos;
  if (a instanceof Duration) return b instanceof Duration && a.nanos === b.nanos;
  if (a instanceof Uint8Array) return b instanceof Uint8Array && bytesEqual(a, b, meter);
  if (a instanceof TypeValue) return b instanceof TypeValue && sameRuntimeType(a.type, b.type);
  if (a instanceof Optional) {
    if (!(b instanceof Optional)) return false;
    return a.value === undefined || b.value === undefined ? a.value === b.value : equals(a.value, b.value, meter);
  }
  return a instanceof OpaqueValue && b instanceof OpaqueValue && a.typeName === b.typeName && a.equals(b);
}

function bytesEqual(a: Uint8Array, b: Uint8Array, meter: Meter): boolean {
  if (a.length !== b.length) return false;
  meter(a.length);
  return a.every((byte, i) => byte === b[i]);
}

function listsEqual(a: ListValue, b: ListValue, meter: Meter): boolean {
  if (a.length !== b.length) return false;
  if (a.type?.listType !== undefined) return unorderedEqual(a, b, meter);
  for (let i = 0; i < a.length; i++) {
    meter(1);
    if (!equals(a.at(i), b.at(i), meter)) return false;
  }
  return true;
}

/** `x-kubernetes-list-type` set and map: the same elements in any order. */
function unorderedEqual(a: ListValue, b: ListValue, meter: Meter): boolean {
  const left = [...b];
  for (const item of a) {
    const found = left.findIndex((other) => {
      meter(1);
      return equals(item, other, meter);
    });
    if (found < 0) return false;
    left.splice(found, 1);
  }
  return true;
}

function mapsEqual(a: MapValue, b: MapValue, meter: Meter): boolean {
  if (a.size !== b.size) return false;
  for (const key of a.keys()) {
    meter(1);
    const mine = a.get(key);
    const theirs = b.get(key);
    if (mine === undefined || theirs === undefined || !equals(mine, theirs, meter)) return false;
  }
  return true;
}

function objectsEqual(a: ObjectValue, b: ObjectValue, meter: Meter): boolean {
  if (a.type.name !== b.type.name) return false;
  const names = [...a.names()];
  if (names.length !== [...b.names()].length) return false;
  return names.every((name) => {
    meter(1);
    const mine = a.get(name);
    const theirs = b.get(name);
    return mine !== undefined && theirs !== undefined && equals(mine, theirs, meter);
  });
}

export type Numeric = bigint | number | Uint;

export function isNumeric(value: Value): value is Numeric {
  return typeof value === 'bigint' || typeof value === 'number' || value instanceof Uint;
}

/** Negative, zero, positive; undefined when one is NaN. An integer is compared with a double as the nearest double. */
export function compareNumbers(a: Numeric, b: Numeric): number | undefined {
  const x = a instanceof Uint ? a.value : a;
  const y = b instanceof Uint ? b.value : b;
  if (typeof x === 'bigint' && typeof y === 'bigint') return x < y ? -1 : x > y ? 1 : 0;
  const left = Number(x);
  const right = Number(y);
  if (left < right) return -1;
  if (left > right) return 1;
  return left === right ? 0 : undefined;
}

/** Order of code points, not of UTF-16 units: those differ beyond U+FFFF. */
export function compareStrings(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x !== y) return rank(x) - rank(y);
  }
  return a.length - b.length;
}

/** Surrogates stand for code points above all other units. */
function rank(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit;
}

export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}
