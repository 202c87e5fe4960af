import { compile } from '../../../machinery/cel/compile.ts';
import { forbidden, invalid, notSupported, required, type FieldError, type Path } from '../../../machinery/field-path.ts';
import { compileRule, variablesOf } from '../rules/compile.ts';
import { mostItems, mostMembers } from '../rules/types.ts';
import { structuralOf, type Rule, type Structural } from '../schema/structural.ts';

/**
 * What the rules of a definition must be like: they compile, say what they refuse in one line, and can't cost more than an
 * object's validation may. Source: "Validation rules", CustomResourceDefinitions; wording: the API server's validation.
 */

/** Units of cost that one rule may take on all values that a request can hold, and all rules of a version together. */
const ruleLimit = 10_000_000;
const totalLimit = 100_000_000;
const advice = 'try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, maps, and strings are declared';

export function validateRules(raw: unknown, path: Path): FieldError[] {
  const total: Total = { cost: 0 };
  const errors = nodeRules(structuralOf(raw), path, { isRoot: true, times: 1, total, lost: undefined });
  if (total.cost <= totalLimit) return errors;
  return [...errors, forbidden(path, `x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema exceeds budget by factor of ${factor(total.cost, totalLimit)} (${advice})`)];
}

interface Total {
  cost: number;
}

interface Around {
  readonly isRoot: boolean;
  /** How many values of this schema one object may hold. */
  readonly times: number;
  readonly total: Total;
  /** Where values stop being known again after an update. */
  readonly lost: Path | undefined;
}

function nodeRules(schema: Structural, path: Path, around: Around): FieldError[] {
  const { times, lost } = around;
  const below = { ...around, isRoot: false };
  return [
    ...schema.rules.flatMap((rule, index) => ruleProblems(rule, schema, path.child('x-kubernetes-validations').index(index), around)),
    ...[...schema.properties].flatMap(([name, property]) => nodeRules(property, path.child('properties').key(name), below)),
    ...(schema.items === undefined ? [] : nodeRules(schema.items, path.child('items'), {
      ...below, times: times * mostItems(schema), lost: schema.listType === 'map' ? lost : lost ?? path,
    })),
    ...(schema.additional === undefined || schema.additional === true ? [] : nodeRules(schema.additional, path.child('additionalProperties'), { ...below, times: times * mostMembers(schema) })),
  ];
}

const reasons = ['FieldValueDuplicate', 'FieldValueForbidden', 'FieldValueInvalid', 'FieldValueRequired'];

function ruleProblems(rule: Rule, schema: Structural, path: Path, around: Around): FieldError[] {
  if (rule.rule.trim() === '') return [required(path.child('rule'), 'rule is not specified')];
  const { message, reason, fieldPath } = rule;
  return [
    ...(message !== undefined && message.trim() === '' ? [invalid(path.child('message'), message, 'message must be non-empty if specified')] : []),
    ...(message?.includes('\n') === true ? [invalid(path.child('message'), message, 'message must not contain line breaks')] : []),
    ...(message === undefined && rule.rule.includes('\n') && rule.messageExpression === undefined ? [required(path.child('message'), 'message must be specified if rule contains line breaks')] : []),
    ...(reason === undefined || reasons.includes(reason) ? [] : [notSupported(path.child('reason'), reason, reasons)]),
    ...(fieldPath === undefined ? [] : fieldProblems(fieldPath, schema, path.child('fieldPath'))),
    ...expressionProblems(rule, schema, path, around),
  ];
}

function fieldProblems(text: string, schema: Structural, path: Path): FieldError[] {
  let at: Structural | undefined = schema;
  let read = '';
  for (const [part, plain, quoted] of text.matchAll(/\.([^.[\]]+)|\['([^']*)'\]/g)) {
    read += part;
    const name: string = plain ?? quoted ?? '';
    const additional: Structural | true | undefined = at?.additional;
    at = at?.properties.get(name) ?? (additional === true ? undefined : additional);
    if (at === undefined) return [invalid(path, text, `fieldPath must be a valid path: does not refer to a valid field`)];
  }
  return read === text ? [] : [invalid(path, text, 'fieldPath must be a valid path: only simple field access and map keys are supported')];
}

function expressionProblems(rule: Rule, schema: Structural, path: Path, { isRoot, times, total, lost }: Around): FieldError[] {
  const variables = variablesOf(schema, rule, isRoot);
  if (variables === undefined) return [invalid(path.child('rule'), { ...rule }, 'rules can only be set on schemas with a type, since others are not accessible to CEL')];
  const { program, errors } = compileRule(rule, variables);
  if (program === undefined) return [invalid(path.child('rule'), { ...rule }, `compilation failed: ${errors}`)];
  if (program.type.kind !== 'bool' && program.type.kind !== 'dyn') return [invalid(path.child('rule'), { ...rule }, 'cel expression must evaluate to a bool')];
  const found: FieldError[] = [];
  if (program.variables.has('oldSelf') && lost !== undefined) {
    found.push(invalid(path.child('rule'), rule.rule, `oldSelf cannot be used on the uncorrelatable portion of the schema within ${lost.toString()}`));
  } else if (rule.optionalOldSelf !== undefined && !program.variables.has('oldSelf')) {
    found.push(invalid(path.child('optionalOldSelf'), rule.optionalOldSelf, 'may not be set if oldSelf is not used in rule'));
  }
  const message = rule.messageExpression === undefined ? undefined : compile(rule.messageExpression, { variables });
  if (message !== undefined && message.program === undefined) found.push(invalid(path.child('messageExpression'), { ...rule }, `messageExpression compilation failed: ${message.errors}`));
  if (message?.program !== undefined && message.program.type.kind !== 'string') found.push(invalid(path.child('messageExpression'), { ...rule }, 'messageExpression must evaluate to a string'));
  // A message is made for one value: the first that a rule refuses may end it.
  const costs = { rule: program.estimate.max * times, messageExpression: message?.program?.estimate.max ?? 0 };
  for (const [name, cost] of Object.entries(costs)) {
    total.cost += cost;
    if (cost > ruleLimit) found.push(forbidden(path.child(name), `estimated ${name} cost exceeds budget by factor of ${factor(cost, ruleLimit)} (${advice})`));
  }
  return found;
}

function factor(cost: number, limit: number): string {
  return cost / limit > 100 ? 'more than 100x' : `${(cost / limit).toFixed(1)}x`;
}
