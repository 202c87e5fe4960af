import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mostDepth } from './json-scan.ts';
import { parseTrusted, stringifyExact } from './json-exact.ts';
import { readJson } from './json-text.ts';
import { pathText } from './walk/problem.ts';

const read = (text: string) => readJson(Buffer.from(text));

describe('JSON text', () => {
  it('is read as it is, whatever it holds', () => {
    // Numbers that `JSON.parse` rounds have tests of their own.
    fc.assert(fc.property(fc.json({ maxDepth: 4 }).filter((json) => !/\d{16}/.test(json)), (text) => {
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

/** An object's members in order, keys perhaps twice. */
type Tree = string | number | boolean | null | readonly Tree[] | { readonly members: readonly (readonly [string, Tree])[] };

const { tree } = fc.letrec<{ tree: Tree }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 4 },
    fc.oneof(fc.string({ unit: 'binary' }), fc.integer(), fc.constant(null), fc.boolean()),
    fc.array(tie('tree'), { maxLength: 4 }),
    fc.record({ members: fc.array(fc.tuple(fc.constantFrom('a', 'b', 'é', '"', '\\', 'ab', '__proto__', ''), tie('tree')), { maxLength: 5 }) }),
  ),
}));

function written(value: Tree): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if ('members' in value) return `{ ${value.members.map(([key, item]) => `${JSON.stringify(key)} :${written(item)}`).join(' , ')} }`;
  return `[${value.map(written).join(',')}]`;
}

/** The paths of keys that are there already, in the order met, each once. */
function* repeated(value: Tree, steps: readonly (string | number)[] = []): Generator<string> {
  if (typeof value !== 'object' || value === null) return;
  const seen = new Set<string>();
  const items = 'members' in value ? value.members : value.map((item, index) => [index, item] as const);
  for (const [step, item] of items) {
    if (typeof step === 'string' && seen.has(step)) yield pathText([...steps, step]);
    if (typeof step === 'string') seen.add(step);
    yield* repeated(item, [...steps, step]);
  }
}

describe('keys that occur twice', () => {
  it('are found wherever they are', () => {
    fc.assert(fc.property(tree, (value) => {
      expect(read(written(value)).duplicates).toEqual([...new Set(repeated(value))]);
    }));
  });

  it('are told of a hundred at most', () => {
    expect(read(`{${Array.from({ length: 500 }, (_, index) => `"k${index}":0,"k${index}":1`).join(',')}}`).duplicates).toHaveLength(100);
  });
});

describe('whole numbers', () => {
  const value = fc.letrec<{ value: unknown }>((tie) => ({
    value: fc.oneof({ maxDepth: 3 }, fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), fc.string({ unit: 'binary' }), fc.constantFrom(0, 1.5, '12345678901234567890', 12345678901234.125), fc.array(tie('value'), { maxLength: 4 }), fc.dictionary(fc.string(), tie('value'), { maxKeys: 4 })),
  })).value;
  const exact = (item: unknown): unknown => {
    if (typeof item === 'bigint') return BigInt(Number(item)) === item && Number.isSafeInteger(Number(item)) ? Number(item) : item;
    if (Array.isArray(item)) return item.map(exact);
    return typeof item === 'object' && item !== null ? Object.fromEntries(Object.entries(item).map(([key, each]) => [key, exact(each)])) : item;
  };

  it('keep all their digits, on both ways', () => {
    fc.assert(fc.property(value, (item) => {
      const text = stringifyExact(item);
      expect(read(text).value).toEqual(exact(item));
      expect(parseTrusted(text)).toEqual(exact(item));
    }));
  });

  it.each([['[9007199254740993]', [9007199254740993n]], ['[1e20]', [1e20]], ['[12345678901234567890.5]', [Number('12345678901234567890.5')]], ['["9007199254740993"]', ['9007199254740993']], [`[${'9'.repeat(400)}]`, [Infinity]]])('%s is read', (text, want) => {
    expect(read(text).value).toEqual(want);
  });

  it('leave complaints about the text as they are', () => {
    expect(() => read('[9007199254740993 x]')).toThrow("invalid character 'x' after array element");
  });
});

describe('a body that holds more than can be stored', () => {
  it.each([['members', `{${Array.from({ length: 300_000 }, (_, index) => `"${index.toString(36)}":0`).join(',')}}`], ['lists', `[${'[],'.repeat(800_000)}0]`]])('is refused for its %s before it is parsed', (_what, text) => {
    expect(() => read(text)).toThrow('etcdserver: request is too large');
  });
});
