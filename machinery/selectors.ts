import type { V1LabelSelector } from '@kubernetes/client-node';
import type { Wire } from './kinds/wire.ts';
import { labelValue, qualifiedName } from './names.ts';
import { failure } from './status.ts';
import { messageOf } from './thrown.ts';

/**
 * Label and field selectors: how they are written in a query, in an object, and what they choose.
 * Source: "Labels and selectors"; "Field selectors"; wording of failures: apimachinery's selector parser.
 */

export type Operator = 'In' | 'NotIn' | 'Exists' | 'DoesNotExist' | 'Gt' | 'Lt';

/** One condition on one label. `x=y` is `In` with one value, `x!=y` is `NotIn`. */
export interface Requirement {
  readonly key: string;
  readonly operator: Operator;
  readonly values: readonly string[];
}

/** All must hold; the empty selector chooses everything. */
export type Selector = readonly Requirement[];

export type LabelSelector = Wire<V1LabelSelector>;

/** Chooses no object at all: no label is both there and not there. */
export const nothing: Selector = [{ key: '', operator: 'Exists', values: [] }, { key: '', operator: 'DoesNotExist', values: [] }];

type Token = { readonly type: 'word' | 'symbol' | 'end'; readonly text: string };
const symbols = new Set(['=', '==', '!=', '!', '<', '>', '(', ')', ',']);
const endToken: Token = { type: 'end', text: '' };

/** Words are whatever stands between blanks and symbols; of symbols the longest wins. Throws a message. */
function* tokens(text: string): Generator<Token> {
  for (const [part] of text.matchAll(/[^\s=!<>(),]+|[=!<>(),]{1,2}|[=!<>(),]/g)) {
    if (!/^[=!<>(),]/.test(part)) yield { type: 'word', text: part };
    else if (symbols.has(part)) yield { type: 'symbol', text: part };
    else for (const character of part) yield { type: 'symbol', text: character };
  }
}

/** A recursive descent over the tokens; every method throws a plain message. */
function parser(text: string) {
  const list = [...tokens(text)];
  let position = 0;
  const peek = (): Token => list[position] ?? endToken;
  const take = (): Token => list[position++] ?? endToken;
  const is = (symbol: string): boolean => peek().type === 'symbol' && peek().text === symbol;

  function requirement(): Requirement {
    const negated = is('!');
    if (negated) take();
    const { type, text: key } = take();
    if (type !== 'word') throw new Error(`found '${key}', expected: identifier`);
    checkKey(key);
    if (negated || peek().type === 'end' || is(',')) return { key, operator: negated ? 'DoesNotExist' : 'Exists', values: [] };
    return checked({ key, ...comparison() });
  }

  function comparison(): Omit<Requirement, 'key'> {
    const { text: operator } = take();
    if (operator === 'in' || operator === 'notin') return { operator: operator === 'in' ? 'In' : 'NotIn', values: set() };
    const single = singleOperators.get(operator);
    if (single === undefined) throw new Error(`found '${operator}', expected: in, notin, =, ==, !=, gt, lt`);
    return { operator: single, values: [exactValue()] };
  }

  function exactValue(): string {
    if (peek().type === 'end' || is(',')) return '';
    const { type, text: found } = take();
    if (type !== 'word') throw new Error(`found '${found}', expected: identifier`);
    return found;
  }

  function set(): string[] {
    const open = take();
    if (open.text !== '(') throw new Error(`found '${open.text}' expected: '('`);
    const values = new Set<string>();
    for (;;) {
      values.add(peek().type === 'word' ? take().text : '');
      const { text: separator } = take();
      if (separator === ')') return [...values].toSorted();
      if (separator !== ',') throw new Error(`found '${separator}', expected: ',', or ')'`);
    }
  }

  function selector(): Requirement[] {
    const requirements: Requirement[] = [];
    while (peek().type !== 'end') {
      if (peek().type === 'symbol' && !is('!')) throw new Error(`found '${peek().text}', expected: !, identifier, or 'end of string'`);
      requirements.push(parsed(requirement));
      const separator = take();
      if (separator.type === 'end') break;
      if (separator.text !== ',') throw new Error(`found '${separator.text}', expected: ',' or 'end of string'`);
      if (peek().type === 'end' || (peek().type === 'symbol' && !is('!'))) throw new Error(`found '${peek().text}', expected: identifier after ','`);
    }
    return requirements;
  }

  return { selector };
}

const singleOperators: ReadonlyMap<string, Operator> = new Map([['=', 'In'], ['==', 'In'], ['!=', 'NotIn'], ['>', 'Gt'], ['<', 'Lt']]);

function parsed(requirement: () => Requirement): Requirement {
  try {
    return requirement();
  } catch (error) {
    throw new Error(`unable to parse requirement: ${messageOf(error)}`, { cause: error });
  }
}

function checkKey(key: string): void {
  const messages = qualifiedName(key);
  if (messages.length > 0) throw new Error(`<nil>: Invalid value: ${JSON.stringify(key)}: ${messages.join('; ')}`);
}

function checked(requirement: Requirement): Requirement {
  for (const [index, value] of requirement.values.entries()) {
    if ((requirement.operator === 'Gt' || requirement.operator === 'Lt') && wholeNumber(value) === undefined) {
      throw new Error(`values[${index}]: Invalid value: ${JSON.stringify(value)}: for 'Gt', 'Lt' operators, the value must be an integer`);
    }
    const messages = labelValue(value);
    if (messages.length > 0) throw new Error(`values[${index}][${requirement.key}]: Invalid value: ${JSON.stringify(value)}: ${messages.join('; ')}`);
  }
  return requirement;
}

/** A label selector as it stands in a query: `app=web,tier in (a,b),!old`. Throws BadRequest (400). */
export function parseLabelSelector(text: string): Selector {
  try {
    return sorted(parser(text).selector());
  } catch (error) {
    throw failure('BadRequest', messageOf(error), undefined, { cause: error });
  }
}

function sorted(requirements: readonly Requirement[]): Selector {
  return requirements.toSorted((a, b) => (a.key === b.key ? 0 : a.key < b.key ? -1 : 1));
}

function isExpressionOperator(text: string): text is Operator {
  return text === 'In' || text === 'NotIn' || text === 'Exists' || text === 'DoesNotExist';
}

/** The selector that stands in an object (`spec.selector`). Undefined chooses nothing, as does an operator that there is none of; `{}` chooses everything. */
export function selectorOf(selector: LabelSelector | undefined): Selector {
  if (selector === undefined) return nothing;
  const exact = Object.entries(selector.matchLabels ?? {}).map(([key, value]): Requirement => ({ key, operator: 'In', values: [value] }));
  const expressions: Requirement[] = [];
  for (const { key, operator, values = [] } of selector.matchExpressions ?? []) {
    if (!isExpressionOperator(operator)) return nothing;
    expressions.push({ key, operator, values: values.toSorted() });
  }
  return sorted([...exact, ...expressions]);
}

/** The selector that a plain map is (a Service's): every label must be there. */
export function selectorOfMap(labels: Readonly<Record<string, string>>): Selector {
  return selectorOf({ matchLabels: labels });
}

export function matches(selector: Selector, labels: Readonly<Record<string, string>> | undefined): boolean {
  return selector.every((requirement) => holds(requirement, labels));
}

/** So many values are searched as fast as they are looked up. */
const fewValues = 8;

/** As `matches`, prepared for many objects: long lists of values are looked up. */
export function matcherOf(selector: Selector): (labels: Readonly<Record<string, string>> | undefined) => boolean {
  if (selector.every(({ values }) => values.length <= fewValues)) return (labels) => matches(selector, labels);
  const prepared = selector.map((requirement) => {
    if (requirement.values.length <= fewValues || (requirement.operator !== 'In' && requirement.operator !== 'NotIn')) return (labels: Readonly<Record<string, string>> | undefined) => holds(requirement, labels);
    const values = new Set(requirement.values);
    const isIn = requirement.operator === 'In';
    return (labels: Readonly<Record<string, string>> | undefined) => {
      const value = labels !== undefined && Object.hasOwn(labels, requirement.key) ? labels[requirement.key] : undefined;
      return value === undefined ? !isIn : values.has(value) === isIn;
    };
  });
  return (labels) => prepared.every((holdsFor) => holdsFor(labels));
}

function holds({ key, operator, values }: Requirement, labels: Readonly<Record<string, string>> | undefined): boolean {
  const value = labels !== undefined && Object.hasOwn(labels, key) ? labels[key] : undefined;
  switch (operator) {
    case 'In': return value !== undefined && values.includes(value);
    case 'NotIn': return value === undefined || !values.includes(value);
    case 'Exists': return value !== undefined;
    case 'DoesNotExist': return value === undefined;
    case 'Gt': case 'Lt': return compares(operator, value, values[0]);
  }
}

function compares(operator: 'Gt' | 'Lt', value: string | undefined, bound: string | undefined): boolean {
  const actual = wholeNumber(value);
  const limit = wholeNumber(bound);
  if (actual === undefined || limit === undefined) return false;
  return operator === 'Gt' ? actual > limit : actual < limit;
}

/** A 64-bit whole number in decimal. */
function wholeNumber(text: string | undefined): bigint | undefined {
  if (text === undefined || text.length > 20 || !/^[+-]?\d+$/.test(text)) return undefined;
  const number = BigInt(text.startsWith('+') ? text.slice(1) : text);
  return BigInt.asIntN(64, number) === number ? number : undefined;
}

/** Canonical text, as in `scale.status.selector`; `parseLabelSelector` reads it back. */
export function formatSelector(selector: Selector): string {
  return selector.map(formatRequirement).join(',');
}

function formatRequirement({ key, operator, values }: Requirement): string {
  switch (operator) {
    case 'In': return values.length === 1 ? `${key}=${values[0]}` : `${key} in (${values.toSorted().join(',')})`;
    case 'NotIn': return values.length === 1 ? `${key}!=${values[0]}` : `${key} notin (${values.toSorted().join(',')})`;
    case 'Exists': return key;
    case 'DoesNotExist': return `!${key}`;
    case 'Gt': return `${key}>${values[0]}`;
    case 'Lt': return `${key}<${values[0]}`;
  }
}

export interface FieldRequirement {
  readonly field: string;
  readonly operator: '=' | '!=';
  readonly value: string;
}

/** A field selector: `status.phase!=Running,spec.nodeName=n1`; `\` escapes `\`, `,` and `=` in values. Throws BadRequest (400). */
export function parseFieldSelector(text: string): readonly FieldRequirement[] {
  return terms(text).filter((term) => term !== '').map((term) => {
    const match = /^((?:[^=!\\]|!(?!=))*)(!=|==|=)(.*)$/s.exec(term);
    if (match === null) throw failure('BadRequest', `invalid selector: '${text}'; can't understand '${term}'`);
    const [, field = '', operator, value = ''] = match;
    return { field, operator: operator === '!=' ? '!=' : '=', value: unescaped(value) };
  });
}

/** The parts between commas that no backslash precedes. */
function terms(text: string): string[] {
  return [...text.matchAll(/(?:\\.|[^,\\]|\\$)+/gs)].map(([term]) => term);
}

function unescaped(value: string): string {
  const bad = /^(?:\\[\\,=]|[^\\,=])*/s.exec(value)?.[0] ?? '';
  if (bad.length < value.length) {
    const rest = value.slice(bad.length);
    throw failure('BadRequest', rest.startsWith('\\')
      ? `invalid field selector, invalid escape sequence: ${rest.slice(0, 2)}`
      : `invalid field selector, unescaped character in value: ${rest.slice(0, 1)}`);
  }
  return value.replaceAll(/\\([\\,=])/g, '$1');
}

/** Writes a field selector that `parseFieldSelector` reads back. */
export function formatFieldSelector(requirements: readonly FieldRequirement[]): string {
  return requirements.map(({ field, operator, value }) => `${field}${operator}${value.replaceAll(/[\\,=]/g, String.raw`\$&`)}`).join(',');
}
