import type { Field, ListSchema, MapSchema, ObjectSchema, ScalarSchema, Schema } from '../../../machinery/schema.ts';
import { DecodeProblem, mapKey, mismatch, pathText } from './problem.ts';
import { define, scalarDecoders, spend, zeros, type Place } from './scalars.ts';
import { isObject } from '../../../machinery/patch/json-value.ts';

/**
 * The walk that reads objects: checks types, drops what the schema doesn't know, and brings values into the form in which
 * Kubernetes holds them. It knows schemas only, not where they come from. Each definition is compiled once into closures.
 */

export interface Decoded {
  readonly object: Record<string, unknown>;
  /** Paths of the fields that the schema doesn't have, in the order met; at most `mostUnknown`. */
  readonly unknown: readonly string[];
}

/** What a store takes of one object. Source: etcd's limit of requests. */
const mostBytes = 1.5 * 1024 * 1024;

/** As many as Kubernetes reports. */
const mostUnknown = 100;

interface Walk extends Place {
  readonly steps: (string | number)[];
  owner: string;
  readonly unknown: string[];
}

/** Reads a value that isn't null. */
type Decode = (value: unknown, walk: Walk) => unknown;

interface Row {
  readonly decode: Decode;
  readonly keep: Keep;
  /** Bytes that are written for the field when it is absent. */
  readonly least: number;
}

/** Which values a field keeps. */
type Keep = 'all' | 'nonzero' | 'nonempty';

export interface Decoder {
  /**
   * `value` as `schema` has it: a copy, except for what can stay of a value that is `owned` (that nobody else holds). Throws
   * `DecodeProblem`, and `TooLargeProblem` as soon as the object is more than a store takes.
   */
  decode(schema: ObjectSchema, value: unknown, owned?: 'owned'): Decoded;
}

/** `insideOf`: the definition that the objects among an opaque type's values are of, where there is one. */
export function createDecoder(insideOf: (schema: ScalarSchema) => ObjectSchema | undefined = () => undefined): Decoder {
  const compiled = new WeakMap<ObjectSchema, Decode>();

  function compile(schema: Schema): Decode {
    switch (schema.type) {
      case 'object': return objectDecoder(schema);
      case 'list': return listDecoder(schema, compile(schema.items));
      case 'map': return mapDecoder(schema, compile(schema.values));
      default: return opaqueDecoder(schema);
    }
  }

  function opaqueDecoder(schema: ScalarSchema): Decode {
    const scalar = scalarDecoder(schema);
    const inside = schema.type === 'any' ? insideOf(schema) : undefined;
    if (inside === undefined) return scalar;
    const object = objectDecoder(inside);
    return (value, walk) => (isObject(value) ? object(value, walk) : scalar(value, walk));
  }

  function objectDecoder(schema: ObjectSchema): Decode {
    const known = compiled.get(schema);
    if (known !== undefined) return known;
    // Compiled at the first value: definitions are recursive, and most are never met.
    let rows: ReadonlyMap<string, Row> | undefined;
    let least: number | undefined;
    let structs: readonly [string, Decode][] | undefined;
    const decode: Decode = (value, walk) => {
      if (!isObject(value)) throw mismatch(value, schema, walk.owner, walk.steps);
      rows ??= new Map(Object.entries(schema.fields).map(([name, field]) => [name, { decode: compile(field.schema), keep: keepOf(field), least: leastOf(name, field) }]));
      least ??= 2 + Iterator.from(rows.values()).reduce((sum, row) => sum + row.least, 0);
      structs ??= Object.entries(schema.fields).filter(([, field]) => isStruct(field)).map(([name, field]) => [name, compile(field.schema)]);
      const { owner } = walk;
      walk.owner = schema.name;
      spend(walk, least);
      const out = decodeFields(value, rows, walk);
      // A struct is never absent in Kubernetes' own types: without it two equal objects would differ.
      for (const [name, empty] of structs) out[name] ??= empty({}, walk);
      walk.owner = owner;
      return out;
    };
    compiled.set(schema, decode);
    return decode;
  }

  return {
    decode(schema, value, owned) {
      const walk: Walk = { steps: [], owner: '', unknown: [], isOwned: owned === 'owned', room: mostBytes };
      if (!isObject(value)) throw new DecodeProblem(`json: cannot unmarshal ${Array.isArray(value) ? 'array' : typeof value} into Go value of type ${schema.name.split('.').slice(-2).join('.')}`);
      return { object: objectDecoder(schema)(value, walk) as Record<string, unknown>, unknown: walk.unknown };
    },
  };
}

function decodeFields(value: Readonly<Record<string, unknown>>, rows: ReadonlyMap<string, Row>, walk: Walk): Record<string, unknown> {
  const out: Record<string, unknown> = {};
  for (const name of Object.keys(value)) {
    const row = rows.get(name);
    const item = value[name];
    if (row === undefined) {
      if (item !== undefined && walk.unknown.length < mostUnknown) walk.unknown.push(pathText([...walk.steps, name]));
      continue;
    }
    if (item === null || item === undefined) continue;
    const { room } = walk;
    walk.steps.push(name);
    spend(walk, name.length + 3 - row.least);
    const decoded = row.decode(item, walk);
    walk.steps.pop();
    if (row.keep === 'all' || isKept(decoded, row.keep)) out[name] = decoded;
    else walk.room = room;
  }
  return out;
}

/** Is the field an object that Kubernetes' types hold by value? */
function isStruct({ schema, required, presence }: Field): boolean {
  return schema.type === 'object' && (presence === 'always' || (required === true && presence === undefined));
}

const unwritten: ReadonlySet<string> = new Set(['any', 'micro-time', 'time']);

/** `"name":` and a value of one byte, of fields that are always written. */
function leastOf(name: string, { schema, required, presence }: Field): number {
  const isWritten = presence === 'always' || (required === true && presence === undefined);
  return isWritten && !unwritten.has(schema.type) ? name.length + 4 : 0;
}

function keepOf({ schema, required, presence }: Field): Keep {
  if (presence === 'nonzero') return 'nonzero';
  const isCollection = schema.type === 'list' || schema.type === 'map';
  return isCollection && required !== true && presence === undefined ? 'nonempty' : 'all';
}

function isKept(value: unknown, keep: Keep): boolean {
  if (keep === 'nonzero') return value !== '' && value !== 0 && value !== false;
  if (Array.isArray(value)) return value.length > 0;
  // To list all keys of a large map only to count them costs.
  for (const key in value as object) if (Object.hasOwn(value as object, key)) return true;
  return false;
}

function scalarDecoder(schema: ScalarSchema): Decode {
  const decode = scalarDecoders[schema.type];
  // What has no type counts by itself.
  if (schema.type === 'any') return (value, walk) => decode(value, walk, schema);
  return (value, walk) => {
    spend(walk, typeof value === 'string' ? value.length + 2 : 1);
    return decode(value, walk, schema);
  };
}

function listDecoder(schema: ListSchema, item: Decode): Decode {
  return (value, walk) => {
    if (!Array.isArray(value)) throw mismatch(value, schema, walk.owner, walk.steps);
    const out: unknown[] = [];
    walk.steps.push(0);
    const last = walk.steps.length - 1;
    for (let i = 0; i < value.length; i++) {
      walk.steps[last] = i;
      spend(walk, 1);
      const one: unknown = value[i];
      out.push(one === null || one === undefined ? zeroOf(schema.items, item, walk) : item(one, walk));
    }
    walk.steps.pop();
    return out;
  };
}

function mapDecoder(schema: MapSchema, item: Decode): Decode {
  return (value, walk) => {
    if (!isRecord(value)) throw mismatch(value, schema, walk.owner, walk.steps);
    const out: Record<string, unknown> = walk.isOwned ? value : {};
    walk.steps.push('');
    const last = walk.steps.length - 1;
    for (const key of Object.keys(value)) {
      const one = value[key];
      if (one === undefined) continue;
      walk.steps[last] = `${mapKey}${key}`;
      spend(walk, key.length + 4);
      const decoded = one === null ? zeroOf(schema.values, item, walk) : item(one, walk);
      if (out !== value || decoded !== one) define(out, key, decoded);
    }
    walk.steps.pop();
    return out;
  };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return isObject(value);
}

/** What null stands for inside a list or a map. */
function zeroOf(schema: Schema, decode: Decode, walk: Walk): unknown {
  switch (schema.type) {
    case 'object': case 'map': return decode({}, walk);
    case 'list': return [];
    default: return zeros[schema.type];
  }
}
