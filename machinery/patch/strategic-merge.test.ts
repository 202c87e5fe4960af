import { describe, expect, it } from 'vitest';
import type { Field, Schema } from '../schema.ts';
import { strategicMerge } from './strategic-merge.ts';

const text: Schema = { type: 'string' };
const labels: Schema = { type: 'map', values: text };
const mergeList = (items: Schema, patchMergeKey?: string): Field => ({
  schema: { type: 'list', items }, patchStrategy: ['merge'], ...(patchMergeKey === undefined ? {} : { patchMergeKey }),
});
const container: Schema = {
  type: 'object', name: 'Container',
  fields: { name: { schema: text }, image: { schema: text }, args: { schema: { type: 'list', items: text } }, env: mergeList({ type: 'object', name: 'Env', fields: { name: { schema: text }, value: { schema: text } } }, 'name') },
};
const schema: Schema = {
  type: 'object', name: 'Thing',
  fields: {
    labels: { schema: labels }, finalizers: mergeList(text), containers: mergeList(container, 'name'), args: { schema: { type: 'list', items: text } },
    strategy: { schema: { type: 'object', name: 'Strategy', fields: { type: { schema: text }, rollingUpdate: { schema: labels } } }, patchStrategy: ['retainKeys'] },
    template: { schema: labels, patchStrategy: ['replace'] },
  },
};
const a = { name: 'a', image: 'a:1' };
const b = { name: 'b', image: 'b:1' };

describe('a strategic merge patch', () => {
  it.each([
    ['merges maps and removes what is null', { labels: { a: '1', b: '2' } }, { labels: { b: null, c: '3' } }, { labels: { a: '1', c: '3' } }],
    ['replaces a list that does not merge', { args: ['x', 'y'] }, { args: ['z'] }, { args: ['z'] }],
    ['merges an item of the same key in place', { containers: [a, b] }, { containers: [{ name: 'b', image: 'b:2' }] }, { containers: [a, { name: 'b', image: 'b:2' }] }],
    ['puts new items before those it does not speak of', { containers: [a] }, { containers: [b] }, { containers: [b, a] }],
    ['deletes an item', { containers: [a, b] }, { containers: [{ name: 'a', $patch: 'delete' }] }, { containers: [b] }],
    ['replaces a whole list when told to', { containers: [a, b] }, { containers: [{ name: 'c' }, { $patch: 'replace' }] }, { containers: [{ name: 'c' }] }],
    ['replaces an object when told to', { strategy: { type: 'x', rollingUpdate: { a: '1' } } }, { strategy: { $patch: 'replace', type: 'y' } }, { strategy: { type: 'y' } }],
    ['empties an object when told to', { labels: { a: '1' } }, { labels: { $patch: 'delete' } }, { labels: {} }],
    ['adds to a set of primitives once', { finalizers: ['a'] }, { finalizers: ['b', 'a'] }, { finalizers: ['b', 'a'] }],
    ['deletes from a set of primitives', { finalizers: ['a', 'b'] }, { '$deleteFromPrimitiveList/finalizers': ['a'] }, { finalizers: ['b'] }],
    ['orders a list as wished', { containers: [a, b] }, { '$setElementOrder/containers': [{ name: 'b' }, { name: 'a' }] }, { containers: [b, a] }],
    ['orders and merges at once', { containers: [a, b] }, { '$setElementOrder/containers': [{ name: 'c' }, { name: 'b' }], containers: [{ name: 'c' }] }, { containers: [{ name: 'c' }, a, b] }],
    ['keeps only the fields of $retainKeys', { strategy: { type: 'x', rollingUpdate: { a: '1' } } }, { strategy: { $retainKeys: ['type'], type: 'y' } }, { strategy: { type: 'y' } }],
    ['takes nothing of directives and nulls where nothing was', {}, { labels: { a: '1', b: null }, containers: [{ name: 'a', $patch: 'delete' }, b] }, { labels: { a: '1' }, containers: [b] }],
    ['replaces an object whose strategy says so', { template: { a: '1' } }, { template: { b: '2' } }, { template: { b: '2' } }],
    ['merges unknown fields as plain JSON', { other: { a: [1], b: 1 } }, { other: { a: [2] } }, { other: { a: [2], b: 1 } }],
    ['merges lists inside items', { containers: [{ ...a, env: [{ name: 'X', value: '1' }] }] }, { containers: [{ name: 'a', env: [{ name: 'X', value: '2' }] }] }, { containers: [{ ...a, env: [{ name: 'X', value: '2' }] }] }],
  ])('%s', (_name, original, patch, want) => {
    expect(strategicMerge(schema, original, patch)).toEqual(want);
  });

  it.each([
    ['an item without its key', { containers: [{ image: 'x' }] }, 'does not contain declared merge key: name'],
    ['an unknown directive', { labels: { $patch: 'upend' } }, 'Unknown patch type'],
    ['a field that $retainKeys leaves out', { strategy: { $retainKeys: ['type'], rollingUpdate: {} } }, "'rollingUpdate' is missing"],
    ['an order for a list that does not merge', { '$setElementOrder/args': ['x'] }, 'no list that merges'],
  ])('refuses %s', (_name, patch, message) => {
    expect(() => strategicMerge(schema, { containers: [a], labels: {}, strategy: {} }, patch)).toThrow(message);
  });

  it('never touches the original', () => {
    const original = Object.freeze({ containers: Object.freeze([Object.freeze({ ...a })]) });
    expect(strategicMerge(schema, original, { containers: [{ name: 'a', image: 'a:2' }] })).toEqual({ containers: [{ name: 'a', image: 'a:2' }] });
    expect(original.containers[0]).toEqual(a);
  });
});
