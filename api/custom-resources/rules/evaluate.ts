import { isDeepStrictEqual } from 'node:util';
import { bind, perCallLimit } from '../../../machinery/cel/compile.ts';
import { CostExceeded } from '../../../machinery/cel/errors.ts';
import { Optional, adapt } from '../../../machinery/cel/values.ts';
import { duplicate, forbidden, invalid, required, type FieldError, type Path } from '../../../machinery/field-path.ts';
import { isObject, type Rule } from '../schema/structural.ts';
import { keyOf, type Old } from '../schema/validate.ts';
import type { CompiledRule, RuleNode } from './compile.ts';

/**
 * Runs the rules of a schema on an object, within a budget for all of them together.
 * Source: "Validation rules", CustomResourceDefinitions; wording: the API server's evaluation of rules.
 */

/** Units of cost that all rules of one object may use (Kubernetes' RuntimeCELCostBudget). */
const objectBudget = 10_000_000;

export function evaluateRules(node: RuleNode, value: unknown, path: Path, old?: Old): FieldError[] {
  const run: Run = { out: [], left: objectBudget };
  visit(node, value, path, old, run);
  return run.out;
}

interface Run {
  readonly out: FieldError[];
  /** Negative: no further rules are run. */
  left: number;
}

function visit(node: RuleNode, value: unknown, path: Path, old: Old | undefined, run: Run): void {
  if (value === null || value === undefined || run.left < 0) return;
  for (const rule of node.rules) if (run.left >= 0) apply(rule, node, value, path, old, run);
  if (Array.isArray(value)) visitItems(node, value, path, old, run);
  else if (isObject(value)) visitMembers(node, value, path, old, run);
}

function visitMembers({ properties, additional }: RuleNode, value: Readonly<Record<string, unknown>>, path: Path, old: Old | undefined, run: Run): void {
  const before = isObject(old?.value) ? old.value : undefined;
  for (const key of Object.keys(value)) {
    const known = properties.get(key);
    const below = known ?? additional;
    if (below === undefined) continue;
    visit(below, value[key], known === undefined ? path.key(key) : path.child(key), before !== undefined && Object.hasOwn(before, key) ? { value: before[key] } : undefined, run);
  }
}

/** Only items of map-like lists are known again after an update. */
function visitItems({ items, schema: { listType, mapKeys } }: RuleNode, value: readonly unknown[], path: Path, old: Old | undefined, run: Run): void {
  if (items === undefined) return;
  const before = listType === 'map' && Array.isArray(old?.value) ? new Map(old.value.map((item: unknown) => [keyOf(item, mapKeys), item])) : undefined;
  for (const [index, item] of value.entries()) {
    const key = before === undefined ? '' : keyOf(item, mapKeys);
    visit(items, item, path.index(index), before?.has(key) === true ? { value: before.get(key) } : undefined, run);
  }
}

function apply(compiled: CompiledRule, { schema }: RuleNode, value: unknown, path: Path, old: Old | undefined, run: Run): void {
  const { rule, program, variables, isTransition } = compiled;
  if (isTransition && rule.optionalOldSelf !== true && old === undefined) return;
  // What was wrong before and has not changed is not held against an update.
  if (!isTransition && old !== undefined && isDeepStrictEqual(value, old.value)) return;
  const bindings = bindingsOf(variables, rule, value, old);
  const { cost, value: result, error } = program.evaluate(bindings, { costLimit: Math.min(run.left, perCallLimit) });
  run.left -= cost;
  const shown = schema.type ?? 'object';
  if (error instanceof CostExceeded) {
    run.left = -1;
    run.out.push(invalid(path, shown, `'${error.message}': no further validation rules will be run due to call cost exceeds limit for rule: ${nameOf(rule)}`));
  } else if (error !== undefined) {
    run.out.push(invalid(path, shown, error.message.startsWith('no such overload')
      ? `'${error.message}': call arguments did not match a supported operator, function or macro signature for rule: ${nameOf(rule)}`
      : `${error.message} evaluating rule: ${nameOf(rule)}`));
  } else if (result !== true) {
    run.out.push(refusal(rule, fieldOf(path, rule), shown, messageOf(compiled, bindings, run)));
  }
  if (run.left < 0 && !(error instanceof CostExceeded)) {
    run.out.push(invalid(path, shown, 'validation failed due to running out of cost budget, no further validation rules will be run'));
  }
}

function bindingsOf(variables: CompiledRule['variables'], { optionalOldSelf }: Rule, value: unknown, old: Old | undefined): ReturnType<typeof bind> {
  if (optionalOldSelf !== true) return bind(variables, { self: value, oldSelf: old?.value });
  const own = bind(variables, { self: value });
  const type = variables['self'];
  const before = old === undefined || type === undefined ? Optional.none : new Optional(adapt(old.value, type));
  return { get: (name) => (name === 'oldSelf' ? before : own.get(name)) };
}

/** `.name` and `['other.name']`, one below the other. */
function fieldOf(path: Path, { fieldPath = '' }: Rule): Path {
  let at = path;
  for (const [, plain, quoted] of fieldPath.matchAll(/\.([^.[\]]+)|\['([^']*)'\]/g)) at = plain === undefined ? at.key(quoted ?? '') : at.child(plain);
  return at;
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

function refusal({ reason }: Rule, path: Path, shown: unknown, detail: string): FieldError {
  switch (reason) {
    case 'FieldValueForbidden': return forbidden(path, detail);
    case 'FieldValueRequired': return required(path, detail);
    case 'FieldValueDuplicate': return duplicate(path, shown);
    default: return invalid(path, shown, detail);
  }
}
