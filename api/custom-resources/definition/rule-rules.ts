import { compile } from '../../../machinery/cel/compile.ts';
import { forbidden, invalid, notSupported, required, type FieldError, type Path } from '../../../machinery/field-path.ts';
import { compileRule, variablesOf } from '../rules/compile.ts';
import { fieldPathOf } from '../rules/field-path.ts';
import { mostInRequest } from '../rules/types.ts';
import type { Rule, Structural } from '../schema/structural.ts';

/**
 * What the rules of a definition must be like: they compile, say what they refuse in one line, and can't cost more than an
 * object's validation may. Source: "Validation rules", CustomResourceDefinitions; wording: the API server's validation.
 */

/** Units of cost that one rule may take on all values that a request can hold, and all rules of a version together. */
const ruleLimit = 10_000_000;
const totalLimit = 100_000_000;

/** What their texts must be like: this can be said of rules whose schema is no good. */
export function ruleTexts(schema: Structural, path: Path): FieldError[] {
  return everywhere(schema, path, { isRoot: true, times: 1, lost: undefined }).flatMap(({ rule, path: where, schema: own }) => textProblems(rule, own, where));
}

/** What the rules must be like, in a schema that is sound. `isUnchanged`: it was accepted before, whatever its rules cost. */
export function ruleProblems(schema: Structural, path: Path, isUnchanged: boolean): FieldError[] {
  const costs: Cost[] = [];
  const errors = everywhere(schema, path, { isRoot: true, times: 1, lost: undefined }).flatMap((place) => expressionProblems(place, costs, isUnchanged));
  const total = costs.reduce((sum, { cost }) => sum + cost, 0);
  if (total <= totalLimit) return errors;
  const expensive = costs.filter(({ cost }) => cost >= totalLimit / 100).toSorted((a, b) => b.cost - a.cost).slice(0, 4);
  return [
    ...errors,
    ...expensive.map((one) => forbidden(one.path, 'contributed to estimated rule cost total exceeding cost limit for entire OpenAPIv3 schema')),
    forbidden(path, tooExpensive('x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema', total, totalLimit)),
  ];
}

interface Cost {
  readonly path: Path;
  readonly cost: number;
}

interface Around {
  readonly isRoot: boolean;
  /** How many values of this schema one object may hold; undefined: as many as a request can. */
  readonly times: number | undefined;
  /** Where values stop being known again after an update. */
  readonly lost: Path | undefined;
}

/** One rule, and where it is. */
interface Place extends Around {
  readonly rule: Rule;
  readonly schema: Structural;
  readonly path: Path;
}

function everywhere(schema: Structural, path: Path, around: Around): Place[] {
  const { items, additional, listType, maxItems, maxProperties } = schema;
  const times = (most: number | undefined): number | undefined => (around.times === undefined || most === undefined ? undefined : around.times * most);
  return [
    ...schema.rules.map((rule, index) => ({ ...around, rule, schema, path: path.child('x-kubernetes-validations').index(index) })),
    ...[...schema.properties].flatMap(([name, property]) => everywhere(property, path.child('properties').key(name), { ...around, isRoot: false })),
    ...(items === undefined ? [] : everywhere(items, path.child('items'), { isRoot: false, times: times(maxItems), lost: listType === 'map' ? around.lost : around.lost ?? path })),
    ...(additional === undefined || additional === true ? [] : everywhere(additional, path.child('additionalProperties'), { ...around, isRoot: false, times: times(maxProperties) })),
  ];
}

const reasons = ['FieldValueDuplicate', 'FieldValueForbidden', 'FieldValueInvalid', 'FieldValueRequired'];

function textProblems({ rule, message, messageExpression, reason, fieldPath }: Rule, schema: Structural, path: Path): FieldError[] {
  const said = message?.trim() ?? '';
  return [
    ...(rule.trim() === '' ? [required(path.child('rule'), 'rule is not specified')]
      : message !== undefined && said === '' ? [invalid(path.child('message'), message, 'must be non-empty if specified')]
      : hasLines(said) ? [invalid(path.child('message'), message, 'must not contain line breaks')]
      : hasLines(rule.trim()) && said === '' ? [required(path.child('message'), 'message must be specified if rule contains line breaks')] : []),
    ...(messageExpression !== undefined && messageExpression.trim() === '' ? [required(path.child('messageExpression'), 'messageExpression must be non-empty if specified')] : []),
    ...(reason === undefined || reasons.includes(reason) ? [] : [notSupported(path.child('reason'), reason, reasons)]),
    ...(fieldPath === undefined || fieldPathOf(fieldPath, schema) !== undefined ? [] : [invalid(path.child('fieldPath'), fieldPath, 'must be a valid path')]),
  ];
}

function hasLines(text: string): boolean {
  return /[\n\r]/.test(text);
}

function expressionProblems({ rule, schema, path, isRoot, times, lost }: Place, costs: Cost[], isUnchanged: boolean): FieldError[] {
  const refused = (name: 'rule' | 'messageExpression', why: string): FieldError => invalid(path.child(name), { ...rule }, why);
  const variables = variablesOf(schema, rule, isRoot);
  if (variables === undefined) return [refused('rule', 'rules can only be set on schemas with a type, since others are not accessible to CEL')];
  const { program, errors } = compileRule(rule, variables);
  const found: FieldError[] = [];
  const spend = (name: 'rule' | 'messageExpression', cost: number): void => {
    costs.push({ path: path.child(name), cost });
    if (cost > ruleLimit && !isUnchanged) found.push(forbidden(path.child(name), tooExpensive(`estimated ${name} cost`, cost, ruleLimit)));
  };
  if (program === undefined) found.push(refused('rule', `compilation failed: ${errors}`));
  else if (program.type.kind !== 'bool') found.push(refused('rule', 'cel expression must evaluate to a bool'));
  if (program !== undefined) spend('rule', program.estimate.max * (times ?? mostInRequest(schema)));
  if (rule.messageExpression !== undefined) {
    const message = compile(rule.messageExpression, { variables });
    if (message.program === undefined) found.push(refused('messageExpression', `messageExpression compilation failed: ${message.errors}`));
    else if (message.program.type.kind !== 'string') found.push(refused('messageExpression', 'messageExpression must evaluate to a string'));
    // A message is made for one value.
    else spend('messageExpression', message.program.estimate.max);
  }
  const looksBack = program?.variables.has('oldSelf') === true;
  if (looksBack && lost !== undefined) found.push(invalid(path.child('rule'), rule.rule, `oldSelf cannot be used on the uncorrelatable portion of the schema within ${lost.toString()}`));
  if (!looksBack && program !== undefined && rule.optionalOldSelf !== undefined) found.push(invalid(path.child('optionalOldSelf'), rule.optionalOldSelf, 'may not be set if oldSelf is not used in rule'));
  return found;
}

/** Neither a factor that says nothing, nor one that is only noise. */
function tooExpensive(what: string, cost: number, limit: number): string {
  const factor = cost / limit;
  const shown = factor > 100 ? 'more than 100x' : factor < 1.5 ? `${factor.toFixed(6)}x` : `${factor.toFixed(1)}x`;
  return `${what} exceeds budget by factor of ${shown} (try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, maps, and strings are declared)`;
}
