import { describe, expect, it } from 'vitest';
import { jsonPatch } from './json-patch.ts';

describe('jsonPatch', () => {
  it.each([
    ['adds', { a: 1 }, [{ op: 'add', path: '/b', value: 2 }], { a: 1, b: 2 }],
    ['appends to a list', { a: [1] }, [{ op: 'add', path: '/a/-', value: 2 }], { a: [1, 2] }],
    ['removes', { a: 1, b: 2 }, [{ op: 'remove', path: '/b' }], { a: 1 }],
    ['replaces', { a: 1 }, [{ op: 'replace', path: '/a', value: { b: 1 } }], { a: { b: 1 } }],
    ['moves', { a: 1 }, [{ op: 'move', from: '/a', path: '/b' }], { b: 1 }],
    ['copies', { a: [1] }, [{ op: 'copy', from: '/a', path: '/b' }], { a: [1], b: [1] }],
    ['copies and moves long numbers', { a: 9223372036854775807n, b: [18446744073709551616n] }, [{ op: 'test', path: '/a', value: 9223372036854775807n }, { op: 'copy', from: '/b', path: '/c' }, { op: 'move', from: '/a', path: '/d' }], { b: [18446744073709551616n], c: [18446744073709551616n], d: 9223372036854775807n }],
    ['reads escaped names', { 'a/b': 1 }, [{ op: 'replace', path: '/a~1b', value: 2 }], { 'a/b': 2 }],
    ['goes on after a test that holds', { a: 1 }, [{ op: 'test', path: '/a', value: 1 }, { op: 'remove', path: '/a' }], {}],
  ])('%s', (_name, original, patch, want) => {
    const before = structuredClone(original);
    expect(jsonPatch(original, patch)).toEqual(want);
    expect(original).toEqual(before);
  });

  it.each([
    ['no list', { op: 'add' }, 400], ['an operation without a path', [{ op: 'add' }], 400], ['a test that fails', [{ op: 'test', path: '/a', value: 2 }], 422],
    ['a path that is not there', [{ op: 'remove', path: '/x/y' }], 422], ['an unknown operation', [{ op: 'upend', path: '/a' }], 422],
    ['a prototype', [{ op: 'add', path: '/__proto__/x', value: 1 }], 422],
    ['insertions that shift long lists again and again', [{ op: 'replace', path: '/a', value: Array.from({ length: 100_000 }, () => 0) }, ...Array.from({ length: 600 }, () => ({ op: 'add', path: '/a/0', value: 1 }))], 413],
    ['too many operations', Array.from({ length: 10_001 }, () => ({ op: 'test', path: '/a', value: 1 })), 413],
    ['copies that grow without end', [{ op: 'replace', path: '/a', value: 'x'.repeat(100_000) }, ...Array.from({ length: 40 }, (_, index) => ({ op: 'copy', from: '/a', path: `/b${index}` }))], 413],
  ])('refuses %s', (_name, patch, code) => {
    expect(() => jsonPatch({ a: 1 }, patch)).toThrow(expect.objectContaining({ status: expect.objectContaining({ code }) }));
  });

  it.each([
    [{ op: 'test', path: '/a', value: 2 }, 'testing value /a failed: test failed'], [{ op: 'remove', path: '/x' }, 'remove operation does not apply: doc is missing path: /x: missing value'],
    [{ op: 'add', path: '/x/y', value: 1 }, 'add operation does not apply: doc is missing path: "/x/y": missing value'], [{ op: 'add', path: '/l/7', value: 1 }, 'add operation does not apply: /l/7: invalid index referenced'],
    [{ op: 'replace', path: '/a' }, 'replace operation on /a has no value: missing value'], [{ op: 'upend', path: '/a' }, 'Unexpected kind: upend'],
    [{ op: 'move', from: '/x', path: '/y' }, 'move operation does not apply: doc is missing path: /y: missing value'],
  ])('says of %j why it does not apply', (operation, why) => {
    expect(() => jsonPatch({ a: 1, l: [] }, [operation])).toThrow(`the server rejected our request due to an error in our request: ${why}`);
  });

  it('says why also of what has long numbers', () => {
    expect(() => jsonPatch({ a: 9223372036854775807n }, [{ op: 'replace', path: '/b/c', value: 1 }])).toThrow('replace operation does not apply: doc is missing path: /b/c: missing value');
    expect(() => jsonPatch({ a: 1 }, [{ op: 'test', path: '/a', value: 9223372036854775807n }])).toThrow('testing value /a failed: test failed');
  });

  it('moves nothing into itself', () => {
    expect(() => jsonPatch({ a: { b: {} } }, [{ op: 'move', from: '', path: '/a/b' }])).toThrow("move operation does not apply to /a/b: a value can't be moved into itself");
    expect(() => jsonPatch({ a: { b: {} } }, [{ op: 'move', from: '/a', path: '/a/b' }])).toThrow("can't be moved into itself");
    expect(jsonPatch({ a: 1 }, [{ op: 'move', from: '/a', path: '/ab' }])).toEqual({ ab: 1 });
  });
});
