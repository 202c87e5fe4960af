import type { ObjectType, Type } from './types.ts';
import { dyn } from './types.ts';
import { CelError } from './errors.ts';
import { parseDuration } from '../duration.ts';
import { offsetOf, parseTimestamp } from './times.ts';

/** Values while an expression runs. Ints are bigint, doubles are number; what JSON holds is turned into them when it is looked at. */
export type Value = boolean | bigint | number | string | null | Uint8Array | Uint | Timestamp | Duration | TypeValue | Optional | ListValue | MapValue | ObjectValue | OpaqueValue;

export class Uint {
  readonly value: bigint;

  constructor(value: bigint) {
    this.value = value;
  }
}

/** Nanoseconds since 1970. */
export class Timestamp {
  readonly nanos: bigint;
  /** Of the text that it was read from: as which it is written again. */
  readonly offsetMinutes: number;

  constructor(nanos: bigint, offsetMinutes = 0) {
    this.nanos = nanos;
    this.offsetMinutes = offsetMinutes;
  }
}

export class Duration {
  readonly nanos: bigint;

  constructor(nanos: bigint) {
    this.nanos = nanos;
  }
}

export class TypeValue {
  readonly type: Type;

  constructor(type: Type) {
    this.type = type;
  }
}

export class Optional {
  static readonly none = new Optional(undefined);
  /** Undefined: there is none. */
  readonly value: Value | undefined;

  constructor(value: Value | undefined) {
    this.value = value;
  }
}

/** A value of a library's type: quantities, addresses, authorizers. `equals` is asked with another of the same name. */
export abstract class OpaqueValue {
  abstract readonly typeName: string;
  abstract equals(other: OpaqueValue): boolean;
}

/** A list, of values or of JSON that is converted element by element. */
export class ListValue {
  readonly length: number;
  /** Set and map lists of objects' schemas compare and add without regard to order. */
  readonly type: Extract<Type, { kind: 'list' }> | undefined;
  private readonly items: (Value | undefined)[];
  private readonly raw: readonly unknown[] | undefined;

  private constructor(items: (Value | undefined)[], raw: readonly unknown[] | undefined, type: Extract<Type, { kind: 'list' }> | undefined) {
    this.items = items;
    this.raw = raw;
    this.type = type;
    this.length = raw?.length ?? items.length;
  }

  static of(items: readonly Value[], type?: Extract<Type, { kind: 'list' }>): ListValue {
    return new ListValue([...items], undefined, type);
  }

  static json(raw: readonly unknown[], type?: Extract<Type, { kind: 'list' }>): ListValue {
    return new ListValue([], raw, type);
  }

  /** `index` is within the list. */
  at(index: number): Value {
    const known = this.items[index];
    if (known !== undefined) return known;
    const value = adapt(this.raw?.[index], this.type?.element ?? dyn);
    this.items[index] = value;
    return value;
  }

  *[Symbol.iterator](): Generator<Value> {
    for (let i = 0; i < this.length; i++) yield this.at(i);
  }
}

/** The one key of numbers that are equal (1, 1u, 1.0), of strings, of booleans; undefined for what can't be a key. */
export function keyOf(key: Value): string | undefined {
  switch (typeof key) {
    case 'string': return `s${key}`;
    case 'bigint': return `n${key}`;
    case 'boolean': return `b${key}`;
    case 'number': return Number.isInteger(key) ? `n${BigInt(key)}` : undefined;
    default: return key instanceof Uint ? `n${key.value}` : undefined;
  }
}

/** A map of values. */
export class MapValue {
  private readonly entries: Map<string, readonly [Value, Value]>;

  protected constructor(entries: Map<string, readonly [Value, Value]>) {
    this.entries = entries;
  }

  /** Throws `CelError` for a key that is there twice or can't be one. */
  static of(pairs: Iterable<readonly [Value, Value]>): MapValue {
    const entries = new Map<string, readonly [Value, Value]>();
    for (const pair of pairs) {
      const key = typeof pair[0] === 'number' ? undefined : keyOf(pair[0]);
      if (key === undefined) throw new CelError('unsupported key type');
      if (entries.has(key)) throw new CelError(`insert failed: key ${String(pair[0])} already exists`);
      entries.set(key, pair);
    }
    return new MapValue(entries);
  }

  static json(raw: Readonly<Record<string, unknown>>, values: Type = dyn): MapValue {
    return new JsonMap(raw, values);
  }

  get size(): number {
    return this.entries.size;
  }

  get(key: Value): Value | undefined {
    const text = keyOf(key);
    return text === undefined ? undefined : this.entries.get(text)?.[1];
  }

  *keys(): Iterable<Value> {
    for (const [key] of this.entries.values()) yield key;
  }
}

/** A map whose values are converted when they are asked for. */
class JsonMap extends MapValue {
  private readonly raw: Readonly<Record<string, unknown>>;
  private readonly values: Type;
  private readonly known = new Map<string, Value>();
  private names: readonly string[] | undefined;

  constructor(raw: Readonly<Record<string, unknown>>, values: Type) {
    super(new Map());
    this.raw = raw;
    this.values = values;
  }

  override get size(): number {
    this.names ??= Object.keys(this.raw);
    return this.names.length;
  }

  override get(key: Value): Value | undefined {
    if (typeof key !== 'string') return undefined;
    const known = this.known.get(key);
    if (known !== undefined || !Object.hasOwn(this.raw, key)) return known;
    const raw = this.raw[key];
    if (raw === undefined) return undefined;
    const value = adapt(raw, this.values);
    this.known.set(key, value);
    return value;
  }

  override *keys(): Iterable<Value> {
    this.names ??= Object.keys(this.raw);
    for (const name of this.names) if (this.raw[name] !== undefined) yield name;
  }
}

/** An object with declared fields. `lookup` gives a field that is set; `names` those that are. */
export class ObjectValue {
  readonly type: ObjectType;
  private readonly lookup: (name: string) => Value | undefined;
  private readonly known = new Map<string, Value>();
  private readonly set: () => Iterable<string>;

  constructor(type: ObjectType, lookup: (name: string) => Value | undefined, names: () => Iterable<string>) {
    this.type = type;
    this.lookup = lookup;
    this.set = names;
  }

  static json(raw: Readonly<Record<string, unknown>>, type: ObjectType): ObjectValue {
    const at = (name: string): unknown => {
      const key = type.jsonName?.(name) ?? name;
      return Object.hasOwn(raw, key) ? raw[key] : undefined;
    };
    return new ObjectValue(type, (name) => {
      const value = at(name);
      const field = value === undefined ? undefined : type.field(name);
      return field === undefined ? undefined : adapt(value, field);
    }, () => type.fieldNames().filter((name) => at(name) !== undefined));
  }

  static of(type: ObjectType, fields: ReadonlyMap<string, Value>): ObjectValue {
    return new ObjectValue(type, (name) => fields.get(name), () => fields.keys());
  }

  get(name: string): Value | undefined {
    const known = this.known.get(name);
    if (known !== undefined) return known;
    const value = this.lookup(name);
    if (value !== undefined) this.known.set(name, value);
    return value;
  }

  names(): Iterable<string> {
    return this.set();
  }
}

/**
 * The value that JSON of a declared type stands for: timestamps, durations and bytes are text in JSON. What is a value already
 * stays. Throws `CelError` where the JSON isn't of that type.
 */
export function adapt(raw: unknown, type: Type): Value {
  switch (typeof raw) {
    case 'boolean': return raw;
    case 'string': return textOf(raw, type);
    case 'bigint': return numberOf(Number(raw), raw, type);
    case 'number': return numberOf(raw, undefined, type);
    case 'object': return raw === null ? null : structureOf(raw, type);
    default: return null;
  }
}

function numberOf(raw: number, exact: bigint | undefined, type: Type): Value {
  switch (type.kind) {
    case 'double': return raw;
    case 'string': return String(exact ?? raw);
    case 'uint': return new Uint(exact ?? BigInt(Math.trunc(raw)));
    default: return exact ?? (Number.isInteger(raw) && Math.abs(raw) < 2 ** 63 ? BigInt(raw) : raw);
  }
}

function textOf(raw: string, type: Type): Value {
  switch (type.kind) {
    case 'bytes': return parsed(parseBase64(raw), raw, 'base64');
    case 'timestamp': return new Timestamp(parsed(parseTimestamp(raw), raw, 'timestamp'), offsetOf(raw));
    case 'duration': return new Duration(parsed(parseDuration(raw), raw, 'duration'));
    default: return raw;
  }
}

function parseBase64(text: string): Uint8Array | undefined {
  try {
    return Uint8Array.fromBase64(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function parsed<T>(value: T | undefined, raw: string, what: string): T {
  if (value === undefined) throw new CelError(`invalid ${what}: ${JSON.stringify(raw)}`);
  return value;
}

function structureOf(raw: object, type: Type): Value {
  if (Array.isArray(raw)) return ListValue.json(raw, type.kind === 'list' ? type : undefined);
  if (isValue(raw)) return raw;
  const record = raw as Readonly<Record<string, unknown>>;
  if (type.kind === 'object') return ObjectValue.json(record, type);
  return MapValue.json(record, type.kind === 'map' ? type.value : dyn);
}

function isValue(raw: object): raw is Exclude<Value, boolean | bigint | number | string | null> {
  return raw instanceof MapValue || raw instanceof ListValue || raw instanceof ObjectValue || raw instanceof OpaqueValue || raw instanceof Uint8Array
    || raw instanceof Timestamp || raw instanceof Duration || raw instanceof Uint || raw instanceof Optional || raw instanceof TypeValue;
}
