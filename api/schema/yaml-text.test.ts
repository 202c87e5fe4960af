import { describe, expect, it } from 'vitest';
import { readYaml } from './yaml-text.ts';

const read = (text: string) => readYaml(Buffer.from(text));

describe('YAML text', () => {
  it.each([
    ['anchors and merge keys', 'base: &b {a: 1, b: 2}\nthing: {<<: *b, b: 3}\n', { base: { a: 1, b: 2 }, thing: { a: 1, b: 3 } }],
    ['keys that are no text', 'on: 1\n2: two\n', { true: 1, 2: 'two' }],
    ['the first of several documents', 'a: 1\n---\nb: 2\n', { a: 1 }],
    ['block text', 'a: |\n  one\n  two\n', { a: 'one\ntwo\n' }],
    ['JSON', '{"a": [1, "on", true]}', { a: [1, 'on', true] }],
    ['nothing', '', null],
    ['comments', '# only\n', null],
    ['a key called __proto__', '__proto__: {x: 1}\n', JSON.parse('{"__proto__":{"x":1}}')],
  ])('%s', (_name, text, value) => {
    expect(JSON.stringify(read(text).value)).toBe(JSON.stringify(value));
  });

  it('does not let a key change what objects are', () => {
    read('__proto__: {polluted: 1}\n');
    expect(Reflect.get({}, 'polluted')).toBeUndefined();
  });

  it('tells which keys come twice, and where', () => {
    expect(read('a: 1\nb:\n  - c: 1\n    c: 2\na: 2\n').duplicates).toEqual(['yaml: unmarshal errors:\n  line 5: key "a" already set in map\n  line 4: key "c" already set in map']);
  });

  it.each([
    ['an open bracket', 'a: [b\n', 'error converting YAML to JSON: yaml: line 2'], ['tabs as indentation', 'a:\n\t- b\n', 'error converting YAML to JSON: yaml: line 2'],
    ['an unknown alias', 'a: *b\n', 'error converting YAML to JSON: yaml'], ['nesting without end', '['.repeat(5000), 'yaml'],
  ])('%s is refused', (_name, text, message) => {
    expect(() => read(text)).toThrow(message);
  });

  it('is refused when it is no UTF-8', () => {
    expect(() => readYaml(Buffer.from([0x61, 0x3a, 0x20, 0xff]))).toThrow('invalid UTF-8');
  });
});
