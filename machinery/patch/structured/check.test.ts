import { describe, expect, it } from 'vitest';
import type { ObjectSchema } from '../../schema.ts';
import { configProblems, problemText } from './check.ts';

const port: ObjectSchema = { type: 'object', name: 'Port', fields: { port: { schema: { type: 'int32' } }, protocol: { schema: { type: 'string' } } } };
const schema: ObjectSchema = {
  type: 'object', name: 'Thing', fields: {
    replicas: { schema: { type: 'int32' } }, paused: { schema: { type: 'boolean' } }, text: { schema: { type: 'string' } }, max: { schema: { type: 'int-or-string' } }, free: { schema: { type: 'any' } },
    labels: { schema: { type: 'map', values: { type: 'string' } } },
    finalizers: { schema: { type: 'list', items: { type: 'string' }, listType: 'set' } }, args: { schema: { type: 'list', items: { type: 'string' } } },
    ports: { schema: { type: 'list', items: port, listType: 'map', mapKeys: ['port', 'protocol'] } },
  },
};

describe('a configuration that can be applied', () => {
  it('is of its schema, with null anywhere', () => {
    expect(configProblems(schema, { replicas: null, paused: true, max: '25%', free: { any: [1] }, labels: { a: null }, args: ['x', 'x'], ports: [{ port: 1 }, { port: 1, protocol: 'UDP' }, { port: 2 }] })).toEqual([]);
  });

  it.each<[string, object, string]>([
    ['an unknown field', { spec: 1 }, '.spec: field not declared in schema'],
    ['an unknown field in an item', { ports: [{ port: 80, protocol: 'TCP', x: 1 }] }, '.ports[port=80,protocol="TCP"].x: field not declared in schema'],
    ['text for a number', { replicas: '3' }, '.replicas: expected numeric (int or float), got string'],
    ['a list for a map', { labels: ['a'] }, '.labels: expected map, got &{[a]}'],
    ['a map for a list', { args: { a: 1 } }, '.args: expected list, got &{map[a:1]}'],
    ['text for a boolean', { paused: 'yes' }, '.paused: expected boolean, got &{yes}'],
    ['a number for text', { args: ['a', 5] }, '.args[1]: expected string, got &value.valueUnstructured{Value:5}'],
    ['an object for a scalar', { max: {} }, '.max: expected any scalar, got &{map[]}'],
    ['an item that is there twice', { ports: [{ port: 80 }, { port: 80 }] }, '.ports: duplicate entries for key [port=80]'],
    ['an item of a set that is there twice', { finalizers: ['a', 'a'] }, '.finalizers: duplicate entries for key [="a"]'],
    ['an item without a key', { ports: [{}] }, '.ports: element 0: associative list with keys has an element that omits all key fields ["port" "protocol"] (and doesn\'t have default values for any key fields)'],
    ['a null item', { ports: [null] }, '.ports: element 0: associative list with keys may not have a null element'],
    ['a list in a set', { finalizers: [[]] }, '.finalizers: element 0: not supported: associative list with lists as elements'],
  ])('has not %s', (_name, config, problem) => {
    expect(configProblems(schema, config)).toEqual([problem]);
  });

  it('is told all that is wrong at once', () => {
    expect(problemText(configProblems(schema, { a: 1, b: 2 }))).toBe('errors:\n  .a: field not declared in schema\n  .b: field not declared in schema');
  });
});
