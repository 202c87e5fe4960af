import { invalid, type FieldError, type Path } from '../../../machinery/field-path.ts';
import type { MatchCondition, MutatingAdmissionPolicy, ValidatingAdmissionPolicy } from '../../../machinery/kinds/admission-registration.ts';
import { compileConditions, type CompiledVariables, type Condition, type Expression } from './expressions.ts';
import { compileMutating } from './mutating.ts';
import { compileValidating } from './validating.ts';

/** What is wrong with the expressions of a policy or webhook, in Kubernetes' words: what does not compile is not let in. */

export function expressionProblems({ problem, source }: Expression, path: Path): FieldError[] {
  return problem === undefined ? [] : [invalid(path, source, problem)];
}

/** `path` is that of `matchConditions`. */
export function conditionProblems(conditions: readonly MatchCondition[] | undefined, path: Path): FieldError[] {
  return compiledConditionProblems(compileConditions(conditions, { authorizer: true }), path);
}

function compiledConditionProblems(conditions: readonly Condition[], path: Path): FieldError[] {
  return conditions.flatMap(({ expression }, index) => given(expression, path.index(index).child('expression')));
}

function variableProblems({ expressions }: CompiledVariables, path: Path): FieldError[] {
  return [...expressions.values()].flatMap((expression, index) => given(expression, path.index(index).child('expression')));
}

/** An empty expression is told apart: it is required. */
function given(expression: Expression, path: Path): FieldError[] {
  return expression.source === '' ? [] : expressionProblems(expression, path);
}

/** `path` is that of `spec`. */
export function validatingProblems(spec: NonNullable<ValidatingAdmissionPolicy['spec']>, path: Path): FieldError[] {
  const { conditions, variables, validations, annotations } = compileValidating(spec);
  return [
    ...compiledConditionProblems(conditions, path.child('matchConditions')),
    ...variableProblems(variables, path.child('variables')),
    ...validations.flatMap(({ expression, messageExpression }, index) => [
      ...given(expression, path.child('validations').index(index).child('expression')),
      ...(messageExpression === undefined ? [] : expressionProblems(messageExpression, path.child('validations').index(index).child('messageExpression'))),
    ]),
    ...annotations.flatMap(({ expression }, index) => given(expression, path.child('auditAnnotations').index(index).child('valueExpression'))),
  ];
}

/** `path` is that of `spec`. */
export function mutatingProblems(spec: NonNullable<MutatingAdmissionPolicy['spec']>, path: Path): FieldError[] {
  const { conditions, variables, mutations } = compileMutating(spec);
  return [
    ...compiledConditionProblems(conditions, path.child('matchConditions')),
    ...variableProblems(variables, path.child('variables')),
    ...mutations.flatMap(({ type, expression }, index) =>
      given(expression, path.child('mutations').index(index).child(type === 'JSONPatch' ? 'jsonPatch' : 'applyConfiguration', 'expression'))),
  ];
}
