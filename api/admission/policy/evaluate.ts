import { bind, perCallLimit } from '../../../machinery/cel/compile.ts';
import { CelError, CostExceeded } from '../../../machinery/cel/errors.ts';
import type { Bindings } from '../../../machinery/cel/frame.ts';
import { object as objectType, type Type } from '../../../machinery/cel/types.ts';
import { ObjectValue, type Value } from '../../../machinery/cel/values.ts';
import type { Authorizer } from '../../access/access.ts';
import type { CompiledVariables, Condition, Expression } from './expressions.ts';
import { authorizerValues, namespaceValue, objectValue, requestValue, type Attributes } from './request-value.ts';
import { policyVariables } from './variables.ts';

/** What all expressions about one write may cost together: those of a policy with one binding; match conditions have less. */
export const policyBudget = 10_000_000;
const conditionsBudget = 2_500_000;

export interface Budget {
  left: number;
}

/** Every variable is declared here; which ones an expression may name, its compilation saw to. */
const declared: Readonly<Record<string, Type>> = policyVariables({ params: true, authorizer: true });

/** The values of the variables that don't depend on a policy: made once for each write and version. */
export function sharedBindings(attributes: Attributes, authorizer: Authorizer): Bindings {
  let request: Bindings | undefined;
  let authorizers: Bindings | undefined;
  const shownAs = attributes.write.written ?? attributes.as;
  const objects = bind(declared, { object: objectValue(attributes.object, shownAs), oldObject: objectValue(attributes.old, shownAs) });
  return {
    get(name) {
      switch (name) {
        case 'object':
        case 'oldObject': return objects.get(name);
        case 'authorizer':
        case 'authorizer.requestResource': return (authorizers ??= bind(declared, authorizerValues(attributes, authorizer))).get(name);
        default: return (request ??= bind(declared, { request: requestValue(attributes), namespaceObject: namespaceValue(attributes.write) })).get(name);
      }
    },
  };
}

/** As `shared`, with parameters: null when the binding names none. */
export function withParams(shared: Bindings, params: object | null): Bindings {
  const own = bind(declared, { params });
  return { get: (name) => (name === 'params' ? own.get(name) : shared.get(name)) };
}

/** As `outer`, with the policy's own variables: each is evaluated when it is first looked at, and pays from the same budget. */
export function withVariables(outer: Bindings, { expressions, types }: CompiledVariables, budget: Budget): Bindings {
  if (expressions.size === 0) return outer;
  const variables = new ObjectValue(objectType('kubernetes.variables', types), (name) => {
    const expression = expressions.get(name);
    if (expression === undefined) return undefined;
    if (expression.program === undefined) throw new CelError(`composited variable "${name}" fails to compile: ${expression.problem}`);
    return paid(expression, bindings, budget);
  }, () => expressions.keys());
  const bindings: Bindings = { get: (name) => (name === 'variables' ? variables : outer.get(name)) };
  return bindings;
}

/** The value of an expression. Throws `CelError` and `CostExceeded`, and `BudgetExhausted` when nothing is left for it. */
export function paid(expression: Expression, bindings: Bindings, budget: Budget): Value {
  if (expression.program === undefined) throw new CelError(expression.problem);
  if (budget.left < 0) throw new BudgetExhausted();
  const { value, error, cost } = expression.program.evaluate(bindings, { costLimit: perCallLimit });
  budget.left -= cost;
  if (budget.left < 0) throw new BudgetExhausted();
  if (error !== undefined) throw error;
  return value;
}

export class BudgetExhausted extends Error {
  constructor() {
    super('validation failed due to running out of cost budget, no further validation rules will be run');
    this.name = 'BudgetExhausted';
  }
}

export type Evaluated = { readonly value: Value; readonly problem?: undefined } | { readonly value?: undefined; readonly problem: string };

/** As `paid`, with what went wrong as text. */
export function evaluated(expression: Expression, bindings: Bindings, budget: Budget): Evaluated {
  try {
    return { value: paid(expression, bindings, budget) };
  } catch (error) {
    if (error instanceof BudgetExhausted) return { problem: error.message };
    if (!(error instanceof CelError) && !(error instanceof CostExceeded)) throw error;
    return { problem: expression.program === undefined ? expression.problem : `expression '${expression.source}' resulted in error: ${error.message}` };
  }
}

export type ConditionOutcome = { readonly type: 'match' } | { readonly type: 'skip' } | { readonly type: 'error'; readonly problem: string };

/** Whether all conditions hold. One that is false decides, whatever errors there are. Source: "Match conditions". */
export function conditionsHold(conditions: readonly Condition[], bindings: Bindings): ConditionOutcome {
  const budget = { left: conditionsBudget };
  const problems: string[] = [];
  for (const { expression } of conditions) {
    const { value, problem } = evaluated(expression, bindings, budget);
    if (value === false) return { type: 'skip' };
    if (value !== true) problems.push(problem ?? `expression '${expression.source}' resulted in error: must evaluate to bool`);
  }
  const [first] = problems;
  if (first === undefined) return { type: 'match' };
  return { type: 'error', problem: problems.length === 1 ? first : `[${problems.join(', ')}]` };
}
