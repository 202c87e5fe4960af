import { describe, expect, it } from 'vitest';
import { fieldErrorTexts, Path, type FieldError } from '../../../machinery/field-path.ts';
import { ruleProblems, ruleTexts } from '../definition/rule-rules.ts';
import { structuralOf } from '../schema/structural.ts';
import { compileRules } from './compile.ts';
import { evaluateRules } from './evaluate.ts';

/** As a definition's validation has it: what is wrong with texts comes first. */
function validateRules(raw: unknown, path: Path): FieldError[] {
  const schema = structuralOf(raw);
  const texts = ruleTexts(schema, path);
  return texts.length > 0 ? texts : ruleProblems(schema, path, false);
}

function spec(more: object): object {
  return { type: 'object', properties: { spec: { type: 'object', properties: {
    replicas: { type: 'integer' }, minReplicas: { type: 'integer' }, 'x-y': { type: 'string', maxLength: 10 }, namespace: { type: 'string' }, size: { 'x-kubernetes-int-or-string': true },
    names: { type: 'array', maxItems: 5, items: { type: 'string', maxLength: 20 } },
    list: { type: 'array', maxItems: 5, 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['name'], items: { type: 'object', required: ['name'], properties: { name: { type: 'string', maxLength: 10 }, value: { type: 'integer' } } } },
    map: { type: 'object', maxProperties: 5, additionalProperties: { type: 'string', maxLength: 10 } },
  }, ...more } } };
}

function outcome(schema: object, object: unknown, old?: unknown): string[] {
  expect(fieldErrorTexts(validateRules(schema, new Path('schema')))).toEqual([]);
  const node = compileRules(structuralOf(schema)) ?? expect.fail('there are rules');
  return fieldErrorTexts(evaluateRules(node, object, new Path(), old === undefined ? undefined : { value: old }));
}

const rule = (text: string, more: object = {}) => ({ 'x-kubernetes-validations': [{ rule: text, ...more }] });

describe('a rule', () => {
  it.each<[string, object, object, string[]]>([
    ['that holds', rule('self.minReplicas <= self.replicas'), { replicas: 3, minReplicas: 1 }, []],
    ['that does not', rule('self.minReplicas <= self.replicas', { message: 'replicas must not be less than minReplicas' }), { replicas: 1, minReplicas: 3 }, ['spec: Invalid value: replicas must not be less than minReplicas']],
    ['without a message', rule('self.replicas > 1'), { replicas: 1 }, ['spec: Invalid value: failed rule: self.replicas > 1']],
    ['with a message of its own making', rule('self.replicas > 1', { messageExpression: '"only " + self.x__dash__y' }), { replicas: 1, 'x-y': 'one' }, ['spec: Invalid value: only one']],
    ['with a reason and a field', rule('self.replicas > 1', { reason: 'FieldValueForbidden', fieldPath: '.replicas', message: 'more' }), { replicas: 1 }, ['spec.replicas: Forbidden: more']],
    ['on what is absent', rule('self.replicas > 1'), {}, ['spec: Invalid value: "object": no such key: replicas evaluating rule: self.replicas > 1']],
    ['that asks first', rule('!has(self.replicas) || self.replicas > 1'), {}, []],
    ['on names that are no identifiers', rule('self.x__dash__y == self.__namespace__'), { 'x-y': 'a', namespace: 'b' }, ['spec: Invalid value: failed rule: self.x__dash__y == self.__namespace__']],
    ['on int-or-string', rule('type(self.size) == string || self.size > 3'), { size: 2 }, ['spec: Invalid value: failed rule: type(self.size) == string || self.size > 3']],
    ['over a list', rule('self.names.all(name, name.startsWith("a"))'), { names: ['ab', 'b'] }, ['spec: Invalid value: failed rule: self.names.all(name, name.startsWith("a"))']],
    ['over a map', rule('self.map.exists(key, self.map[key] == "x")'), { map: { a: 'x' } }, []],
  ])('%s', (_name, rules, value, errors) => {
    expect(outcome(spec(rules), { spec: value })).toEqual(errors);
  });

  it('sees the name of the whole object at its root', () => {
    const schema = { ...spec({}), ...rule('self.metadata.name.startsWith("a")') };
    expect(outcome(schema, { metadata: { name: 'b' } })).toEqual([': Invalid value: failed rule: self.metadata.name.startsWith("a")']);
  });

  it('on an item names the item', () => {
    const schema = { type: 'object', properties: { list: { type: 'array', maxItems: 3, items: { type: 'integer', ...rule('self > 0') } } } };
    expect(outcome(schema, { list: [1, -1] })).toEqual(['list[1]: Invalid value: -1: failed rule: self > 0']);
  });
});

describe('a transition rule', () => {
  const immutable = spec(rule('self == oldSelf', { message: 'is immutable' }));

  it('runs on updates only', () => {
    expect(outcome(immutable, { spec: { replicas: 1 } })).toEqual([]);
    expect(outcome(immutable, { spec: { replicas: 1 } }, { spec: { replicas: 1 } })).toEqual([]);
    expect(outcome(immutable, { spec: { replicas: 2 } }, { spec: { replicas: 1 } })).toEqual(['spec: Invalid value: is immutable']);
  });

  it('with an optional value before runs always', () => {
    const schema = spec(rule('oldSelf.hasValue() || self.replicas == 1', { optionalOldSelf: true }));
    expect(outcome(schema, { spec: { replicas: 2 } })).toEqual(['spec: Invalid value: failed rule: oldSelf.hasValue() || self.replicas == 1']);
    expect(outcome(schema, { spec: { replicas: 2 } }, { spec: { replicas: 1 } })).toEqual([]);
  });

  it('knows the items of a map-like list again', () => {
    const schema = { type: 'object', properties: { list: { type: 'array', maxItems: 3, 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['name'], items: { type: 'object', required: ['name'], properties: { name: { type: 'string' }, value: { type: 'integer' } }, ...rule('self.value >= oldSelf.value') } } } };
    expect(outcome(schema, { list: [{ name: 'b', value: 5 }, { name: 'a', value: 1 }] }, { list: [{ name: 'a', value: 2 }] })).toEqual(['list[1]: Invalid value: failed rule: self.value >= oldSelf.value']);
  });
});

it('what was wrong before and has not changed is not held against an update', () => {
  const schema = spec(rule('self.replicas > 1'));
  expect(outcome(schema, { spec: { replicas: 1 } }, { spec: { replicas: 1 } })).toEqual([]);
  expect(outcome(schema, { spec: { replicas: 1, minReplicas: 1 } }, { spec: { replicas: 1 } })).toHaveLength(1);
});

/** A rule that compares every item with every other. */
const pairwise = (sizes: object, items: object) => ({ type: 'object', properties: { list: { type: 'array', ...sizes, items: { type: 'string', ...items } } }, ...rule('self.list.all(a, self.list.all(b, a == b || a.contains(b)))') });

describe('a definition with a rule', () => {
  const where = 'schema.properties[spec].x-kubernetes-validations[0]';
  it.each<[string, object, string]>([
    ['that does not compile', rule('self.none > 1'), `${where}.rule: Invalid value: {"rule":"self.none > 1"}: compilation failed: ERROR: <input>:1:5: undefined field 'none'`],
    ['that is no question', rule('self.replicas'), `${where}.rule: Invalid value: {"rule":"self.replicas"}: cel expression must evaluate to a bool`],
    ['that is empty', rule(' '), `${where}.rule: Required value: rule is not specified`],
    ['whose message has two lines', rule('true', { message: 'a\nb' }), `${where}.message: Invalid value: "a\\nb": must not contain line breaks`],
    ['with an unknown reason', rule('true', { reason: 'Because' }), `${where}.reason: Unsupported value: "Because"`],
    ['whose message expression is no text', rule('true', { messageExpression: '1' }), `${where}.messageExpression: Invalid value: {"rule":"true","messageExpression":"1"}: messageExpression must evaluate to a string`],
    ['that names no field', rule('true', { fieldPath: '.none' }), `${where}.fieldPath: Invalid value: ".none": must be a valid path`],
  ])('%s is refused', (_name, rules, error) => {
    expect(fieldErrorTexts(validateRules(spec(rules), new Path('schema')))[0]).toContain(error);
  });

  it('that can cost too much is refused, and is not once sizes are bounded', () => {
    expect(fieldErrorTexts(validateRules(pairwise({}, {}), new Path('schema')))[0]).toMatch(/^schema\.x-kubernetes-validations\[0\]\.rule: Forbidden: estimated rule cost exceeds budget by factor of more than 100x \(try simplifying the rule/);
    expect(validateRules(pairwise({ maxItems: 10 }, { maxLength: 20 }), new Path('schema'))).toEqual([]);
  });

  it.each([
    "self.m.matches('^[0-9]+%$')", "type(self.m) == int || self.m.matches('^[0-9]+%$')", 'isQuantity(self.m)', "quantity(self.m).isLessThan(quantity('1Gi'))", 'isIP(self.m)', "url(self.m).getHost() == 'a'",
    "self.l.all(m, type(m) == int || m.contains('%'))",
  ])('on what is a number or text is not refused: a request bounds it (%s)', (text) => {
    const m = { 'x-kubernetes-int-or-string': true };
    expect(fieldErrorTexts(validateRules({ type: 'object', properties: { m, l: { type: 'array', maxItems: 20, items: m } }, ...rule(text) }, new Path('schema')))).toEqual([]);
  });

  it("on what is a number or text costs by its text's length", () => {
    const both = (sizes: object) => ({ type: 'object', properties: { list: { type: 'array', maxItems: 10, items: { 'x-kubernetes-int-or-string': true, ...sizes } } }, ...rule('self.list.all(a, self.list.all(b, a.contains(b)))') });
    expect(fieldErrorTexts(validateRules(both({}), new Path('schema')))[0]).toContain('estimated rule cost exceeds budget');
    expect(validateRules(both({ maxLength: 20 }), new Path('schema'))).toEqual([]);
  });

  it('that looks back where values are not known again is refused', () => {
    const schema = { type: 'object', properties: { list: { type: 'array', maxItems: 3, items: { type: 'integer', ...rule('self == oldSelf') } } } };
    expect(fieldErrorTexts(validateRules(schema, new Path('schema')))).toEqual(['schema.properties[list].items.x-kubernetes-validations[0].rule: Invalid value: "self == oldSelf": oldSelf cannot be used on the uncorrelatable portion of the schema within schema.properties[list]']);
  });
});

it('rules end with the budget for one object', () => {
  const schema = { type: 'object', properties: { list: { type: 'array', maxItems: 400, items: { type: 'object', properties: { text: { type: 'string' } }, ...rule('[1,2,3,4,5,6,7,8,9].all(a, [1,2,3,4,5,6,7,8,9].all(b, [1,2,3,4,5,6,7,8,9].all(c, [1,2,3,4,5,6,7,8,9].all(d, a + b + c + d > 0))))') } } } };
  const node = compileRules(structuralOf(schema)) ?? expect.fail('there are rules');
  const errors = fieldErrorTexts(evaluateRules(node, { list: Array.from({ length: 400 }, () => ({})) }, new Path()));
  expect(errors.at(-1)).toMatch(/no further validation rules will be run/);
  expect(errors).toHaveLength(1);
});
