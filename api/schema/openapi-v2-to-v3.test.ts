import { expect, it } from 'vitest';
import { partOf, type Maps } from './openapi-v2-merge.ts';
import { versionThreeOf } from './openapi-v2-to-v3.ts';

const mapsOf = ({ paths, definitions, parameters }: Readonly<Record<keyof Maps, object>>): Maps => (
  { paths: new Map(Object.entries(paths)), definitions: new Map(Object.entries(definitions)), parameters: new Map(Object.entries(parameters)) }
);

it('says in OpenAPI 3 what OpenAPI 2 says', () => {
  const thing = { $ref: '#/definitions/Thing' };
  const kind = { group: 'a.io', version: 'v1', kind: 'Thing' };
  const document = {
    paths: {
      '/apis/a.io/v1/things/{name}': {
        put: {
          operationId: 'replace', deprecated: true, consumes: ['a', 'b'], produces: ['c'], schemes: ['https'], 'x-kubernetes-group-version-kind': kind,
          parameters: [{ name: 'body', in: 'body', required: true, schema: thing }, { $ref: '#/parameters/pretty' }],
          responses: { 200: { description: 'OK', schema: thing }, 401: { description: 'Unauthorized' } },
        },
        parameters: [{ name: 'name', in: 'path', description: 'n', required: true, type: 'string', uniqueItems: true }],
      },
    },
    definitions: {
      Thing: { type: 'object', properties: { items: { type: 'array', items: { ...thing, description: 'd' } }, $ref: { additionalProperties: thing } }, enum: [{ $ref: 'a value' }], 'x-kubernetes-group-version-kind': [kind] },
    },
    parameters: { pretty: { name: 'pretty', in: 'query', type: 'string' } },
  };
  const there = { $ref: '#/components/schemas/Thing' };
  expect(versionThreeOf(partOf(mapsOf(document), '/apis/a.io/v1/'), 'a.io/v1')).toEqual({
    openapi: '3.0.0', info: { title: 'a.io/v1', version: 'unversioned' },
    paths: {
      '/apis/a.io/v1/things/{name}': {
        put: {
          operationId: 'replace', deprecated: true, 'x-kubernetes-group-version-kind': kind,
          parameters: [{ name: 'pretty', in: 'query', schema: { type: 'string' } }],
          requestBody: { required: true, content: { a: { schema: there }, b: { schema: there } } },
          responses: { 200: { description: 'OK', content: { c: { schema: there } } }, 401: { description: 'Unauthorized' } },
        },
        parameters: [{ name: 'name', in: 'path', description: 'n', required: true, schema: { type: 'string', uniqueItems: true } }],
      },
    },
    components: {
      schemas: {
        Thing: {
          type: 'object', properties: { items: { type: 'array', items: { description: 'd', allOf: [there] } }, $ref: { additionalProperties: there } },
          enum: [{ $ref: 'a value' }], 'x-kubernetes-group-version-kind': [kind],
        },
      },
    },
  });
});

it('says nothing that were too large, though OpenAPI 2 says it once', () => {
  const parameters = Array.from({ length: 2000 }, () => ({ $ref: '#/parameters/long' }));
  const document = { paths: { '/apis/a.io/v1/a': { get: { parameters } } }, definitions: {}, parameters: { long: { name: 'long', in: 'query', description: 'x'.repeat(1_000_000) } } };
  expect(() => versionThreeOf(mapsOf(document), 'a.io/v1')).toThrow('would have more than 33554432 characters');
});
