import fc from 'fast-check';
import { expect, it } from 'vitest';
import { hasChild, newChildren, noFields, putChild, withChildren, type FieldSet } from './field-set.ts';

it('children come in canonical order and the last of two is kept, few or many', () => {
  const element = fc.nat(200).map((number) => `f:${number}`);
  fc.assert(fc.property(fc.array(fc.tuple(element, fc.nat(5)), { maxLength: 300 }), (given) => {
    const children = newChildren();
    const want = new Map<string, FieldSet>();
    for (const [name, depth] of given) {
      const node = depth === 0 ? noFields : { [`f:${depth}`]: noFields };
      expect(hasChild(children, name)).toBe(want.has(name));
      putChild(children, name, node);
      want.set(name, node);
    }
    const sorted = [...want.keys()].toSorted().map((name) => [name, want.get(name)]);
    expect(Object.entries(withChildren(children, false) ?? {})).toEqual(sorted);
  }));
});
