import { describe, expect, it } from 'vitest';
import { readDocument } from './openapi-v2-document.ts';
import { createPause } from './openapi-pieces.ts';
import { openApiV2Protobuf } from './openapi-v2.ts';

const read = (document: string) => readDocument(Buffer.from(document), createPause());
const nested = (before: string, after: string, levels: number) => `{"definitions":{"D":${before.repeat(levels)}{}${after.repeat(levels)}}}`;

describe('another server\'s document of OpenAPI 2', () => {
  it('is read whole, with what nobody here knows', async () => {
    const { paths, definitions, parameters } = await read('{"paths":{"/a":{"get":{}}},"definitions":{"D":{"type":"object","oneOf":[],"description":null}},"future":[]}');
    expect([[...paths], [...definitions], [...parameters]]).toEqual([[['/a', { get: {} }]], [['D', { type: 'object', oneOf: [], description: null }]], []]);
  });

  it.each<[string, string, string]>([
    ['no JSON', '{', 'JSON'],
    ['no object', '[]', 'the document is no object'],
    ['without a map of paths', '{"paths":[]}', 'the document\'s paths are no object'],
    ['with a number without end', '{"definitions":{"x":{"minLength":1e999}}}', '"x" in definitions can not be told on: a whole number of 64 bits is wanted, not Infinity'],
    ['with an object for a text', '{"paths":{"/a":{"get":{"description":{"toString":1}}}}}', '"/a" in paths can not be told on: text is wanted, not of type object'],
    ['that is too deep', nested('{"properties":{"a":', '}}', 600), 'the document is nested more than 1000 levels deep'],
    ['that is much too deep', nested('{"items":', '}', 100_000), 'the document is nested more than 1000 levels deep'],
    ['that is too large', `{"definitions":{"D":{"enum":[${'0,'.repeat(500_000)}0]}}}`, 'the document has more than 500000 values'],
  ])('is refused %s', async (_name, document, message) => {
    await expect(read(document)).rejects.toThrow(message);
  });

  it.each([['properties', '{"properties":{"a":', '}}', 498], ['items', '{"items":', '}', 997], ['maps', '{"additionalProperties":', '}', 997], ['parts', '{"allOf":[', ']}', 498]])('is told on with %s as deep as they may be', async (_name, before, after, levels) => {
    const part = await read(nested(before, after, levels));
    await expect(openApiV2Protobuf([], [part])).resolves.toBeInstanceOf(Buffer);
  });
});
