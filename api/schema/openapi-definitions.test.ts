import { describe, expect, it } from 'vitest';
import type { Field, ObjectSchema } from '../../machinery/schema.ts';
import { closureOf, define, type Describe, type NamedSchema, type OpenApiSchema } from './openapi-definitions.ts';

const inner: ObjectSchema = { type: 'object', name: 'test.Inner', fields: {} };
const text = { type: 'string' } as const;

interface Row {
  readonly what: string;
  readonly field: Field;
  readonly two: OpenApiSchema;
  readonly three: OpenApiSchema;
}

const meta = 'io.k8s.apimachinery.pkg.apis.meta.v1';
const at2 = (name: string) => ({ $ref: `#/definitions/${name}` });
const at3 = (name: string) => ({ $ref: `#/components/schemas/${name}` });

const rows: readonly Row[] = [
  { what: 'an optional string', field: { schema: text }, two: { type: 'string' }, three: { type: 'string' } },
  { what: 'a required string', field: { schema: text, required: true }, two: { type: 'string' }, three: { type: 'string', default: '' } },
  { what: 'a string with a default', field: { schema: text, default: 'TCP', presence: 'nonzero' }, two: { type: 'string' }, three: { type: 'string', default: 'TCP' } },
  { what: 'a required count', field: { schema: { type: 'int32' }, required: true }, two: { type: 'integer', format: 'int32' }, three: { type: 'integer', format: 'int32', default: 0 } },
  { what: 'a long count', field: { schema: { type: 'int64' } }, two: { type: 'integer', format: 'int64' }, three: { type: 'integer', format: 'int64' } },
  { what: 'a fraction', field: { schema: { type: 'double' } }, two: { type: 'number', format: 'double' }, three: { type: 'number', format: 'double' } },
  { what: 'bytes', field: { schema: { type: 'bytes' } }, two: { type: 'string', format: 'byte' }, three: { type: 'string', format: 'byte' } },
  { what: 'a described string', field: { schema: text, description: 'Says what.' }, two: { type: 'string', description: 'Says what.' }, three: { type: 'string', description: 'Says what.' } },
  { what: 'a choice', field: { schema: text, enum: ['A', 'B'] }, two: { type: 'string', enum: ['A', 'B'] }, three: { type: 'string', enum: ['A', 'B'] } },
  {
    what: 'a list of choices', field: { schema: { type: 'list', items: text }, enum: ['A', 'B'] },
    two: { type: 'array', items: { type: 'string', enum: ['A', 'B'] } }, three: { type: 'array', items: { type: 'string', default: '', enum: ['A', 'B'] } },
  },
  { what: 'an object that may be absent', field: { schema: inner }, two: at2('test.Inner'), three: at3('test.Inner') },
  { what: 'a described object', field: { schema: inner, description: 'In it.' }, two: { ...at2('test.Inner'), description: 'In it.' }, three: { allOf: [at3('test.Inner')], description: 'In it.' } },
  { what: 'an object that is always written', field: { schema: inner, presence: 'always' }, two: at2('test.Inner'), three: { allOf: [at3('test.Inner')], default: {} } },
  { what: 'a required object that is kept only when given', field: { schema: inner, required: true, presence: 'given' }, two: at2('test.Inner'), three: at3('test.Inner') },
  { what: 'a time', field: { schema: { type: 'time' } }, two: at2(`${meta}.Time`), three: at3(`${meta}.Time`) },
  { what: 'an opaque value with a definition', field: { schema: { type: 'any', name: 'test.Raw' } }, two: at2('test.Raw'), three: at3('test.Raw') },
  {
    what: 'an opaque value without one', field: { schema: { type: 'any' } },
    two: { 'x-kubernetes-preserve-unknown-fields': true }, three: { 'x-kubernetes-preserve-unknown-fields': true },
  },
  {
    what: 'a list that merges by key', field: { schema: { type: 'list', items: inner, listType: 'map', mapKeys: ['name'] }, patchStrategy: ['merge', 'retainKeys'], patchMergeKey: 'name' },
    two: {
      type: 'array', items: at2('test.Inner'), 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['name'],
      'x-kubernetes-patch-strategy': 'merge,retainKeys', 'x-kubernetes-patch-merge-key': 'name',
    },
    three: {
      type: 'array', items: { allOf: [at3('test.Inner')], default: {} }, 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['name'],
      'x-kubernetes-patch-strategy': 'merge,retainKeys', 'x-kubernetes-patch-merge-key': 'name',
    },
  },
  {
    what: 'an atomic map of text', field: { schema: { type: 'map', values: text }, mapType: 'atomic' },
    two: { type: 'object', additionalProperties: { type: 'string' }, 'x-kubernetes-map-type': 'atomic' },
    three: { type: 'object', additionalProperties: { type: 'string', default: '' }, 'x-kubernetes-map-type': 'atomic' },
  },
  {
    what: 'a map of lists', field: { schema: { type: 'map', values: { type: 'list', items: text } } },
    two: { type: 'object', additionalProperties: { type: 'array', items: { type: 'string' } } },
    three: { type: 'object', additionalProperties: { type: 'array', items: { type: 'string', default: '' } } },
  },
];

/** No descriptions. */
const bare = () => ({});

describe('a field in OpenAPI', () => {
  it.each(rows)('tells $what', ({ field, two, three }) => {
    const schema: ObjectSchema = { type: 'object', name: 'test.Outer', fields: { field } };
    expect(define(schema, 2, bare).schema.properties).toEqual({ field: two });
    expect(define(schema, 3, bare).schema.properties).toEqual({ field: three });
  });
});

function described(schema: ObjectSchema, texts: Describe): (string | undefined)[] {
  return Object.values(define(schema, 3, texts).schema.properties ?? {}).map(({ description }) => description);
}

describe('a definition in OpenAPI', () => {
  it('carries its kind, its required fields by name, and the descriptions that come with it', () => {
    const schema: ObjectSchema = {
      type: 'object', name: 'test.Thing', kind: { group: 'test', version: 'v1', kind: 'Thing' }, mapType: 'atomic',
      fields: { b: { schema: text, required: true }, a: { schema: text, required: true } },
    };
    expect(define(schema, 2, () => ({ '': 'A thing.', a: 'First.' })).schema).toEqual({
      type: 'object', description: 'A thing.', required: ['a', 'b'], properties: { a: { type: 'string', description: 'First.' }, b: { type: 'string' } },
      'x-kubernetes-group-version-kind': [{ group: 'test', version: 'v1', kind: 'Thing' }], 'x-kubernetes-map-type': 'atomic',
    });
  });

  it('describes a struct where the models are silent: as usual by that name, or by what the struct says of itself', () => {
    const part: ObjectSchema = { type: 'object', name: 'test.Part', fields: {} };
    const fields = { spec: { schema: inner }, status: { schema: inner }, part: { schema: part }, needed: { schema: part, required: true }, parts: { schema: { type: 'list', items: part } }, state: { schema: text } } satisfies Record<string, Field>;
    const thing: ObjectSchema = { type: 'object', name: 'test.Thing', fields };
    const texts = (definition: string) => (definition === 'test.Part' ? { '': 'A part.' } : {});
    expect(described(thing, texts)).toEqual(['What is wanted.', 'What was observed last. Written by the system.', 'A part.', 'A part.', undefined, undefined]);
    expect(described(thing, bare)).toEqual(['What is wanted.', 'What was observed last. Written by the system.', undefined, undefined, undefined, undefined]);
    // Not in `allOf`: `kubectl explain` would say it twice.
    expect(define(thing, 3, texts).schema.properties?.['part']).toEqual({ $ref: '#/components/schemas/test.Part', description: 'A part.' });
  });

  it.each<[string, NamedSchema, OpenApiSchema, OpenApiSchema]>([
    ['a quantity', { type: 'quantity', name: 'q' }, { type: 'string' }, { oneOf: [{ type: 'string' }, { type: 'number' }] }],
    ['a number or text', { type: 'int-or-string', name: 'i' }, { type: 'string', format: 'int-or-string' }, { format: 'int-or-string', oneOf: [{ type: 'integer' }, { type: 'string' }] }],
    ['a time', { type: 'micro-time', name: 't' }, { type: 'string', format: 'date-time' }, { type: 'string', format: 'date-time' }],
    ['an opaque object', { type: 'any', name: 'io.k8s.apimachinery.pkg.runtime.RawExtension' }, { type: 'object' }, { type: 'object' }],
    ['any JSON', { type: 'any', name: 'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSON' }, {}, {}],
  ])('of %s says its form in the words of each version', (_, schema, two, three) => {
    const form = (version: 2 | 3) => {
      const { description, ...rest } = define(schema, version, bare).schema;
      expect(description).toMatch(/\.$/);
      return rest;
    };
    expect(form(2)).toEqual(two);
    expect(form(3)).toEqual(three);
  });
});

describe('the closure of definitions', () => {
  it('ends for a schema that contains itself, and is sorted by name', async () => {
    const tree: ObjectSchema = {
      type: 'object', name: 'test.Tree',
      get fields() {
        return { children: { schema: { type: 'list', items: tree } }, leaf: { schema: inner }, since: { schema: { type: 'time' } } } satisfies Record<string, Field>;
      },
    };
    const found = await closureOf([tree], (schema) => define(schema, 3, bare), () => Promise.resolve());
    expect([...found.keys()]).toEqual([`${meta}.Time`, 'test.Inner', 'test.Tree']);
  });
});
