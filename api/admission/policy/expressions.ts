import { compile, type Program } from '../../../machinery/cel/compile.ts';
import type { FunctionTable } from '../../../machinery/cel/functions.ts';
import { show, type ObjectType, type Type } from '../../../machinery/cel/types.ts';
import { policyVariables, type VariableOptions } from './variables.ts';

/** A compiled expression of a policy, or what is wrong with it. */
export type Expression = { readonly source: string } & ({ readonly program: Program; readonly problem?: undefined } | { readonly program?: undefined; readonly problem: string });

export interface ExpressionOptions extends VariableOptions {
  /** What its result may be: `bool`, `Object`; several are told apart by `|`. Absent: anything. */
  readonly returns?: string;
  /** The types that it may construct: `Object{…}`. */
  readonly structs?: (name: string) => ObjectType | undefined;
  /** Absent: Kubernetes' library. */
  readonly functions?: FunctionTable;
}

/** Compiles an expression of a policy; one that isn't there is empty. Problems are in Kubernetes' words: `compilation failed: ERROR: …`. */
export function expressionOf(source: string | undefined, { returns, structs, functions, ...options }: ExpressionOptions): Expression {
  const text = source?.trim() ?? '';
  const { program, errors } = compile(text, {
    variables: policyVariables(options), ...(structs === undefined ? {} : { structs }), ...(functions === undefined ? {} : { functions }),
  });
  if (program === undefined) return { source: text, problem: `compilation failed: ${errors}` };
  const wanted = returns?.split('|');
  if (wanted === undefined || wanted.includes(show(program.type)) || isUnknown(program.type)) return { source: text, program };
  return { source: text, problem: wanted.length === 1 ? `must evaluate to ${wanted[0] ?? ''}` : `must evaluate to one of [${wanted.join(' ')}]` };
}

/** What it is shows when it runs. */
function isUnknown(type: Type): boolean {
  return type.kind === 'dyn' || (type.kind === 'list' && isUnknown(type.element)) || type.kind === 'free';
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
export function compileVariables(variables: readonly Written[] | undefined, options: ExpressionOptions): CompiledVariables {
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
  return (conditions ?? []).map(({ name = '', expression = '' }) => ({ name, expression: expressionOf(expression, { ...options, returns: 'bool' }) }));
}
