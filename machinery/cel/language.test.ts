import { describe, expect, it } from 'vitest';
import { bind, compile } from './compile.ts';
import { dyn, int, list, map, object, show, string, timestamp, type Type } from './types.ts';

const inner: Type = object('Inner', { name: string, at: timestamp, replicas: int });
const variables: Record<string, Type> = {
  o: dyn, text: string, numbers: list(int), labels: map(string, string), typed: inner, 'typed.dotted': string,
};
const values = {
  o: { a: 1, b: 1.5, list: [1, 'x', null], map: { 'a-b': true }, nil: null, constructor: 'own' },
  text: 'héllo😀', numbers: [3, 1, 2], labels: { app: 'web' },
  typed: { name: 'n', at: '2024-02-29T23:59:59.5Z', unknown: 1 }, 'typed.dotted': 'dotted',
};

function run(source: string): unknown {
  const { program, errors } = compile(source, { variables });
  if (program === undefined) throw new Error(errors);
  const { value, error } = program.evaluate(bind(variables, values));
  if (error !== undefined) throw error;
  return value;
}

/** What the first line of the compiler's answer says after the position. */
function refusal(source: string): string {
  return compile(source, { variables }).errors?.split('\n')[0] ?? 'it compiled';
}

function type(source: string): string {
  const { program, errors } = compile(source, { variables });
  return program === undefined ? errors : show(program.type);
}

describe('an expression holds', () => {
  it.each([
    // literals
    '0xff == 255', '-0x10 == -16', '1u == 0x1u', '1e3 == 1000.0', '.5 == 0.5', "'\\u00e9\\x41\\101' == 'éAA'", "r'\\n' == '\\\\n'",
    '"""a\n"b""" == "a\\n\\"b"', "b'\\xff\\377' == b'\\377\\xff'", "b'é' == bytes('é')", '-9223372036854775808 < 0', 'true // a comment',
    // operators: precedence, grouping
    '1 + 2 * 3 == 7', '(1 + 2) * 3 == 9', '7 - 2 - 1 == 4', '-2 + 3 == 1', '!false && !!true', 'true || false && false', '1 < 2 == true',
    'true ? true : false ? false : true', '5 / 2 == 2', '-5 / 2 == -2', '-5 % 3 == -2', '5.0 / 2.0 == 2.5', '1.0 / 0.0 > 1.0',
    // equality and order
    'dyn(1) == dyn(1.0) && dyn(1u) == dyn(1)', 'dyn("1") != dyn(1)', '[1, 2] == [1, 2] && [1] != [1, 2]', '{"a": [1]} == {"a": [1]}', '!(0.0 / 0.0 == 0.0 / 0.0)',
    '1 < 1.5 && 2u > 1 && 1.0 <= 1', '"a" < "b" && "B" < "a"', '"\\uffff" < "\\U00010000"', 'b"a" < b"b"', 'false < true', 'null == null',
    // errors that don't matter
    'true || 1 / 0 == 1', '1 / 0 == 1 || true', 'false && 1 / 0 == 1 ? false : true', '!(1 / 0 == 1 && false)', '[1, 0].exists(x, 1 / x == 1)', '![0, 2].all(x, 1 / x == 1)',
    // lists and maps
    '2 in [1, 2]', '!(3 in [1, 2])', '"app" in labels', 'labels["app"] == "web"', 'labels.app == "web"', '[1, 2, 3][1] == 2', '[1] + [2] == [1, 2]', 'size({"a": 1}) == 1',
    '{1: "a"}[1] == "a"', '{"a": 1,}.a == 1', '[1, 2,][1] == 2', 'dyn(1.0) in {1: 2}',
    // JSON and what it becomes
    'type(o.a) == int && type(o.b) == double && type(o.nil) == null_type', 'o.list[1] == "x"', 'o.map.`a-b`', 'o.constructor == "own"', '!has(o.toString)', '!has(o.__proto__)',
    'typed.at.getFullYear() == 2024', '!has(typed.replicas) && has(typed.name)', 'typed.dotted == "dotted"',
    // text counts code points
    'size(text) == 6', 'text.size() == 6', 'size("😀😀") == 2', 'size(b"é") == 2',
  ])('%s', (source) => {
    expect(run(source)).toBe(true);
  });
});

describe('a macro', () => {
  it.each([
    '[1, 2, 3].all(x, x > 0)', '![].exists(x, true)', '[].all(x, false)', '[1, 2, 2].exists_one(x, x == 1)', '![1, 2, 2].exists_one(x, x == 2)',
    '[1, 2].map(x, x * 2) == [2, 4]', '[1, 2, 3].map(x, x > 1, x * 2) == [4, 6]', '[1, 2, 3].filter(x, x > 1) == [2, 3]', '{"a": 1, "b": 2}.filter(k, k == "a") == ["a"]',
    'labels.all(k, labels[k] != "")', '[[1], [2, 3]].map(x, x.map(y, y + 1)) == [[2], [3, 4]]', '[1].map(x, [2].map(x, x))[0] == [2]',
    'labels.all(k, v, k == "app" && v == "web")', '[5, 6].exists(i, v, i == 1 && v == 6)', '[1, 2].existsOne(i, v, v == 2)', '[7, 8].transformList(i, v, i + v) == [7, 9]',
    '[7, 8].transformList(i, v, i == 0, v) == [7]', '{"a": 1}.transformMap(k, v, v + 1) == {"a": 2}', '{"a": 1, "b": 2}.transformMap(k, v, v > 1, v) == {"b": 2}',
    '{"a": "x"}.transformMapEntry(k, v, {v: k}) == {"x": "a"}', 'has(o.a) && !has(o.c) && has(o.map)', 'has(labels.app)', 'o.list.exists(x, x == null)',
  ])('%s', (source) => {
    expect(run(source)).toBe(true);
  });
});

describe('an optional', () => {
  it.each([
    'o.?a.hasValue() && !o.?c.hasValue()', 'o.?c.d.e.orValue(5) == 5', 'o.?map["a-b"].orValue(false)', 'o.list[?5].orValue("none") == "none"', 'labels[?"app"].value() == "web"',
    'optional.of(1).or(optional.of(2)).value() == 1', 'optional.none().or(optional.of(2)).value() == 2', 'optional.ofNonZeroValue("") == optional.none()',
    'optional.of(2).optMap(x, x + 1).value() == 3', 'optional.of(2).optFlatMap(x, optional.none()) == optional.none()', 'o.?c.optMap(x, x + 1) == optional.none()',
    'optional.of(1).orValue(1 / 0) == 1', 'o.list.orValue([]).size() == 3', 'optional.of(1).or(o.nothing).value() == 1',
    '{?"a": o.?a, ?"c": o.?c} == {"a": dyn(1)}', '[?o.?a, ?o.?c].size() == 1', 'has(o.?map)',
  ])('%s', (source) => {
    expect(run(source)).toBe(true);
  });
});

describe('a conversion', () => {
  it.each([
    'int("-7") == -7', 'int(3.9) == 3 && int(-3.9) == -3', 'int(5u) == 5', 'uint("7") == 7u', 'double("1e3") == 1000.0', 'string(1.5) == "1.5" && string(1.0) == "1"', 'string(-0.000001) == "-1e-06"',
    'string(true) == "true"', 'bool("True") && !bool("0")', 'string(b"abc") == "abc"', 'type(type(1)) == type', 'type(timestamp(0)) == google.protobuf.Timestamp', 'type([1]) == list',
    'timestamp("2023-01-02T03:04:05.000000006Z") - timestamp("2023-01-02T03:04:05Z") == duration("6ns")', 'string(timestamp("2023-01-02T04:04:05+01:00")) == "2023-01-02T04:04:05+01:00"', 'timestamp("2023-01-02T04:04:05+01:00") == timestamp("2023-01-02T03:04:05Z")', 'string(timestamp("2023-01-02T23:30:00-02:30") + duration("1h")) == "2023-01-03T00:30:00-02:30"',
    'int(timestamp("1969-12-31T23:59:59.5Z")) == -1', 'duration("1h30m").getMinutes() == 90', 'string(duration("90m1.5s")) == "5401.5s"', 'duration("-1.5h") == duration("-90m")',
    'timestamp("2024-12-31T23:00:00Z").getDayOfYear() == 365', 'timestamp("2024-03-10T00:30:00Z").getHours("Europe/Berlin") == 1', 'timestamp("2024-07-10T00:30:00Z").getHours("-02:30") == 22', '"%s".format([[1, "a", {"b": 2.5}]]) == "[1, a, {b: 2.5}]"',
    'timestamp("2024-03-10T00:00:00Z").getDayOfWeek() == 0 && timestamp("2024-03-10T00:00:00Z").getDate() == 10', 'timestamp("2024-01-01T00:00:00Z") + duration("24h") == timestamp("2024-01-02T00:00:00Z")',
  ])('%s', (source) => {
    expect(run(source)).toBe(true);
  });
});

describe('an evaluation fails', () => {
  it.each([
    ['9223372036854775807 + 1', 'integer overflow'], ['-(-9223372036854775808)', 'integer overflow'], ['1u - 2u', 'unsigned integer overflow'], ['1 / 0', 'division by zero'], ['1 % 0', 'modulus by zero'],
    ['int(9.3e18)', 'integer overflow'], ['uint(-1)', 'unsigned integer overflow'], ['int("1.5")', "type conversion error from 'string' to 'int'"], ['string(b"\\xff")', 'invalid UTF-8 in bytes, cannot convert to string'],
    ['[1][1]', 'index out of bounds: 1'], ['[1][-1]', 'index out of bounds: -1'], ['o.c', 'no such key: c'], ['labels["x"]', 'no such key: x'], ['o.a.b', 'no such overload'], ['o.a + "x"', 'no such overload'],
    ['{"a": 1, "a": 2}', 'insert failed: key a already exists'], ['optional.none().value()', 'optional.none() dereference'], ['o.a ? 1 : 2', 'no such overload'],
    ['timestamp("9999-12-31T23:59:59Z") + duration("1s")', 'timestamp overflow'], ['timestamp(0).getHours("Nowhere/Land")', 'unknown time zone Nowhere/Land'], ['typed.replicas', 'no such key: replicas'],
  ])('%s: %s', (source, message) => {
    expect(() => run(source)).toThrow(message);
  });
});

describe('a source is refused', () => {
  it.each([
    ['x', "ERROR: <input>:1:1: undeclared reference to 'x' (in container '')"], ['typed.nothing', "ERROR: <input>:1:6: undefined field 'nothing'"], ['text.a', "ERROR: <input>:1:1: type 'string' does not support field selection"],
    ['1 + "a"', "ERROR: <input>:1:3: found no matching overload for '_+_' applied to '(int, string)'"], ['1 == "a"', "ERROR: <input>:1:3: found no matching overload for '_==_' applied to '(int, string)'"],
    ['text.contains(1)', "ERROR: <input>:1:14: found no matching overload for 'contains' applied to 'string.(int)'"], ['nope(1)', "ERROR: <input>:1:5: undeclared reference to 'nope' (in container '')"],
    ['[1, "a"]', "ERROR: <input>:1:5: expected type 'int' but found 'string'"], ['text.all(c, true)', "ERROR: <input>:1:1: expression of type 'string' cannot be range of a comprehension (must be list, map, or dynamic)"],
    ['numbers.all(x, x)', "ERROR: <input>:1:16: expected type 'bool' but found 'int'"], ['has(text)', 'ERROR: <input>:1:5: Syntax error: invalid argument to has() macro'], ['numbers.all(1, true)', 'ERROR: <input>:1:13: Syntax error: argument must be a simple name'],
    ['1 +', "ERROR: <input>:1:4: Syntax error: mismatched input '<EOF>' expecting {'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}"],
    ['1 2', "ERROR: <input>:1:3: Syntax error: mismatched input '2' expecting <EOF>"], ['package', 'ERROR: <input>:1:1: Syntax error: reserved identifier: package'], ['9223372036854775808', 'ERROR: <input>:1:1: Syntax error: invalid int literal'],
    ['"a', "ERROR: <input>:1:1: Syntax error: token recognition error at: '\"a'"], ['1 # 2', "ERROR: <input>:1:3: Syntax error: token recognition error at: '#'"], ['text.matches("(")', 'ERROR: <input>:1:13: invalid matches argument'],
    ['duration("1 day")', 'ERROR: <input>:1:9: invalid duration argument'], ['timestamp("yesterday")', 'ERROR: <input>:1:10: invalid timestamp argument'], ['Object{}', "ERROR: <input>:1:7: undeclared reference to 'Object' (in container '')"],
  ])('%s', (source, message) => {
    expect(refusal(source)).toBe(message);
  });

  it('with the line and a caret below its column', () => {
    expect(compile('true &&\n  unknown', { variables }).errors).toBe("ERROR: <input>:2:3: undeclared reference to 'unknown' (in container '')\n |   unknown\n | ..^");
  });

  it('with all that is wrong with it, in order', () => {
    expect(compile('x + typed.y', { variables }).errors?.match(/^ERROR.*$/gm)).toEqual([
      "ERROR: <input>:1:1: undeclared reference to 'x' (in container '')", "ERROR: <input>:1:10: undefined field 'y'",
    ]);
  });

  it('with a hundred of many errors, and without lines that nobody could read', () => {
    const errors = compile(Array.from({ length: 2000 }, () => 'x').join(' && '), { variables }).errors?.split('\n');
    expect(errors?.length).toBe(101);
    expect(errors?.at(-1)).toBe('1900 more errors were truncated');
  });

  it('when it is nested or chained without reason', () => {
    for (const source of ['('.repeat(500) + '1' + ')'.repeat(500), '1' + '+1'.repeat(500), 'o' + '.a'.repeat(500), '['.repeat(500), '!('.repeat(300)]) {
      expect(refusal(source)).toContain('expression recursion limit exceeded');
    }
    expect(refusal('x'.repeat(100_001))).toContain('expression code point size exceeds limit');
  });

  it('but a long chain of conditions is fine', () => {
    expect(run(Array.from({ length: 3000 }, () => 'true').join(' && '))).toBe(true);
  });
});

describe('the type of', () => {
  it.each([
    ['[]', 'list(dyn)'], ['{}', 'map(dyn, dyn)'], ['[[], [1]]', 'list(list(int))'], ['{"a": [1]}', 'map(string, list(int))'], ['numbers.map(x, string(x))', 'list(string)'], ['o.a', 'dyn'], ['labels.filter(k, true)', 'list(string)'],
    ['o.?a', 'optional_type(dyn)'], ['optional.of(1)', 'optional_type(int)'], ['optional.of(1).orValue(2)', 'int'], ['true ? [1] : []', 'list(int)'], ['true ? dyn(1) : "a"', 'dyn'], ['type(1)', 'type(int)'], ['quantity("1")', 'kubernetes.Quantity'],
  ])('%s is %s', (source, shown) => {
    expect(type(source)).toBe(shown);
  });
});
