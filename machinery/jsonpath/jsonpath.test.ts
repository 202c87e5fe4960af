import { describe, expect, it } from 'vitest';
import { findJsonPath } from './find.ts';
import { JsonPathError, parseJsonPath } from './parse.ts';

const object = {
  metadata: { name: 'a', labels: { 'app.example/name': 'web' } },
  spec: { list: [{ name: 'x', size: 1 }, { name: 'y', size: 5 }, { name: 'z' }], empty: null },
  status: { conditions: [{ type: 'Ready', status: 'True' }, { type: 'Synced', status: 'False' }] },
};

describe('a JSONPath', () => {
  it.each<[string, readonly unknown[]]>([
    ['.metadata.name', ['a']],
    ['{.metadata.name}', ['a']],
    ['$.metadata.name', ['a']],
    [".metadata.labels['app.example/name']", ['web']],
    [String.raw`.metadata.labels.app\.example/name`, ['web']],
    ['.spec.list[0].name', ['x']],
    ['.spec.list[-1].name', ['z']],
    ['.spec.list[*].name', ['x', 'y', 'z']],
    ['.spec.list[0,2].name', ['x', 'z']],
    ['.spec.list[0:2].name', ['x', 'y']],
    ['.spec.list[::2].name', ['x', 'z']],
    ['..size', [1, 5]],
    ['.status.conditions[?(@.type=="Ready")].status', ['True']],
    ["{.status.conditions[?(@.type == 'Synced')].status}", ['False']],
    ['.spec.list[?(@.size>2)].name', ['y']],
    ['.spec.list[?(@.size)].name', ['x', 'y']],
    ['.spec.empty', [null]],
    ['.spec.none.deeper', []],
    ['.metadata.name.first', []],
    ['.spec.list[7].name', []],
  ])('%s finds what it names', (path, found) => {
    expect(findJsonPath(object, parseJsonPath(path))).toEqual(found);
  });

  it.each(['spec', '.spec[', '.spec[a]', '.spec.list[?(name)]', '.a b'])('%s is refused', (path) => {
    expect(() => parseJsonPath(path)).toThrow(JsonPathError);
  });
});
