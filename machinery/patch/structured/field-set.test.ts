import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { difference, differenceBelow, has, intersection, isEmpty, isEqual, noFields, pathsOf, setOf, union, type FieldSet } from './field-set.ts';
import { pathText, readFields } from './path-element.ts';

const element = fc.oneof(fc.constantFrom('f:a', 'f:b', 'f:.', 'f:__proto__', 'k:{"name":"x"}', 'k:{"port":80,"protocol":"TCP"}', 'v:"x"', 'v:1', 'i:0'));
const path = fc.array(element, { minLength: 1, maxLength: 4 });
const paths = fc.array(path, { maxLength: 8 });
const set: fc.Arbitrary<FieldSet> = paths.map((all) => setOf(...all));
const texts = (one: FieldSet): Set<string> => new Set(pathsOf(one).map((each) => JSON.stringify(each)));

describe('a set of fields', () => {
  it('has the paths that it was made of', () => {
    fc.assert(fc.property(paths, (all) => {
      expect(texts(setOf(...all))).toEqual(new Set(all.map((each) => JSON.stringify(each))));
      for (const each of all) expect(has(setOf(...all), each)).toBe(true);
    }));
  });

  it('adds, subtracts and intersects as sets of paths do', () => {
    fc.assert(fc.property(set, set, (a, b) => {
      expect(texts(union(a, b))).toEqual(texts(a).union(texts(b)));
      expect(texts(difference(a, b))).toEqual(texts(a).difference(texts(b)));
      expect(texts(intersection(a, b))).toEqual(texts(a).intersection(texts(b)));
      expect(isEqual(union(a, b), union(b, a))).toBe(true);
      expect(isEmpty(difference(a, a))).toBe(true);
    }));
  });

  it('subtracts with what is below', () => {
    fc.assert(fc.property(set, set, (a, b) => {
      const gone = pathsOf(b).map((each) => JSON.stringify(each).slice(0, -1));
      const want = [...texts(a)].filter((each) => !gone.some((start) => each === `${start}]` || each.startsWith(`${start},`)));
      expect(texts(differenceBelow(a, b))).toEqual(new Set(want));
    }));
  });

  it('comes back from its wire form, in one order', () => {
    fc.assert(fc.property(set, (one) => {
      expect(readFields(JSON.parse(JSON.stringify(one)))).toEqual(one);
      expect(pathsOf(setOf(...pathsOf(one).toReversed()))).toEqual(pathsOf(one));
    }));
  });

  it('changes no set that it was given', () => {
    const [a, b] = [setOf(['f:a'], ['f:a', 'f:b']), setOf(['f:a', 'f:c'])];
    const before = structuredClone([a, b]);
    union(a, b);
    difference(a, b);
    intersection(a, b);
    expect([a, b]).toEqual(before);
  });
});

describe('fields from outside', () => {
  it.each<[string, unknown, unknown]>([
    ['keys in any order', { 'k:{"protocol":"TCP", "containerPort":80}': {} }, { 'k:{"containerPort":80,"protocol":"TCP"}': {} }],
    ['a leaf that says that it is one', { 'f:a': { '.': {} } }, { 'f:a': {} }],
    ['elements of a kind to come', { 'x:1': {}, 'f:a': {} }, { 'f:a': {} }],
    ['nothing', {}, noFields],
  ])('reads %s', (_name, value, want) => {
    expect(readFields(value)).toEqual(want);
  });

  it.each<[string, unknown]>([
    ['no object', 'x'], ['no object below', { 'f:a': 1 }], ['no colon', { fa: {} }], ['no JSON in a key', { 'k:{': {} }], ['no position', { 'i:x': {} }], ['a key that is no object', { 'k:1': {} }],
  ])('refuses %s', (_name, value) => {
    expect(readFields(value)).toBeUndefined();
  });

  it('are shown as paths that people read', () => {
    expect(pathText(['f:spec', 'f:ports', 'k:{"containerPort":80,"protocol":"TCP"}', 'f:name'])).toBe('.spec.ports[containerPort=80,protocol="TCP"].name');
    expect(pathText(['f:metadata', 'f:finalizers', 'v:"a/b"'])).toBe('.metadata.finalizers[="a/b"]');
  });
});
