import { describe, expect, it } from 'vitest';
import type { OpenApiSchema } from '../schema/openapi-definitions.ts';
import { openApiOf } from './openapi.ts';
import { structuralOf } from './schema/structural.ts';

const kind = { group: 'stable.example.com', version: 'v1', kind: 'CronTab' };

/** Of a kind with one field `f`. */
function published(field: object, version: 2 | 3, root: object = {}): OpenApiSchema {
  return openApiOf(structuralOf({ type: 'object', properties: { f: field }, ...root }), kind, version, []).schema;
}

const f = (field: object, version: 2 | 3, root: object = {}) => published(field, version, root).properties?.['f'];

const listed = { type: 'object', required: ['name'], properties: { name: { type: 'string', pattern: 'a|b', maxLength: 5, default: 'a', title: 'A name' }, feeling: { type: 'string', enum: ['Great', 'Down'] } } };

describe('the definition of a custom resource', () => {
  it.each([2, 3] as const)('has in version %i the metadata of every object', (version) => {
    const { properties, required, 'x-kubernetes-group-version-kind': kinds, ...rest } = published({ type: 'string' }, version, { description: 'Runs.' });
    expect(Object.keys(properties ?? {})).toEqual(['apiVersion', 'f', 'kind', 'metadata']);
    expect(required).toBeUndefined();
    expect(kinds).toEqual([kind]);
    expect(rest).toEqual({ type: 'object', description: 'Runs.' });
  });

  it.each([2, 3] as const)('is in version %i as it was written, where both can say it', (version) => {
    const field = { type: 'array', description: 'Bars.', items: listed, maxItems: 3, 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['name'] };
    expect(f(field, version)).toEqual(field);
    const map = { type: 'object', additionalProperties: { type: 'integer', format: 'int32', minimum: 1, exclusiveMinimum: true } };
    expect(f(map, version)).toEqual(map);
  });

  it.each([
    ['may be null', { type: 'string', nullable: true, maxLength: 3 }, { maxLength: 3 }],
    ['may be null, with parts', { type: 'object', nullable: true, properties: { a: { type: 'string' } } }, {}],
    ['holds anything', { type: 'object', 'x-kubernetes-preserve-unknown-fields': true, properties: { a: { type: 'string' } } }, { 'x-kubernetes-preserve-unknown-fields': true }],
    ['is a list of anything', { type: 'array', 'x-kubernetes-preserve-unknown-fields': true, items: { type: 'object' } }, { 'x-kubernetes-preserve-unknown-fields': true }],
    ['is narrowed by branches', { type: 'object', properties: { a: { type: 'string' } }, oneOf: [{ required: ['a'] }] }, { type: 'object', properties: { a: { type: 'string' } } }],
    ['requires what may be null', { type: 'object', required: ['a', 'b'], properties: { a: { type: 'string', nullable: true }, b: { type: 'string' } } }, { type: 'object', required: ['b'], properties: { a: {}, b: { type: 'string' } } }],
    ['is a number or a string', { 'x-kubernetes-int-or-string': true }, { 'x-kubernetes-int-or-string': true }],
  ])('leaves out in version 2, of a field that %s, what its clients would get wrong', (_what, field, expected) => {
    expect(f(field, 2)).toEqual(expected);
  });

  it('says in version 2 of a kind that holds anything only that', () => {
    expect(published({ type: 'string' }, 2, { 'x-kubernetes-preserve-unknown-fields': true, description: 'Any.' })).toEqual({ type: 'object', 'x-kubernetes-group-version-kind': [kind] });
    expect(f({ type: 'string' }, 3, { 'x-kubernetes-preserve-unknown-fields': true })).toEqual({ type: 'string' });
  });

  it.each([
    ['alone', {}, { anyOf: [{ type: 'integer' }, { type: 'string' }] }],
    ['as it was written', { anyOf: [{ type: 'integer' }, { type: 'string' }] }, { anyOf: [{ type: 'integer' }, { type: 'string' }] }],
    ['within', { allOf: [{ anyOf: [{ type: 'integer' }, { type: 'string' }] }, { maximum: 3 }] }, { allOf: [{ anyOf: [{ type: 'integer' }, { type: 'string' }] }, { maximum: 3 }] }],
    ['beside other choices', { anyOf: [{ maximum: 3 }] }, { allOf: [{ anyOf: [{ type: 'integer' }, { type: 'string' }] }], anyOf: [{ maximum: 3 }] }],
  ])('says in version 3 what an int-or-string is, %s', (_how, more, expected) => {
    expect(f({ 'x-kubernetes-int-or-string': true, ...more }, 3)).toEqual({ 'x-kubernetes-int-or-string': true, ...expected });
  });

  it.each([2, 3] as const)('knows in version %i what an embedded object has', (version) => {
    const embedded = f({ type: 'object', 'x-kubernetes-embedded-resource': true, required: ['spec'], properties: { spec: { type: 'object' } } }, version);
    expect(Object.keys(embedded?.properties ?? {})).toEqual(['apiVersion', 'kind', 'metadata', 'spec']);
    expect(embedded?.required).toEqual(['spec', 'kind', 'apiVersion']);
    const open = f({ type: 'object', 'x-kubernetes-embedded-resource': true, 'x-kubernetes-preserve-unknown-fields': true }, version);
    expect(Object.keys(open?.properties ?? {})).toEqual(version === 2 ? [] : ['apiVersion', 'kind', 'metadata']);
  });
});
