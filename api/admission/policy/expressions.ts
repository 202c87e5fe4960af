import { compile, type Program } from '../../../machinery/cel/compile.ts';
import { show, type ObjectType, type Type } from '../../../machinery/cel/types.ts';
import { policyVariables, type VariableOptions } from './variables.ts';

/** A compiled expression of a policy, or what is wrong with it. */
export type Expression = { readonly source: string } & ({ readonly program: Program; readonly problem?: undefined } | { readonly program?: undefined; readonly problem: string });

export interface ExpressionOptions extends VariableOptions {
  /** The kinds that its result may be of: `bool`. Absent: any. */
  readonly returns?: readonly Type['kind'][];
  /** The types that it may construct: `Object{…}`. */
  readonly structs?: (name: string) => ObjectType | undefined;
  /** Said of a result of another type. Absent: `must evaluate to bool`. */
  readonly returnsText?: string;
}

/** Compiles an expression of a policy. Problems are in Kubernetes' words: `compilation failed: ERROR: …`. */
export function expressionOf(source: string, options: ExpressionOptions): Expression {
  const text = source.trim();
  const { program, errors } = compile(text, { variables: policyVariables(options), ...(options.structs === undefined ? {} : { structs: options.structs }) });
  if (program === undefined) return { source: text, problem: `compilation failed: ${errors}` };
  const { returns, returnsText } = options;
  if (returns !== undefined && !returns.includes(program.type.kind) && program.type.kind !== 'dyn') {
    return { source: text, problem: returnsText ?? (returns.length === 1 ? `must evaluate to ${returns[0] ?? ''}` : `must evaluate to one of [${returns.join(' ')}], not ${show(program.type)}`) };
  }
  return { source: text, program };
}

interface Written {
  readonly name?: string;
  readonly expression?: string;
}

export interface CompiledVariables {
  readonly expressions: ReadonlyMap<string, Expression>;
  /** Of those that compile, by name. */
  readonly types: Readonly<Record<string, Type>>;
}

/** A policy's variables, in order: each sees those before it. */
export function compileVariables(variables: readonly Written[] | undefined, options: VariableOptions): CompiledVariables {
  const expressions = new Map<string, Expression>();
  const types: Record<string, Type> = {};
  for (const { name = '', expression = '' } of variables ?? []) {
    const compiled = expressionOf(expression, { ...options, variables: { ...types } });
    expressions.set(name, compiled);
    if (compiled.program !== undefined) types[name] = compiled.program.type;
  }
  return { expressions, types };
}

export interface Condition {
  readonly name: string;
  readonly expression: Expression;
}

/** Match conditions see no variables of the policy. */
export function compileConditions(conditions: readonly Written[] | undefined, options: VariableOptions): readonly Condition[] {
  return (conditions ?? []).map(({ name = '', expression = '' }) => ({ name, expression: expressionOf(expression, { ...options, returns: ['bool'] }) }));
}
