import fc, { type Arbitrary } from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Field, ObjectSchema, ScalarSchema, Schema } from '../../../machinery/schema.ts';
import { schemaOf } from '../builtin.ts';
import { createDecoder } from './decode.ts';
import { createEncoder } from './encode.ts';

const decoder = createDecoder();
const encoder = createEncoder();
const decode = (schema: ObjectSchema, value: unknown) => decoder.decode(schema, value).object;

/** Values that a client may send for a schema: every field sometimes, nulls and empties too. Deep down only scalars. */
function arbitraryOf(schema: Schema, depth: number): Arbitrary<unknown> {
  switch (schema.type) {
    case 'object': return fieldsOf(schema, depth);
    case 'list': return fc.array(arbitraryOf(schema.items, depth - 1), { maxLength: 2 });
    case 'map': return fc.dictionary(fc.constantFrom('a', 'b', '1', '__proto__', 'constructor'), arbitraryOf(schema.values, depth - 1), { maxKeys: 3 });
    case 'int32': case 'int64': return fc.integer({ min: -5, max: 5 });
    case 'double': return fc.double({ noNaN: true, noDefaultInfinity: true });
    case 'boolean': return fc.boolean();
    case 'int-or-string': return fc.oneof(fc.integer({ min: 0, max: 9 }), fc.constantFrom('', '25%'));
    case 'quantity': return fc.constantFrom('0', '1', '0.5', '1000m', '1024Mi', 2, '1e3', '.5Gi', '-1');
    case 'time': return fc.constantFrom('2026-01-02T03:04:05Z', '2026-01-02T03:04:05.678+01:00');
    case 'micro-time': return fc.constantFrom('2026-01-02T03:04:05Z', '2026-01-02T03:04:05.123456789Z');
    case 'bytes': return fc.constantFrom('', 'aGk=', 'aG\nk=');
    case 'duration': return fc.constant('5m');
    case 'any': return fc.jsonValue({ maxDepth: 2 });
    case 'string': return fc.constantFrom('', 'a', 'é"\\\n', '\u2028');
  }
}

function fieldsOf(schema: ObjectSchema, depth: number): Arbitrary<unknown> {
  if (depth <= 0) return fc.constant({});
  const fields = Object.entries(schema.fields);
  return fc.subarray(fields, { maxLength: Math.min(5, fields.length) }).chain((some) => fc.shuffledSubarray(some, { minLength: some.length }))
    .chain((some) => fc.tuple(...some.map(([name, field]) => valueOf(field, depth).map((value) => [name, value] as const))))
    .map((entries) => Object.fromEntries(entries) as unknown);
}

function valueOf({ schema }: Field, depth: number): Arbitrary<unknown> {
  return fc.option(arbitraryOf(schema, depth - 1), { freq: 10 });
}

const kinds = [
  ['', 'v1', 'Pod'], ['apps', 'v1', 'Deployment'], ['', 'v1', 'ConfigMap'], ['', 'v1', 'Node'], ['events.k8s.io', 'v1', 'Event'], ['policy', 'v1', 'PodDisruptionBudget'],
  ['apiextensions.k8s.io', 'v1', 'CustomResourceDefinition'],
].map(([group = '', version = '', kind = '']) => ({ group, version, kind }));

describe('any object of a schema', () => {
  it.each(kinds)('of $kind is read to the same object from its canonical text, and that text is its own canonical text', (kind) => {
    const schema = schemaOf(kind);
    fc.assert(fc.property(arbitraryOf(schema, 7), (value) => {
      const object = decode(schema, value);
      const text = encoder.encode(schema, 'v', 'K', object);
      const again = decode(schema, JSON.parse(text));
      expect(encoder.encode(schema, 'v', 'K', again)).toBe(text);
      expect(decode(schema, again)).toEqual(again);
    }), { numRuns: 60 });
  });

  it.each(kinds)('of $kind means the same in whatever order its fields come', (kind) => {
    const schema = schemaOf(kind);
    fc.assert(fc.property(arbitraryOf(schema, 6), (value) => {
      expect(encoder.encode(schema, 'v', 'K', decode(schema, reversed(value)))).toBe(encoder.encode(schema, 'v', 'K', decode(schema, value)));
    }), { numRuns: 40 });
  });

  it('is never changed by reading or writing it', () => {
    const schema = schemaOf({ group: '', version: 'v1', kind: 'Pod' });
    fc.assert(fc.property(arbitraryOf(schema, 6), (value) => {
      const before = structuredClone(value);
      encoder.encode(schema, 'v1', 'Pod', decode(schema, value));
      expect(value).toEqual(before);
    }), { numRuns: 40 });
  });
});

function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).toReversed().map(([key, item]) => [key, reversed(item)]));
}

/** The walk needs no generated data: what a CustomResourceDefinition compiles to is walked alike. */
const boat: ObjectSchema = {
  type: 'object', name: 'example.com.v1.Boat',
  fields: {
    crew: { schema: { type: 'list', items: { type: 'string' } } }, hull: { schema: { type: 'any' } }, length: { schema: { type: 'int32' }, required: true },
    load: { schema: { type: 'quantity' } }, name: { schema: { type: 'string' }, presence: 'nonzero' }, owner: { schema: { type: 'string' }, required: true, presence: 'given' },
    ports: { schema: { type: 'map', values: { type: 'int32' } }, presence: 'always' },
  },
};

describe('the walk over a schema of one\'s own', () => {
  it.each([
    ['keeps what is given', { crew: ['a'], length: 3, name: 'x' }, { crew: ['a'], length: 3, name: 'x', ports: {} }],
    ['writes required fields even when they are absent, except those that are told apart', {}, { length: 0, ports: {} }],
    ['drops empty lists and zeros that mean absent', { crew: [], name: '' }, { length: 0, ports: {} }],
    ['turns null in a list or map into the zero of its type', { crew: [null, 'a'], ports: { a: null } }, { crew: ['', 'a'], length: 0, ports: { a: 0 } }],
    ['sorts keys wherever they are free', { hull: { b: [{ d: 1, c: 2 }], a: null }, ports: { z: 1, y: 2 } }, { hull: { a: null, b: [{ c: 2, d: 1 }] }, length: 0, ports: { y: 2, z: 1 } }],
    ['drops what the schema does not have', { sail: true }, { length: 0, ports: {} }],
  ])('%s', (_name, value, want) => {
    const text = encoder.encode(boat, 'example.com/v1', 'Boat', decode(boat, value));
    expect(text).toBe(JSON.stringify({ kind: 'Boat', apiVersion: 'example.com/v1', ...want }));
  });

  it.each([
    ['9223372036854775807', '9223372036854775807'], ['-9223372036854775808', '-9223372036854775808'], ['9007199254740992', '9007199254740992'], ['9223372036854775000', '9223372036854774784'],
  ])('writes the int64 %s as %s, which an int64 holds', (text, want) => {
    const schema: ObjectSchema = { type: 'object', name: 'x.v1.X', fields: { f: { schema: { type: 'int64' } } } };
    expect(encoder.encode(schema, 'v', 'K', decode(schema, JSON.parse(`{"f":${text}}`)))).toBe(`{"kind":"K","apiVersion":"v","f":${want}}`);
  });

  it('names at most a hundred unknown fields', () => {
    const value = Object.fromEntries(Array.from({ length: 150 }, (_, i) => [`x${i}`, i]));
    expect(decoder.decode(boat, value).unknown).toHaveLength(100);
  });
});

function one(type: ScalarSchema['type'], value: unknown): unknown {
  return decode({ type: 'object', name: 'x.v1.X', fields: { f: { schema: { type } } } }, { f: value })['f'];
}

describe('scalars', () => {
  it.each([
    ['time', '2026-12-31T23:59:59-01:00', '2027-01-01T00:59:59Z'], ['time', '2024-02-29T00:00:00Z', '2024-02-29T00:00:00Z'],
    ['micro-time', '2026-01-02T03:04:05.1234567Z', '2026-01-02T03:04:05.123456Z'], ['micro-time', '2026-01-02T03:04:05Z', '2026-01-02T03:04:05.000000Z'],
    ['quantity', '1.5Gi', '1536Mi'], ['quantity', '0.5', '500m'], ['quantity', 2, '2'], ['quantity', '1000Ki', '1000Ki'], ['quantity', '100000m', '100'], ['quantity', '0', '0'],
    ['bytes', 'aGVs\r\nbG8=', 'aGVsbG8='], ['int-or-string', 80, 80], ['int-or-string', 'http', 'http'], ['int64', -9_007_199_254_740_991, -9_007_199_254_740_991],
  ] as const)('a %s %s is held as %s', (type, value, want) => {
    expect(one(type, value)).toBe(want);
  });

  it.each([
    ['time', 5, 'json: cannot unmarshal number into Go value of type string'], ['time', '2026-13-01T00:00:00Z', 'parsing time "2026-13-01T00:00:00Z"'], ['time', '2026-02-29T00:00:00Z', 'day out of range'],
    ['quantity', true, 'quantities must match'], ['quantity', '1 Gi', 'quantities must match'], ['bytes', 'aGk', 'illegal base64 data at input byte 0'], ['bytes', 'a*==', 'illegal base64 data at input byte 1'],
    ['int64', 9.3e18, 'cannot unmarshal number 9300000000000000000 into Go struct field X.f of type int64'], ['int64', 1.5, 'number 1.5'], ['int-or-string', true, 'cannot unmarshal bool into Go value of type int32'],
    ['double', '1', 'cannot unmarshal string into Go struct field X.f of type float64'],
  ] as const)('a %s %s is refused', (type, value, message) => {
    expect(() => one(type, value)).toThrow(message);
  });
});
