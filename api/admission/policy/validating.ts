import type { ValidatingAdmissionPolicy } from '../../../machinery/kinds/admission-registration.ts';
import type { Bindings } from '../../../machinery/cel/frame.ts';
import { compileConditions, compileVariables, expressionOf, type CompiledVariables, type Condition, type Expression } from './expressions.ts';
import { conditionsHold, evaluated, policyBudget, withParams, withVariables, type Budget } from './evaluate.ts';
import type { VariableOptions } from './variables.ts';

type Spec = NonNullable<ValidatingAdmissionPolicy['spec']>;

interface Validation {
  readonly expression: Expression;
  readonly message: string;
  readonly messageExpression: Expression | undefined;
  readonly reason: string;
}

export interface ValidatingProgram {
  readonly conditions: readonly Condition[];
  readonly variables: CompiledVariables;
  readonly validations: readonly Validation[];
  readonly annotations: readonly { readonly key: string; readonly expression: Expression }[];
}

/** Compiles a policy's expressions; what doesn't compile fails when it is asked. `known`: types of the objects, for checks before use. */
export function compileValidating(spec: Spec, known: Pick<VariableOptions, 'object' | 'paramType'> = {}): ValidatingProgram {
  const options = { ...known, params: spec.paramKind !== undefined, authorizer: true };
  const variables = compileVariables(spec.variables, options);
  const all = { ...options, variables: variables.types };
  return {
    conditions: compileConditions(spec.matchConditions, options),
    variables,
    validations: (spec.validations ?? []).map(({ expression, message = '', messageExpression = '', reason = 'Invalid' }) => ({
      expression: expressionOf(expression, { ...all, returns: 'bool' }),
      message: message.trim(),
      messageExpression: messageExpression.trim() === '' ? undefined : expressionOf(messageExpression, { ...all, authorizer: false, returns: 'string' }),
      reason,
    })),
    annotations: (spec.auditAnnotations ?? []).map(({ key, valueExpression }) => ({ key, expression: expressionOf(valueExpression, { ...all, returns: 'string|null' }) })),
  };
}

/** What a policy says against a write. */
export interface Finding {
  readonly message: string;
  readonly reason: string;
  /** The position of the validation; absent: the policy itself failed. */
  readonly index?: number;
}

export interface Findings {
  readonly denials: readonly Finding[];
  readonly annotations: ReadonlyMap<string, string>;
}

const none: Findings = { denials: [], annotations: new Map() };

/** Asks a policy about a write, with one parameter. An error is a denial where the policy fails on errors, nothing where it ignores them. */
export function validate(program: ValidatingProgram, shared: Bindings, params: object | null, failurePolicy: string): Findings {
  const outer = withParams(shared, params);
  const conditions = conditionsHold(program.conditions, outer);
  if (conditions.type === 'skip') return none;
  if (conditions.type === 'error') return failurePolicy === 'Ignore' ? none : { ...none, denials: [failed(conditions.problem)] };
  const budget = { left: policyBudget };
  const bindings = withVariables(outer, program.variables, budget);
  return {
    denials: program.validations.flatMap((validation, index) => denial(validation, index, { bindings, budget, failurePolicy })),
    annotations: annotationsOf(program, bindings, budget),
  };
}

/** A denial because the policy could not be asked. */
export function failed(message: string): Finding {
  return { message, reason: 'Invalid' };
}

interface Asked {
  readonly bindings: Bindings;
  readonly budget: Budget;
  readonly failurePolicy: string;
}

function denial({ expression, message, messageExpression, reason }: Validation, index: number, { bindings, budget, failurePolicy }: Asked): Finding[] {
  const { value, problem } = evaluated(expression, bindings, budget);
  if (value === true) return [];
  if (problem !== undefined) return failurePolicy === 'Ignore' ? [] : [{ message: problem, reason: 'Invalid', index }];
  const said = messageExpression === undefined ? undefined : messageOf(messageExpression, bindings, budget);
  return [{ message: said ?? (message === '' ? `failed expression: ${expression.source}` : message), reason, index }];
}

const longestMessage = 5 * 1024;

/** Undefined: it says nothing that could be shown. */
function messageOf(expression: Expression, bindings: Bindings, budget: Budget): string | undefined {
  const { value } = evaluated(expression, bindings, budget);
  if (typeof value !== 'string') return undefined;
  const text = value.trim();
  return text === '' || text.length > longestMessage || /[\n\r]/.test(text) ? undefined : text;
}

const longestAnnotation = 10 * 1024;

function annotationsOf({ annotations }: ValidatingProgram, bindings: Bindings, budget: Budget): ReadonlyMap<string, string> {
  const values = new Map<string, string>();
  for (const { key, expression } of annotations) {
    const { value } = evaluated(expression, bindings, budget);
    if (typeof value === 'string') values.set(key, value.slice(0, longestAnnotation));
  }
  return values;
}
