import { bind, perCallLimit } from '../../../machinery/cel/compile.ts';
import { CostExceeded } from '../../../machinery/cel/errors.ts';
import { Optional, adapt } from '../../../machinery/cel/values.ts';
import { duplicate, forbidden, invalid, required, type FieldError, type Path } from '../../../machinery/field-path.ts';
import { isUnchanged, oldField, oldItems, type Old } from '../schema/correlate.ts';
import { isObject, type Rule } from '../schema/structural.ts';
import type { CompiledRule, RuleNode } from './compile.ts';
import { fieldPathOf } from './field-path.ts';

/**
 * Runs the rules of a schema on an object, within a budget for all of them together.
 * Source: "Validation rules", CustomResourceDefinitions; wording: the API server's evaluation of rules.
 */

/** Units of cost that all rules of one object may use (Kubernetes' RuntimeCELCostBudget). */
const objectBudget = 10_000_000;

export function evaluateRules(node: RuleNode, value: unknown, path: Path, old?: Old): FieldError[] {
  const run: Run = { out: [], left: objectBudget };
  visit(node, { value, path, old, isSame: false }, run);
  return run.out;
}

interface Run {
  readonly out: FieldError[];
  /** Negative: no further rules are run. */
  left: number;
}

/** A value, where it is, and what it was. */
interface Place {
  readonly value: unknown;
  readonly path: Path;
  /** Undefined: it is new, or can't be told from others. */
  readonly old: Old | undefined;
  /** It is part of something that has not changed. */
  readonly isSame: boolean;
}

function visit(node: RuleNode, place: Place, run: Run): void {
  const { value, old } = place;
  if (value === null || value === undefined || run.left < 0) return;
  const isSame = place.isSame || (old !== undefined && isUnchanged(value, old.value, node.schema));
  const here = { ...place, isSame };
  for (const rule of node.rules) if (run.left >= 0) apply(rule, node, here, run);
  if (Array.isArray(value)) visitItems(node, value, here, run);
  else if (isObject(value)) visitMembers(node, value, here, run);
}

function visitMembers({ properties, additional }: RuleNode, value: Readonly<Record<string, unknown>>, { path, old, isSame }: Place, run: Run): void {
  for (const key of Object.keys(value)) {
    const known = properties.get(key);
    const below = known ?? additional;
    if (below === undefined) continue;
    visit(below, { value: value[key], path: known === undefined ? path.key(key) : path.child(key), old: oldField(old, key), isSame }, run);
  }
}

/** Only items of map-like lists are known again after an update. */
function visitItems({ items, schema }: RuleNode, value: readonly unknown[], { path, old, isSame }: Place, run: Run): void {
  if (items === undefined) return;
  const before = oldItems(schema, old);
  for (const [index, item] of value.entries()) visit(items, { value: item, path: path.index(index), old: before(item), isSame }, run);
}

function apply(compiled: CompiledRule, { schema }: RuleNode, { value, path, old, isSame }: Place, run: Run): void {
  const { rule, program, variables, isTransition } = compiled;
  if (isTransition && rule.optionalOldSelf !== true && old === undefined) return;
  // What was wrong before and has not changed is not held against an update.
  if (!isTransition && isSame) return;
  const bindings = bindingsOf(variables, rule, value, old);
  const { cost, value: result, error } = program.evaluate(bindings, { costLimit: Math.min(run.left, perCallLimit) });
  run.left -= cost;
  const type = schema.type ?? '';
  if (error instanceof CostExceeded) {
    run.out.push(invalid(path, type, run.left <= 0
      ? 'validation failed due to running out of cost budget, no further validation rules will be run'
      : `'${error.message}': no further validation rules will be run due to call cost exceeds limit for rule: ${nameOf(rule)}`));
    run.left = -1;
  } else if (error !== undefined) {
    run.out.push(invalid(path, type, error.message.startsWith('no such overload')
      ? `'${error.message}': call arguments did not match a supported operator, function or macro signature for rule: ${nameOf(rule)}`
      : `${error.message} evaluating rule: ${nameOf(rule)}`));
  } else if (result !== true) {
    run.out.push(refusal(rule, path.child(fieldPathOf(rule.fieldPath ?? '', schema)?.toString() ?? ''), value, messageOf(compiled, bindings, run)));
  }
}

function bindingsOf(variables: CompiledRule['variables'], { optionalOldSelf }: Rule, value: unknown, old: Old | undefined): ReturnType<typeof bind> {
  if (optionalOldSelf !== true) return bind(variables, { self: value, oldSelf: old?.value });
  const own = bind(variables, { self: value });
  const type = variables['self'];
  const before = old === undefined || type === undefined ? Optional.none : new Optional(adapt(old.value, type));
  return { get: (name) => (name === 'oldSelf' ? before : own.get(name)) };
}

function nameOf({ message, rule }: Rule): string {
  return (message ?? rule).trim();
}

function messageOf({ rule, message }: CompiledRule, bindings: ReturnType<typeof bind>, run: Run): string {
  const usual = rule.message === undefined ? `failed rule: ${rule.rule.trim()}` : rule.message.trim();
  if (message === undefined || run.left < 0) return usual;
  const { cost, value } = message.evaluate(bindings, { costLimit: Math.min(run.left, perCallLimit) });
  run.left -= cost;
  const text = typeof value === 'string' ? value.trim() : '';
  return text === '' || text.includes('\n') || text.length > longestMessage ? usual : text;
}

const longestMessage = 5120;

function refusal({ reason }: Rule, path: Path, value: unknown, detail: string): FieldError {
  switch (reason) {
    case 'FieldValueForbidden': return forbidden(path, detail);
    case 'FieldValueRequired': return required(path, detail);
    case 'FieldValueDuplicate': return duplicate(path, value);
    // Objects and lists are too long to be shown.
    default: return typeof value === 'object' ? { type: 'FieldValueInvalid', path, body: `Invalid value: ${detail}` } : invalid(path, value, detail);
  }
}
