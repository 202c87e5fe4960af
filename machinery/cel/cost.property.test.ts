import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bind, compile, perCallLimit } from './compile.ts';
import { dyn, type Type } from './types.ts';

const variables: Record<string, Type> = { o: dyn };
const bindings = () => bind(variables, { o: { list: Array.from({ length: 200 }, (_, i) => i), text: 'ab'.repeat(5000), emoji: '😀'.repeat(5000), map: { a: 1, b: 'x' }, n: 3 } });

/** Expressions of all kinds of nodes, well typed or not. */
const { expression } = fc.letrec<{ expression: string }>((tie) => ({
  expression: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constantFrom('1', '2u', '1.5', '"a"', 'b"a"', 'null', 'true', 'o', 'o.list', 'o.text', 'o.map', 'o.n', 'x', '[]', '{}', 'o.?z', '"(a+)+$"', 'timestamp(0)', 'duration("1s")'),
    fc.tuple(tie('expression'), fc.constantFrom('+', '-', '*', '/', '%', '==', '!=', '<', 'in', '&&', '||'), tie('expression')).map(([a, op, b]) => `(${a} ${op} ${b})`),
    fc.tuple(tie('expression'), fc.constantFrom('all', 'exists', 'map', 'filter', 'exists_one'), tie('expression')).map(([range, macro, body]) => `${range}.${macro}(x, ${body})`),
    fc.tuple(tie('expression'), tie('expression')).map(([range, body]) => `${range}.transformList(i, x, ${body})`),
    fc.tuple(tie('expression'), tie('expression'), tie('expression')).map(([a, b, c]) => `(${a} ? ${b} : ${c})`),
    fc.tuple(tie('expression'), fc.constantFrom('matches', 'contains', 'split', 'findAll', 'indexOf'), tie('expression')).map(([a, name, b]) => `${a}.${name}(${b})`),
    fc.tuple(tie('expression'), tie('expression'), tie('expression')).map(([a, b, c]) => `${a}.replace(${b}, ${c})`),
    fc.tuple(tie('expression'), fc.constantFrom('size()', 'sum()', 'join("ab")', 'isSorted()', 'a', '?a', 'lowerAscii()')).map(([a, name]) => `${a}.${name}`),
    fc.array(tie('expression'), { maxLength: 3 }).map((items) => `[${items.join(', ')}]`),
    fc.tuple(tie('expression'), tie('expression')).map(([a, b]) => `sets.contains(dyn(${a}), dyn(${b}))`),
    fc.tuple(tie('expression'), tie('expression')).map(([a, b]) => `"%s %d".format([dyn(${a}), dyn(${b})])`),
  ),
}));

/** The list in a list with itself, so many times over. */
function doubled(times: number): string {
  return '.map(l, [l, l])'.repeat(times);
}

describe('any expression', () => {
  it('compiles or is refused, and what runs ends within its cost', () => {
    fc.assert(fc.property(expression, (source) => {
      const { program, errors } = compile(source, { variables: { ...variables, x: dyn } });
      if (program === undefined) return errors.startsWith('ERROR: <input>:');
      const { cost, value, error } = program.evaluate(bindings(), { costLimit: 20_000 });
      return (cost <= 20_000 || error !== undefined) && (value !== undefined || error !== undefined);
    }), { numRuns: 1000 });
  });

  it('any text too', () => {
    fc.assert(fc.property(fc.string({ unit: fc.constantFrom(...'abo.()[]{}?:,+-*/!<>=&|"\'`0129 \\xu\n😀') }), (source) => {
      const { program, errors } = compile(source, { variables });
      return program !== undefined || errors !== '';
    }), { numRuns: 2000 });
  });

  it.each<[string, string]>([
    // Each would take hours, or all memory, if it were not counted.
    ['loops in loops', 'o.list.all(a, o.list.all(b, o.list.all(c, o.list.all(d, a + b + c + d >= 0))))'],
    ['text that doubles', 'o.list.map(a, o.text + o.text).map(t, o.list.map(b, t + t)).size() > 0'],
    ['text that multiplies', 'o.text.replace("", o.text).replace("", o.text).size() > 0'],
    ['lists of lists, compared', `[[1]]${doubled(100)} == [[1]]${doubled(100)}`],
    ['lists of lists, shown', `"%s".format([[1]${doubled(60)}]) == ""`],
    ['lists of lists, searched', `[[1]${doubled(60)}].indexOf([dyn(2)]) == 0`],
    ['lists that grow', 'o.list.all(a, o.list.all(b, o.list + o.list != [1]))'],
    ['sets', 'sets.equivalent(o.list.map(a, o.text), o.list.map(a, o.text + "x"))'],
    ['a pattern of stars', 'o.list.all(a, o.list.all(b, o.text.matches("(a|b|ab)*(a|b|ab)*c")))'],
    ['a pattern of repetitions', 'o.list.all(a, !o.text.matches("((a|b){1,30}){1,30}c"))'],
    ['patterns made on the way', 'o.list.all(a, o.list.all(b, !"abc".matches("((a{1,30}){1,30})b" + string(b))))'],
    ['characters beyond 16 bits', 'o.list.all(a, o.list.all(b, o.emoji.size() > 0))'],
    ["a time zone's rules", 'o.list.all(a, o.list.all(b, timestamp(a).getHours("Europe/Berlin") < b + 1000))'],
  ])('%s end', (_name, source) => {
    const { program, errors } = compile(source, { variables });
    expect(errors).toBeUndefined();
    const outcome = program?.evaluate(bindings());
    expect(outcome?.error?.message ?? 'done').toMatch(/done|cost limit exceeded/);
    expect(outcome?.cost).toBeLessThan(perCallLimit * 1000);
  });
});
