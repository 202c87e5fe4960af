import type { ValidatingAdmissionPolicy } from '../../../machinery/kinds/admission-registration.ts';
import type { Bindings } from '../../../machinery/cel/frame.ts';
import { compileConditions, compileVariables, expressionOf, type CompiledVariables, type Condition, type Expression } from './expressions.ts';
import { BudgetExhausted, conditionsHold, evaluated, policyBudget, withParams, withVariables, type Budget } from './evaluate.ts';
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
  /** What denies the write whatever the binding wants done. */
  readonly failures: readonly Finding[];
}

const none: Findings = { denials: [], annotations: new Map(), failures: [] };

/** Asks a policy about a write, with one parameter. An error is a denial where the policy fails on errors, nothing where it ignores them. */
export function validate(program: ValidatingProgram, shared: Bindings, params: object | null, failurePolicy: string): Findings {
  const outer = withParams(shared, params);
  const conditions = conditionsHold(program.conditions, outer);
  if (conditions.type === 'skip') return none;
  const failure = (problem: string): Findings => (failurePolicy === 'Ignore' ? none : { ...none, denials: [failed(problem)] });
  if (conditions.type === 'error') return failure(conditions.problem);
  const budget = { left: policyBudget };
  const bindings = withVariables(outer, program.variables, budget);
  const denials = program.validations.flatMap((validation, index) => denial(validation, index, { bindings, budget, failurePolicy }));
  // What was found before the budget ended doesn't count.
  if (budget.left < 0) return failure(new BudgetExhausted().message);
  return { denials, ...annotationsOf(program, { bindings, budget: { left: policyBudget }, failurePolicy }) };
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

/** An annotation that can't be given is a failure like another, whatever the binding wants done about findings. */
function annotationsOf({ annotations }: ValidatingProgram, { bindings, budget, failurePolicy }: Asked): Omit<Findings, 'denials'> {
  const values = new Map<string, string>();
  const failures: Finding[] = [];
  for (const { key, expression } of annotations) {
    const { value, problem } = evaluated(expression, bindings, budget);
    const text = typeof value === 'string' ? value.trim() : '';
    if (text !== '') values.set(key, text.slice(0, longestAnnotation));
    else if (problem !== undefined && failurePolicy !== 'Ignore') failures.push(failed(problem));
  }
  return { annotations: values, failures };
}
