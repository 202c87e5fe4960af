import { describe, expect, it } from 'vitest';
import { bind, compile } from './compile.ts';
import { dyn, int, list, string, type Type } from './types.ts';

const bounded: Type = { kind: 'list', element: { kind: 'string', maxSize: 10 }, maxSize: 5 };
const variables: Record<string, Type> = { o: dyn, names: bounded, all: list(string), numbers: list(int), text: { kind: 'string', maxSize: 100 } };
const values = { o: { a: { b: 1 }, list: [1, 2, 3] }, names: ['a', 'b'], all: ['a'], numbers: [1, 2], text: 'x'.repeat(25) };

function compiled(source: string) {
  const { program, errors } = compile(source, { variables });
  if (program === undefined) throw new Error(errors);
  return program;
}

/** Kubernetes' costs: those of its own tests of the cost estimator, and of the specification of its macros' expansion. */
describe('what runs costs', () => {
  it.each<[string, number, number, number]>([
    // source, estimate from, to, measured
    ['1', 0, 0, 0], ['o', 1, 1, 1], ['o.a.b', 3, 3, 3], ['has(o.a.b)', 2, 2, 2], ['[1, 2]', 10, 10, 0], ['{"a": 1}', 30, 30, 0], ['[text]', 11, 11, 11], ['{"a": text}', 31, 31, 31], ['1 + 1', 1, 1, 1], ['double(1) < 2.0', 2, 2, 1], ['true ? o.a.b : 1', 0, 3, 2],
    ['[1, 2, 3, 4, 5].sum()', 15, 15, 5], ['[uint(1), uint(2), uint(3), uint(4), uint(5)].max()', 20, 20, 5], ['[1, 2, 3, 4, 5].indexOf(3)', 15, 15, 5],
    ["'01234567890123456789012345678901234567890123456789'.indexOf('123')", 5, 5, 5], ["url('https:://kubernetes.io/').getHost()", 4, 4, 4], ["ip('192.168.0.1').isLoopback()", 3, 3, 3],
    ["ip('2001:db8:3333:4444:5555:6666:7777:8888')", 4, 4, 4], ["ip.isCanonical('192.168.0.1')", 3, 3, 3], ["cidr('192.168.0.0/16').masked()", 3, 3, 3], ["cidr('192.168.0.0/16').containsIP(ip('192.0.0.1'))", 4, 7, 4],
    ["cidr('192.168.0.0/16').containsCIDR(cidr('192.0.0.0/30'))", 7, 11, 7], ['names.all(x, true)', 2, 17, 8], ['names.exists(x, false)', 2, 22, 10], ['names.map(x, x)', 12, 77, 28], ['names.exists(x, x == "a")', 2, 32, 11], ['names.all(x, x == "b")', 2, 27, 9], ['names.exists_one(x, x == "a")', 3, 23, 9], ['names.filter(x, x == "a").size() == 1', 14, 89, 21], ['numbers.sortBy(x, -x)', 25, Infinity, 51], ['text in ["a", "b"]', 13, 13, 1], ['o.list[numbers[0]]', 5, 5, 5], ['names.all(x, x != "")', 2, 22, 10],
    ['text.lowerAscii()', 1, 11, 4], ['text.matches("a+")', 2, 12, 4], ['text + text == ""', 2, 22, 7], ['1 in numbers', 1, Infinity, 3],
  ])('%s', (source, min, max, cost) => {
    const program = compiled(source);
    expect(program.estimate).toEqual({ min, max });
    expect(program.evaluate(bind(variables, values)).cost).toBe(cost);
  });

  it('without an end in sight where a size has no limit', () => {
    expect(compiled('all.all(x, x.contains("a"))').estimate.max).toBe(Infinity);
  });

  it('up to its limit, and nothing absorbs that', () => {
    const program = compiled('[1, 2, 3].all(x, o.list.all(y, [1, 2, 3].all(z, x + y + z > 0))) || true');
    expect(program.evaluate(bind(variables, values), { costLimit: 50 })).toMatchObject({ error: { message: 'operation cancelled: actual cost limit exceeded' } });
    expect(program.evaluate(bind(variables, values)).value).toBe(true);
  });
});
