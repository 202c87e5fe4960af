import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  formatFieldSelector, formatSelector, matcherOf, matches, nothing, parseFieldSelector, parseLabelSelector, selectorOf, type Operator, type Requirement,
} from './selectors.ts';

const word = fc.stringMatching(/^[a-z0-9]([a-z0-9._-]{0,8}[a-z0-9])?$/);
const requirement: fc.Arbitrary<Requirement> = fc.oneof(
  fc.record({ key: word, operator: fc.constantFrom<Operator>('In', 'NotIn'), values: fc.uniqueArray(word, { minLength: 1, maxLength: 3 }).map((values) => values.toSorted()) }),
  fc.record({ key: word, operator: fc.constantFrom<Operator>('Exists', 'DoesNotExist'), values: fc.constant([]) }),
  fc.record({ key: word, operator: fc.constantFrom<Operator>('Gt', 'Lt'), values: fc.integer({ min: 0 }).map((number) => [String(number)]) }),
);
const selector = fc.uniqueArray(requirement, { selector: ({ key }) => key, maxLength: 4 })
  .map((list) => list.toSorted((a, b) => (a.key < b.key ? -1 : 1)));
const labels = fc.dictionary(word, word, { maxKeys: 4 });

describe('label selectors', () => {
  it('are read back as they were written', () => {
    fc.assert(fc.property(selector, (value) => {
      expect(parseLabelSelector(formatSelector(value))).toEqual(value);
    }));
  });

  it('choose exactly what every requirement chooses', () => {
    fc.assert(fc.property(selector, labels, (value, map) => {
      expect(matches(value, map)).toBe(value.every((one) => matches([one], map)));
    }));
  });

  it('put every object on one side of a requirement and its opposite', () => {
    const opposite: Partial<Record<Operator, Operator>> = { In: 'NotIn', Exists: 'DoesNotExist' };
    fc.assert(fc.property(requirement, labels, (one, map) => {
      const operator = opposite[one.operator];
      fc.pre(operator !== undefined);
      if (operator !== undefined) expect(matches([one], map)).toBe(!matches([{ ...one, operator }], map));
    }));
  });

  it.each([
    ['', {}, true], ['app=web', { app: 'web' }, true], ['app==web', { app: 'api' }, false], ['app!=web', {}, true], ['app', { app: '' }, true],
    ['!app', { app: 'x' }, false], ['app in (a, b)', { app: 'b' }, true], ['app notin (a,b)', { app: 'b' }, false], ['app in ()', { app: '' }, true],
    ['x>5', { x: '10' }, true], ['x<5', { x: 'many' }, false], [' a = b , c ', { a: 'b', c: 'd' }, true], ['a in (b),!c', { a: 'b' }, true],
    ['a=', { a: '' }, true], ['in in (in)', { in: 'in' }, true], ['toString', {}, false],
  ])('%j on %j: %s', (text, map, expected) => {
    expect(matches(parseLabelSelector(text), map)).toBe(expected);
  });

  it.each([
    ['a,', "found '', expected: identifier after ','"],
    ['=a', "found '=', expected: !, identifier, or 'end of string'"],
    ['a b', "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt"],
    ['a in b', "unable to parse requirement: found 'b' expected: '('"],
    ['x>many', "unable to parse requirement: values[0]: Invalid value: \"many\": for 'Gt', 'Lt' operators, the value must be an integer"],
    ['-', "unable to parse requirement: <nil>: Invalid value: \"-\": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"],
  ])('refuse %j in Kubernetes’ words', (text, message) => {
    expect(() => parseLabelSelector(text)).toThrow(message);
  });

  it('of an object: absent chooses nothing, empty everything', () => {
    expect(matches(selectorOf(undefined), { a: 'b' })).toBe(false);
    expect(matches(nothing, undefined)).toBe(false);
    expect(matches(selectorOf({}), undefined)).toBe(true);
    expect(matches(selectorOf({ matchExpressions: [{ key: 'a', operator: 'Like', values: ['b'] }] }), { a: 'b' })).toBe(false);
    expect(formatSelector(selectorOf({ matchLabels: { b: '1', a: '2' }, matchExpressions: [{ key: 'c', operator: 'Exists' }] }))).toBe('a=2,b=1,c');
  });
});

describe('field selectors', () => {
  it('are read back as they were written', () => {
    const term = fc.record({ field: fc.stringMatching(/^[a-z]+(\.[a-z]+)?$/), operator: fc.constantFrom('=' as const, '!=' as const), value: fc.string() });
    fc.assert(fc.property(fc.array(term), (value) => {
      expect(parseFieldSelector(formatFieldSelector(value))).toEqual(value);
    }));
  });

  it('accept a double equals sign', () => {
    expect(parseFieldSelector('status.phase==Running,spec.nodeName!=n1')).toEqual([
      { field: 'status.phase', operator: '=', value: 'Running' }, { field: 'spec.nodeName', operator: '!=', value: 'n1' },
    ]);
  });

  it.each([
    ['status.phase', "invalid selector: 'status.phase'; can't understand 'status.phase'"],
    [String.raw`a=\b`, String.raw`invalid field selector, invalid escape sequence: \b`],
    ['a=b=c', 'invalid field selector, unescaped character in value: ='],
  ])('refuse %j', (text, message) => {
    expect(() => parseFieldSelector(text)).toThrow(message);
  });
});

describe('a selector prepared for many objects', () => {
  const values = Array.from({ length: 20 }, (_, index) => `v${index}`);
  const long = fc.array(fc.record({ key: fc.constantFrom('a', 'b', 'c'), operator: fc.constantFrom<Operator>('In', 'NotIn'), values: fc.subarray(values) }), { maxLength: 4 });
  const some = fc.option(fc.dictionary(fc.constantFrom('a', 'b', 'c', '__proto__'), fc.constantFrom(...values, 'other')), { nil: undefined });

  it('chooses what it chooses otherwise', () => {
    fc.assert(fc.property(long, some, (requirements, of) => {
      expect(matcherOf(requirements)(of)).toBe(matches(requirements, of));
    }));
  });
});
