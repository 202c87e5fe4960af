import { parse } from './parse.ts';
import { check, type Checked, type Scope } from './check.ts';
import { createConstants } from './constants.ts';
import type { Range } from './cost.ts';
import { emit } from './emit.ts';
import { CelError, CostExceeded, showIssues, type Issue } from './errors.ts';
import { estimate } from './estimate.ts';
import { Frame, type Bindings } from './frame.ts';
import type { FunctionTable } from './functions.ts';
import { kubernetesLibrary } from './library/all.ts';
import { SyntaxProblem } from './tokens.ts';
import type { ObjectType, Type } from './types.ts';
import { adapt, type Value } from './values.ts';

/** Units of cost that one expression may use (Kubernetes' PerCallLimit). */
export const perCallLimit = 1_000_000;

/** Of patterns: what compiles in some 50 ms. */
const mostInstructions = 20_000;

export interface CompileOptions {
  /** The types of variables by name. */
  readonly variables: Readonly<Record<string, Type>>;
  /** Absent: Kubernetes' library. */
  readonly functions?: FunctionTable;
  /** The types that `Name{…}` may make. */
  readonly structs?: (name: string) => ObjectType | undefined;
}

export interface Program {
  readonly source: string;
  /** Of its result. */
  readonly type: Type;
  /** What it can cost. */
  readonly estimate: Range;
  /** Names of the declared variables that it reads. */
  readonly variables: ReadonlySet<string>;
  /** Runs it. The outcome's `cost` counts in all cases; an error is in Kubernetes' words. */
  readonly evaluate: (bindings: Bindings, options?: { readonly costLimit?: number }) => Outcome;
}

export type Outcome =
  | { readonly cost: number; readonly value: Value; readonly error?: undefined }
  | { readonly cost: number; readonly value?: undefined; readonly error: CelError | CostExceeded };

export type Compilation = { readonly program: Program; readonly errors?: undefined } | { readonly program?: undefined; readonly errors: string };

/** Compiles an expression. `errors` is text as Kubernetes shows it: a block of position, message, line and caret for each. */
export function compile(source: string, { variables, functions = kubernetesLibrary, structs }: CompileOptions): Compilation {
  const issues: Issue[] = [];
  const scope: Scope = { variables: new Map(Object.entries(variables)), functions, ...(structs === undefined ? {} : { structs }) };
  try {
    const root = parse(source);
    const checked = check(root, scope, issues);
    const step = issues.length === 0 ? emit(root, { checked, locals: [], issues, budget: { instructions: mostInstructions }, constants: createConstants(checked) }) : undefined;
    if (step === undefined || issues.length > 0) return { errors: showIssues(source, issues) };
    return {
      program: {
        source, type: checked.type, estimate: estimate(root, checked), variables: namesIn(checked, scope),
        evaluate: (bindings, { costLimit = perCallLimit } = {}) => evaluate(step, new Frame(bindings, costLimit)),
      },
    };
  } catch (error) {
    if (!(error instanceof SyntaxProblem)) throw error;
    return { errors: showIssues(source, [error.issue]) };
  }
}

function evaluate(step: (frame: Frame) => Value, frame: Frame): Outcome {
  try {
    const value = step(frame);
    return { cost: Math.ceil(frame.cost), value };
  } catch (error) {
    if (error instanceof CelError || error instanceof CostExceeded) return { cost: Math.ceil(frame.cost), error };
    throw error;
  }
}

/** Variables with their values, converted from JSON by their declared types when first looked at, once for all programs. */
export function bind(variables: Readonly<Record<string, Type>>, values: Readonly<Record<string, unknown>>): Bindings {
  const known = new Map<string, Value>();
  return {
    get(name) {
      const value = known.get(name);
      if (value !== undefined) return value;
      const type = Object.hasOwn(variables, name) ? variables[name] : undefined;
      const raw = Object.hasOwn(values, name) ? values[name] : undefined;
      if (type === undefined || raw === undefined) return undefined;
      const adapted = adapt(raw, type);
      known.set(name, adapted);
      return adapted;
    },
  };
}

function namesIn({ types, dotted }: Checked, { variables }: Scope): ReadonlySet<string> {
  const names = new Set<string>(dotted.values());
  // Every node has a type; one that is hidden by a variable of a comprehension counts too: it only makes the set larger.
  for (const node of types.keys()) if (node.kind === 'ident' && variables.has(node.name)) names.add(node.name);
  return names;
}
