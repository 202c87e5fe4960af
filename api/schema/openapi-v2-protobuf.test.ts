import { describe, expect, it } from 'vitest';
import { fieldsIn, type Value } from '../http/protobuf/wire.ts';
import { encodeDocument } from './openapi-v2-protobuf.ts';

type Tree = [number, number | string | Tree][];

/** The fields of a message; those on `path` are messages too. All else is text or a number. */
function read(value: Value, ...path: number[]): Tree {
  if (!Buffer.isBuffer(value)) throw new Error('a number, not a message');
  const [next, ...rest] = path;
  return fieldsIn(value).map(([number, own]) => [number, number === next ? read(own, ...rest) : Buffer.isBuffer(own) ? own.toString() : Number(own)]);
}

describe('OpenAPI 2 in protobuf', () => {
  it('writes the head of the document', () => {
    expect(read(encodeDocument({ swagger: '2.0', info: { title: 'T', version: 'V' } }), 2)).toEqual([[1, '2.0'], [2, [[1, 'T'], [2, 'V']]]]);
  });

  it('writes definitions with their extensions as YAML', () => {
    const bytes = encodeDocument({ definitions: { Thing: { type: 'object', required: ['a', 'b'], 'x-kubernetes-list-map-keys': ['name'] } } });
    expect(read(bytes, 9, 1, 2, 31, 2)).toEqual([[9, [[1, [[1, 'Thing'], [2, [
      [22, '\n\x06object'], [19, 'a'], [19, 'b'], [31, [[1, 'x-kubernetes-list-map-keys'], [2, [[2, '["name"]']]]]],
    ]]]]]]]);
  });

  it.each([
    ['a choice', { enum: ['A', 'B'] }, [20], [[20, [[2, '"A"']]], [20, [[2, '"B"']]]]],
    ['a list', { items: { $ref: '#/definitions/A' } }, [23, 1], [[23, [[1, [[1, '#/definitions/A']]]]]]],
    ['a map', { additionalProperties: { format: 'int32' } }, [21, 1], [[21, [[1, [[2, 'int32']]]]]]],
    ['properties', { properties: { a: { description: 'd' } } }, [25, 1, 2], [[25, [[1, [[1, 'a'], [2, [[4, 'd']]]]]]]]],
  ])('writes %s', (_, schema, path, fields) => {
    expect(read(encodeDocument({ definitions: { T: schema } }), 9, 1, 2, ...path)).toEqual([[9, [[1, [[1, 'T'], [2, fields]]]]]]);
  });

  it.each([
    ['text', { title: 't', pattern: 'a|b' }, '1a01746a03617c62'],
    ['whole numbers', { maxLength: 300, minLength: 0, maxItems: 5, minItems: 1, maxProperties: 2, minProperties: -1 }, '58ac026000700578018801029001ffffffffffffffffff01'],
    ['numbers', { multipleOf: 0.5, maximum: 3, exclusiveMaximum: true, minimum: -1, exclusiveMinimum: false }, '31000000000000e03f390000000000000840400149000000000000f0bf5000'],
  ])('writes limits that are %s', (_, schema, bytes) => {
    expect(encodeDocument({ definitions: { T: schema } }).toString('hex').endsWith(bytes)).toBe(true);
  });

  it.each([
    ['the body', { name: 'body', in: 'body', required: true }, [1, 1], [[1, [[1, [[2, 'body'], [3, 'body'], [4, 1]]]]]]],
    ['the query', { name: 'q', in: 'query', type: 'string', uniqueItems: true }, [1, 2, 3], [[1, [[2, [[3, [[4, 'q'], [2, 'query'], [6, 'string'], [20, 1]]]]]]]]],
    ['the path', { name: 'n', in: 'path', required: true, type: 'string' }, [1, 2, 4], [[1, [[2, [[4, [[4, 'n'], [2, 'path'], [1, 1], [5, 'string']]]]]]]]],
    ['elsewhere', { $ref: '#/parameters/p' }, [2], [[2, [[1, '#/parameters/p']]]]],
  ])('writes a parameter of %s', (_, parameter, path, fields) => {
    const bytes = encodeDocument({ paths: { '/p': { parameters: [parameter] } } });
    expect(read(bytes, 8, 2, 2, 9, ...path)).toEqual([[8, [[2, [[1, '/p'], [2, [[9, fields]]]]]]]]);
  });

  it('writes operations with their responses by code', () => {
    const bytes = encodeDocument({ paths: { '/p': { patch: { operationId: 'o', consumes: ['a', 'b'], responses: { 200: { description: 'OK' } } } } } });
    expect(read(bytes, 8, 2, 2, 8, 9, 1, 2, 1)).toEqual([[8, [[2, [[1, '/p'], [2, [[8, [
      [5, 'o'], [7, 'a'], [7, 'b'], [9, [[1, [[1, '200'], [2, [[1, [[1, 'OK']]]]]]]]],
    ]]]]]]]]]);
  });

  it('writes lengths of more than one byte', () => {
    const long = 'ä'.repeat(40_000);
    expect(read(encodeDocument({ info: { title: long } }), 2)).toEqual([[2, [[1, long]]]]);
  });

  it.each([
    ['a map of anything', { additionalProperties: true }, [21], [[21, [[2, 1]]]]],
    ['several at once', { allOf: [{ $ref: 'a' }, { $ref: 'b' }] }, [24], [[24, [[1, 'a']]], [24, [[1, 'b']]]]],
  ])('writes %s', (_, schema, path, fields) => {
    expect(read(encodeDocument({ definitions: { T: schema } }), 9, 1, 2, ...path)).toEqual([[9, [[1, [[1, 'T'], [2, fields]]]]]]);
  });

  it.each([
    ['of a header', { name: 'h', in: 'header', type: 'integer', maximum: 2 }, [1, 2, 1], [[1, [[2, [[1, [[4, 'h'], [2, 'header'], [5, 'integer'], [10, 2]]]]]]]]],
    ['of a form, with a list', { name: 'f', in: 'formData', items: { type: 'string', uniqueItems: true } }, [1, 2, 2, 8], [[1, [[2, [[2, [[4, 'f'], [2, 'formData'], [8, [[1, 'string'], [15, 1]]]]]]]]]]],
    ['with a limit and a choice', { name: 'q', in: 'query', format: 'int64', minLength: 3, enum: [1], multipleOf: 4 }, [1, 2, 3, 21], [[1, [[2, [[3, [[4, 'q'], [2, 'query'], [7, 'int64'], [16, 3], [21, [[2, '1']]], [22, 4]]]]]]]]],
  ])('writes another server\'s parameter %s', (_, parameter, path, fields) => {
    const bytes = encodeDocument({ paths: { '/p': { parameters: [parameter] } } });
    expect(read(bytes, 8, 2, 2, 9, ...path)).toEqual([[8, [[2, [[1, '/p'], [2, [[9, fields]]]]]]]]);
  });

  it('leaves out what it has no field for when that is wanted', () => {
    expect(encodeDocument({ definitions: { T: { oneOf: [], type: 'object' } } }, 'left out')).toEqual(encodeDocument({ definitions: { T: { type: 'object' } } }));
  });

  it('refuses what it has no field for', () => {
    expect(() => encodeDocument({ definitions: { T: { oneOf: [] } } })).toThrow('OpenAPI 2 in protobuf has no field for oneOf');
  });

  it.each<[string, Record<string, unknown>, string]>([
    ['a number without end', { minLength: Infinity }, 'a whole number of 64 bits is wanted, not Infinity'],
    ['a number without end, below zero', { minLength: -Infinity }, 'a whole number of 64 bits is wanted, not -Infinity'],
    ['a part of a number', { minItems: 1.5 }, 'a whole number of 64 bits is wanted, not 1.5'],
    ['a limit without end', { maximum: Infinity }, 'a number is wanted, not Infinity'],
    ['an object for a text', { description: { toString: 1, valueOf: 1 } }, 'text is wanted, not of type object'],
    ['a text for a choice', { uniqueItems: 'yes' }, 'true or false is wanted, not of type string'],
    ['one for a list', { required: 'a' }, 'a list is wanted, not of type string'],
    ['a list for an object', { properties: [] }, 'an object is wanted, not a list'],
  ])('refuses %s', (_, schema, message) => {
    expect(() => encodeDocument({ definitions: { T: schema } })).toThrow(message);
  });

  it('takes the largest number that there is for one that no number of JSON can be', () => {
    expect(encodeDocument({ definitions: { T: { maxItems: 2 ** 63 } } }).toString('hex').endsWith('7080f8ffffffffffff7f')).toBe(true);
  });

  it('takes a parameter in a place that nobody knows for one of the query', () => {
    const bytes = encodeDocument(JSON.parse('{"paths":{"/p":{"parameters":[{"in":"__proto__"}]}}}') as Record<string, unknown>);
    const fields = [[1, [[2, [[3, [[2, '__proto__']]]]]]]];
    expect(read(bytes, 8, 2, 2, 9, 1, 2, 3)).toEqual([[8, [[2, [[1, '/p'], [2, [[9, fields]]]]]]]]);
  });
});
