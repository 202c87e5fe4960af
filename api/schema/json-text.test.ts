import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mostDepth, readJson } from './json-text.ts';

const read = (text: string) => readJson(Buffer.from(text));

describe('JSON text', () => {
  it('is read as it is, whatever it holds', () => {
    fc.assert(fc.property(fc.json({ maxDepth: 4 }), (text) => {
      expect(read(text)).toEqual({ value: JSON.parse(text), duplicates: [] });
    }));
  });

  it.each([
    ['{"a":1,"a":2}', ['a']], [String.raw`{"a":1,"\u0061":2}`, ['a']], ['{"a":[{"b":1},{"b":1,"c":{},"b":2}]}', ['a[1].b']], ['{"a":{"x":1},"b":{"x":1}}', []],
    ['{"a":1,"a":2,"a":3}', ['a']], [String.raw`{"s":"\"a\":1,\"a\":2","t":":"}`, []], ['{"__proto__":1,"__proto__":2}', ['__proto__']], ['[{"a":1,"b":{"c":[],"c":{}}}]', ['[0].b.c']],
    ['{"a":{"b":1},"a":{"c":1}}', ['a']],
  ])('%s has twice: %j', (text, duplicates) => {
    expect(read(text).duplicates).toEqual(duplicates);
  });

  it.each([
    ['', 'unexpected end of JSON input'], ['{', 'unexpected end of JSON input'], ['{"a":"b', 'unexpected end of JSON input'], ['x', "invalid character 'x' looking for beginning of value"],
    ['{"a":1]', "invalid character ']' after object key:value pair"], ['[1}', "invalid character '}' after array element"], ['{"a" 1}', "invalid character '1' after object key"],
    ['{a:1}', "invalid character 'a' looking for beginning of object key string"], ['1 2', "invalid character '2' after top-level value"], ["{'a':1}", String.raw`invalid character '\'' looking for beginning of object key string`],
  ])('%s is refused in the words of Go', (text, message) => {
    expect(() => read(text)).toThrow(message);
  });

  it('may be nested as deep as the walks can go, and no deeper', () => {
    expect(() => read('['.repeat(mostDepth) + ']'.repeat(mostDepth))).not.toThrow();
    expect(() => read('['.repeat(mostDepth + 1) + ']'.repeat(mostDepth + 1))).toThrow('exceeded max depth');
  });

  it('is refused when its bytes are no UTF-8', () => {
    expect(() => readJson(Buffer.from([0x7b, 0x22, 0xc3, 0x28, 0x22, 0x7d]))).toThrow('invalid UTF-8');
  });
});
