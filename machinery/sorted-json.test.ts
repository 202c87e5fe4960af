import { expect, it } from 'vitest';
import { sortedJson } from './sorted-json.ts';

it('JSON is the same in whichever order fields were written, at any depth; lists keep theirs', () => {
  expect(sortedJson({ b: [{ d: 1, c: 2 }, 'x'], a: null })).toBe('{"a":null,"b":[{"c":2,"d":1},"x"]}');
  expect(sortedJson(undefined)).toBe('null');
});
