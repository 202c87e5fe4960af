import { compile, type Compilation, type Program } from '../../../machinery/cel/compile.ts';
import { optional, type Type } from '../../../machinery/cel/types.ts';
import type { Rule, Structural } from '../schema/structural.ts';
import { celTypeOf } from './types.ts';

/** A rule that can be run. */
export interface CompiledRule {
  readonly rule: Rule;
  readonly program: Program;
  readonly message: Program | undefined;
  /** It looks at the value before, so it runs on updates only (unless `optionalOldSelf`). */
  readonly isTransition: boolean;
  readonly variables: Readonly<Record<string, Type>>;
}

/** A node of a schema with its rules, and with the nodes below that have some. */
export interface RuleNode {
  readonly schema: Structural;
  readonly rules: readonly CompiledRule[];
  readonly properties: ReadonlyMap<string, RuleNode>;
  readonly items: RuleNode | undefined;
  readonly additional: RuleNode | undefined;
}

/** The variables that a rule of this schema has; undefined: rules can't see such a value. */
export function variablesOf(schema: Structural, { optionalOldSelf }: Rule, isRoot: boolean): Readonly<Record<string, Type>> | undefined {
  const self = celTypeOf(schema, 'object', isRoot);
  return self === undefined ? undefined : { self, oldSelf: optionalOldSelf === true ? optional(self) : self };
}

/** A compiled rule, or why it can't be. */
export function compileRule(rule: Rule, variables: Readonly<Record<string, Type>>): Compilation {
  return compile(rule.rule, { variables });
}

/** The rules of a schema that was accepted; undefined: it has none. */
export function compileRules(schema: Structural, isRoot = true): RuleNode | undefined {
  const rules = schema.rules.flatMap((rule) => compiled(rule, schema, isRoot));
  const properties = new Map<string, RuleNode>();
  for (const [name, property] of schema.properties) {
    const node = compileRules(property, false);
    if (node !== undefined) properties.set(name, node);
  }
  const items = schema.items === undefined ? undefined : compileRules(schema.items, false);
  const additional = schema.additional === undefined || schema.additional === true ? undefined : compileRules(schema.additional, false);
  if (rules.length === 0 && properties.size === 0 && items === undefined && additional === undefined) return undefined;
  return { schema, rules, properties, items, additional };
}

function compiled(rule: Rule, schema: Structural, isRoot: boolean): CompiledRule[] {
  const variables = variablesOf(schema, rule, isRoot);
  if (variables === undefined) return [];
  const { program } = compileRule(rule, variables);
  if (program === undefined) return [];
  const message = rule.messageExpression === undefined ? undefined : compile(rule.messageExpression, { variables }).program;
  return [{ rule, program, message, variables, isTransition: program.variables.has('oldSelf') }];
}
