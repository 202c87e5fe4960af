import { describe, expect, it } from 'vitest';
import { fieldErrorTexts, Path } from '../../../machinery/field-path.ts';
import { validateSchema } from '../definition/schema-rules.ts';
import { fillDefaults } from './defaults.ts';
import { hasFormat } from './formats.ts';
import { mendEmbedded, readEmbedded, validateEmbedded } from './embedded.ts';
import { validateLists } from './lists.ts';
import { objectSchemaOf } from './object-schema.ts';
import { prune } from './prune.ts';
import { structuralOf } from './structural.ts';
import { validateValue } from './validate.ts';

const object = (properties: object, more: object = {}) => ({ type: 'object', properties, ...more });
const anything = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };

describe('pruning', () => {
  it.each<[string, object, object, object, string[]]>([
    ['drops what isn\'t specified', object({ a: { type: 'string' } }), { a: 'x', b: 1, kind: 'K', metadata: { name: 'n' } }, { a: 'x', kind: 'K', metadata: { name: 'n' } }, ['b']],
    ['goes into lists and maps', object({ l: { type: 'array', items: object({ a: { type: 'string' } }) }, m: { type: 'object', additionalProperties: object({ a: { type: 'string' } }) } }),
      { l: [{ a: 'x' }, { b: 1 }], m: { k: { a: 'x', b: 1 } } }, { l: [{ a: 'x' }, {}], m: { k: { a: 'x' } } }, ['l[1].b', 'm.k.b']],
    ['keeps what is left open', object({ o: anything }), { o: { any: [{ thing: 1 }] } }, { o: { any: [{ thing: 1 }] } }, []],
    ['prunes what an open object does specify', object({ o: { ...anything, properties: { inner: object({ a: { type: 'string' } }) } } }), { o: { inner: { b: 1 }, other: { b: 1 } } }, { o: { inner: {}, other: { b: 1 } } }, ['o.inner.b']],
    ['keeps what makes an embedded object one', object({ e: object({ spec: object({}) }, { 'x-kubernetes-embedded-resource': true }) }), { e: { kind: 'Pod', apiVersion: 'v1', metadata: { name: 'x' }, spec: { a: 1 }, b: 1 } }, { e: { kind: 'Pod', apiVersion: 'v1', metadata: { name: 'x' }, spec: {} } }, ['e.spec.a', 'e.b']],
    ['takes a map of anything for a map of scalars', object({ m: { type: 'object', additionalProperties: true } }), { m: { a: 1, b: { c: 1 } } }, { m: { a: 1, b: {} } }, ['m.b.c']],
  ])('%s', (_name, schema, value, left, dropped) => {
    const pruned = structuredClone(value) as Record<string, unknown>;
    expect(prune(pruned, structuralOf(schema))).toEqual(dropped);
    expect(pruned).toEqual(left);
  });
});

describe('defaulting', () => {
  const schema = structuralOf(object({
    a: { type: 'string', default: 'x' }, n: { type: 'string', nullable: true, default: 'x' }, plain: { type: 'string' },
    o: object({ b: { type: 'integer', default: 1 } }), d: object({ b: { type: 'integer', default: 1 } }, { default: {} }),
    l: { type: 'array', items: object({ p: { type: 'string', default: 'TCP' } }) },
  }));

  it.each<[string, object, object]>([
    ['fills what is absent, and goes into what is there', { o: {}, l: [{}, { p: 'UDP' }] }, { a: 'x', n: 'x', o: { b: 1 }, d: { b: 1 }, l: [{ p: 'TCP' }, { p: 'UDP' }] }],
    ['leaves out objects without a default', {}, { a: 'x', n: 'x', d: { b: 1 } }],
    ['takes null where it is allowed, and else for absent', { a: null, n: null, plain: null }, { a: 'x', n: null, d: { b: 1 } }],
  ])('%s', (_name, value, filled) => {
    fillDefaults(value, schema);
    expect(value).toEqual(filled);
  });

  it('shares nothing with the schema', () => {
    const first: { d?: { b?: number } } = {};
    fillDefaults(first, schema);
    (first.d ?? {}).b = 7;
    const second = {};
    fillDefaults(second, schema);
    expect(second).toMatchObject({ d: { b: 1 } });
  });
});

describe('a value', () => {
  it.each<[string, object, unknown, string[]]>([
    ['of another type', { type: 'integer' }, 'x', ['f: Invalid value: "string": f in body must be of type integer: "string"']],
    ['that is no whole number', { type: 'integer' }, 1.5, ['f: Invalid value: "number": f in body must be of type integer: "number"']],
    ['that is a very large whole number', { type: 'integer', minimum: 0 }, 2n ** 60n, []],
    ['that is null', { type: 'string' }, null, ['f: Invalid value: "null": f in body must be of type string: "null"']],
    ['that may be null', { type: 'string', nullable: true }, null, []],
    ['that is too long', { type: 'string', maxLength: 2 }, 'abc', ['f: Too long: may not be more than 2 bytes']],
    ['that is too short', { type: 'string', minLength: 2 }, 'a', ['f: Invalid value: "a": f in body should be at least 2 chars long']],
    ['that is not one of', { type: 'string', enum: ['a', 'b'] }, 'c', ['f: Unsupported value: "c": supported values: "a", "b"']],
    ['of no such pattern', { type: 'string', pattern: '^a+$' }, 'b', ["f: Invalid value: \"b\": f in body should match '^a+$'"]],
    ['of no such format', { type: 'string', format: 'date-time' }, 'b', ['f: Invalid value: "b": f in body must be of type date-time: "b"']],
    ['that is too large', { type: 'integer', maximum: 3, exclusiveMaximum: true }, 3, ['f: Invalid value: 3: f in body should be less than 3']],
    ['that is too small', { type: 'number', minimum: 0.5 }, 0.25, ['f: Invalid value: 0.25: f in body should be greater than or equal to 0.5']],
    ['that is no multiple', { type: 'integer', multipleOf: 5 }, 7, ['f: Invalid value: 7: f in body should be a multiple of 5']],
    ['with too many items', { type: 'array', maxItems: 1, items: { type: 'integer' } }, [1, 2], ['f: Too many: 2: must have at most 1 items']],
    ['with too few items', { type: 'array', minItems: 1, items: { type: 'integer' } }, [], ['f: Invalid value: 0: f in body should have at least 1 items']],
    ['with a wrong item', { type: 'array', items: object({ a: { type: 'string' } }, { required: ['a'] }) }, [{ a: 'x' }, {}], ['f[1].a: Required value']],
    ['with too many members', { type: 'object', maxProperties: 1, additionalProperties: { type: 'integer' } }, { a: 1, b: 'x' }, ['f: Too many: 2: must have at most 1 items', 'f.b: Invalid value: "string": f.b in body must be of type integer: "string"']],
    ['that is neither number nor text', { 'x-kubernetes-int-or-string': true }, true, ['f: Invalid value: "boolean": f in body must be of type integer,string: "boolean"']],
    ['of no alternative', object({ a: { type: 'string' }, b: { type: 'string' } }, { oneOf: [{ required: ['a'] }, { required: ['b'] }] }), {}, ['<nil>: Invalid value: "": "f" must validate one and only one schema (oneOf). Found none valid', 'f.a: Required value']],
    ['of two alternatives', object({ a: { type: 'string' }, b: { type: 'string' } }, { oneOf: [{ required: ['a'] }, { required: ['b'] }] }), { a: '', b: '' }, ['<nil>: Invalid value: "": "f" must validate one and only one schema (oneOf). Found 2 valid alternatives']],
    ['that must not be', { type: 'string', not: { pattern: '^a' } }, 'ab', ['<nil>: Invalid value: "": "f" must not validate the schema (not)']],
    ['that must be all', { type: 'string', allOf: [{ minLength: 2 }, { pattern: '^a' }] }, 'b', ['f: Invalid value: "b": f in body should be at least 2 chars long', "f: Invalid value: \"b\": f in body should match '^a'"]],
  ])('%s is told', (_name, schema, value, errors) => {
    expect(fieldErrorTexts(validateValue(value, structuralOf(schema), new Path('f')))).toEqual(errors);
  });

  it('is held to what it was before: only what changed must be valid', () => {
    const schema = structuralOf(object({ a: { type: 'string', maxLength: 1 }, l: { type: 'array', 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['n'], items: object({ n: { type: 'string' }, v: { type: 'integer', maximum: 1 } }) } }));
    const old = { value: { a: 'old', l: [{ n: 'x', v: 7 }, { n: 'y', v: 1 }] } };
    expect(validateValue({ a: 'old', l: [{ n: 'y', v: 1 }, { n: 'x', v: 7 }] }, schema, new Path(), old)).toEqual([]);
    expect(fieldErrorTexts(validateValue({ a: 'new', l: [{ n: 'x', v: 8 }] }, schema, new Path(), old))).toEqual(['a: Too long: may not be more than 1 bytes', 'l[0].v: Invalid value: 8: l[0].v in body should be less than or equal to 1']);
  });

  it.each([
    ['a map-like list in another order', { l: [{ n: 'z', p: 3 }, { n: 'x', p: 1 }, { n: 'y', p: 2 }] }, []],
    ['a map-like list with another item', { l: [{ n: 'x', p: 1 }, { n: 'y', p: 2 }, { n: 'z', p: 4 }] }, ['l: Too many: 3: must have at most 2 items']],
    ['a map-like list with fewer items', { l: [{ n: 'x', p: 1 }, { n: 'y', p: 2 }] }, []],
    ['an item that differs by one field', { l: [{ n: 'x', p: 1 }], m: [{ n: 'k', p: 5, more: 'c' }] }, []],
    ['another list in another order', { s: ['cc', 'bb'] }, ['s[0]: Too long: may not be more than 1 bytes', 's[1]: Too long: may not be more than 1 bytes']],
  ])('is judged anew when it is %s', (_is, value, errors) => {
    const item = { type: 'object', properties: { n: { type: 'string' }, p: { type: 'integer', multipleOf: 2 }, more: { type: 'string' } } };
    const mapLike = { type: 'array', 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['n'] };
    const schema = structuralOf(object({ l: { ...mapLike, maxItems: 2, items: object({ n: { type: 'string' }, p: { type: 'integer' } }) }, m: { ...mapLike, items: item }, s: { type: 'array', items: { type: 'string', maxLength: 1 } } }));
    const old = { value: { l: [{ n: 'x', p: 1 }, { n: 'y', p: 2 }, { n: 'z', p: 3 }], m: [{ n: 'k', p: 5 }], s: ['bb', 'cc'] } };
    expect(fieldErrorTexts(validateValue(value, schema, new Path(), old))).toEqual(errors);
  });

  it.each<[string, object, unknown, string[]]>([
    ['items of sets', { type: 'array', 'x-kubernetes-list-type': 'set', items: { type: 'string' } }, ['a', 'b', 'a'], ['f[2]: Duplicate value: "a"']],
    ['items of maps', { type: 'array', 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['n', 'p'], items: object({ n: { type: 'string' }, p: { type: 'string', default: 'TCP' } }) }, [{ n: 'a', p: 'TCP' }, { n: 'a', p: 'TCP' }], ['f[1]: Duplicate value: {"n":"a","p":"TCP"}']],
    ['embedded objects', { ...anything, 'x-kubernetes-embedded-resource': true }, { kind: '%', metadata: { name: '..' } }, ['f.apiVersion: Required value', expect.stringContaining('f.kind: Invalid value: "%": may have mixed case, but should otherwise match: ') as unknown as string, 'f.metadata.name: Invalid value: "..": may not be \'..\'']],
  ])('has no %s twice or incomplete', (_name, schema, value, errors) => {
    expect(fieldErrorTexts([...validateLists(value, structuralOf(schema), new Path('f')), ...validateEmbedded(value, structuralOf(schema), new Path('f'))])).toEqual(errors);
  });
});

describe('formats', () => {
  it.each([
    ['ipv4', '10.0.0.1', true], ['ipv4', '10.0.0.256', false], ['ipv6', '::1', true], ['cidr', '10.0.0.0/8', true], ['cidr', '10.0.0.0', false], ['uri', 'https://a.example/x', true], ['uri', 'x', false],
    ['email', 'a@b.example', true], ['email', 'a', false], ['uuid', '123e4567-e89b-12d3-a456-426614174000', true], ['uuid4', '123e4567-e89b-12d3-a456-426614174000', false],
    ['date', '2024-02-29', true], ['date', '2023-02-29', false], ['date-time', '2024-02-29T12:00:00Z', true], ['date-time', '2024-02-29', false], ['duration', '1h30m', true], ['duration', 'soon', false],
    ['byte', 'YQ==', true], ['byte', 'a', false], ['hostname', 'a.example', true], ['creditcard', '4111 1111 1111 1111', true], ['creditcard', '4111111111111112', false], ['whatever', 'x', true],
  ])('%s: %s is %s', (format, text, valid) => {
    expect(hasFormat(text, format)).toBe(valid);
  });
});

describe('a definition\'s schema', () => {
  const list = (more: object) => object({ l: { type: 'array', items: object({ n: { type: 'string' } }), ...more } });
  it.each<[string, object, string[]]>([
    ['without a type', { properties: {} }, ['s.type: Required value: must not be empty at the root']],
    ['that is no object', { type: 'string' }, ['s.type: Invalid value: "string": must be object at the root']],
    ['with a field without a type', object({ a: {} }), ['s.properties[a].type: Required value: must not be empty for specified object fields']],
    ['with items without a type', object({ a: { type: 'array', items: {} } }), ['s.properties[a].items.type: Required value: must not be empty for specified array items']],
    ['with a list without items', object({ a: { type: 'array' } }), ['s.properties[a].items: Required value: must be specified']],
    ['with properties and more', object({ a: object({ b: { type: 'string' } }, { additionalProperties: { type: 'string' } }) }), ['s.properties[a].additionalProperties: Forbidden: additionalProperties and properties are mutual exclusive']],
    ['with a reference', object({ a: { type: 'string', $ref: '#/x' } }), ['s.properties[a].$ref: Forbidden: $ref is not supported']],
    ['with unique items', object({ a: { type: 'array', uniqueItems: true, items: { type: 'string' } } }), ['s.properties[a].uniqueItems: Forbidden: uniqueItems cannot be set to true since the runtime complexity becomes quadratic']],
    ['with types in branches', object({ a: { type: 'string', anyOf: [{ type: 'string', description: 'd' }] } }), ['s.properties[a].anyOf[0].description: Forbidden: must be empty to be structural', 's.properties[a].anyOf[0].type: Forbidden: must be empty to be structural']],
    ['with fields in branches only', object({}, { anyOf: [{ properties: { a: { minLength: 1 } } }] }), ['s.properties[a]: Required value: because it is defined in s.anyOf[0].properties[a]']],
    ['with branches of int-or-string', object({ a: { 'x-kubernetes-int-or-string': true, anyOf: [{ type: 'integer' }, { type: 'string' }] } }), []],
    ['with a default of another type', object({ a: { type: 'string', default: 1 } }), ['s.properties[a].default: Invalid value: "integer":  in body must be of type string: "integer"']],
    ['with a default that is pruned', object({ a: object({ b: { type: 'string' } }, { default: { c: 1 } }) }), ['s.properties[a].default: Invalid value: {"c":1}: must not have unknown fields']],
    ['with a map-like list without keys', list({ 'x-kubernetes-list-type': 'map' }), ['s.properties[l].x-kubernetes-list-map-keys: Required value: must not be empty if x-kubernetes-list-type is map']],
    ['with keys that may be absent', list({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['n'] }), ['s.properties[l].items.properties[n].default: Required value: this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property']],
    ['with restricted metadata', object({ metadata: object({ labels: { type: 'object' } }) }), ['s.properties[metadata]: Forbidden: must not specify anything other than name and generateName, but metadata is implicitly specified']],
    ['with a pattern that is none', object({ a: { type: 'string', pattern: '(' } }), [expect.stringContaining('s.properties[a].pattern: Invalid value: "(": must be a valid regular expression') as unknown as string]],
  ])('%s is judged', (_name, schema, errors) => {
    expect(fieldErrorTexts(validateSchema(schema, new Path('s'), { hasStatus: false, isUnchanged: false }))).toEqual(errors);
  });
});

it('apply sees the schema\'s lists, maps and open objects', () => {
  const schema = objectSchemaOf(structuralOf(object({ spec: object({
    l: { type: 'array', 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['n'], items: object({ n: { type: 'string', default: 'x' } }) },
    m: { type: 'object', additionalProperties: { type: 'integer' } }, open: anything, atomic: object({}, { 'x-kubernetes-map-type': 'atomic' }), size: { 'x-kubernetes-int-or-string': true },
  }) })), 'example.v1.Thing', { group: 'example', version: 'v1', kind: 'Thing' });
  const spec = schema.fields['spec']?.schema;
  expect(Object.keys(schema.fields)).toEqual(['apiVersion', 'kind', 'metadata', 'spec']);
  expect(spec).toMatchObject({ type: 'object', fields: {
    l: { schema: { type: 'list', listType: 'map', mapKeys: ['n'], items: { type: 'object', fields: { n: { default: 'x' } } } } },
    m: { schema: { type: 'map', values: { type: 'int64' } } }, open: { schema: { type: 'object', preservesUnknown: true } }, atomic: { schema: { mapType: 'atomic' } }, size: { schema: { type: 'int-or-string' } },
  } });
});

const pod = (metadata: unknown) => ({ apiVersion: 'v1', kind: 'Pod', metadata });

describe('an embedded object', () => {
  const embedded = { ...anything, 'x-kubernetes-embedded-resource': true };
  const schema = structuralOf(object({ pods: { type: 'array', items: embedded }, free: anything }));

  it('has the metadata of every object, and no other', () => {
    const value = { pods: [pod({ name: 'a', labels: { b: 'c' }, other: 1 })], free: pod({ other: 1 }) };
    expect(readEmbedded(value, schema)).toEqual(['pods[0].metadata.other']);
    expect(value).toEqual({ pods: [pod({ name: 'a', labels: { b: 'c' } })], free: pod({ other: 1 }) });
  });

  it.each([
    [pod({ namespace: 42 }), 'pods[0].metadata: Invalid value: {"namespace":42}: json: cannot unmarshal number into Go struct field ObjectMeta.namespace of type string'],
    [pod('a'), 'pods[0].metadata: Invalid value: "a": json: cannot unmarshal string into Go value of type v1.ObjectMeta'],
    [{ ...pod({}), kind: 1 }, 'pods[0].kind: Invalid value: 1: must be a string'],
  ])('of another type is refused: %j', (one, problem) => {
    expect(() => readEmbedded({ pods: [one] }, schema)).toThrow(problem);
  });

  it('that is stored otherwise is shown as far as it fits', () => {
    const value = { pods: [{ ...pod({ name: 'a', namespace: 42, other: 1 }), kind: 7 }] };
    mendEmbedded(value, schema);
    expect(value).toEqual({ pods: [{ apiVersion: 'v1', metadata: { name: 'a' } }] });
  });
});
