import { CelError } from '../../../machinery/cel/errors.ts';
import type { Bindings } from '../../../machinery/cel/frame.ts';
import { toJson } from '../../../machinery/cel/json.ts';
import { ObjectValue, type Value } from '../../../machinery/cel/values.ts';
import type { MutatingAdmissionPolicy } from '../../../machinery/kinds/admission-registration.ts';
import type { KubernetesObject } from '../../../machinery/kinds/kind.ts';
import { jsonPatch } from '../../../machinery/patch/json-patch.ts';
import { isList, isObject, type JsonObject } from '../../../machinery/patch/json-value.ts';
import { configProblems, problemText } from '../../../machinery/patch/structured/check.ts';
import { mergeConfig } from '../../../machinery/patch/structured/merge.ts';
import { fieldAt, rootShape, type Shape } from '../../../machinery/patch/structured/shape.ts';
import { ApiError, isReason } from '../../../machinery/status.ts';
import { mergeSchema } from '../../field-management/forms.ts';
import type { Resource } from '../../resources/define.ts';
import { conditionsHold, evaluated, policyBudget, withParams, withVariables } from './evaluate.ts';
import { compileConditions, compileVariables, expressionOf, type CompiledVariables, type Condition, type Expression } from './expressions.ts';
import { misnamed, mutationLibrary, mutationStructs } from './mutation-types.ts';

type Spec = NonNullable<MutatingAdmissionPolicy['spec']>;

export interface Mutation {
  readonly type: 'ApplyConfiguration' | 'JSONPatch';
  readonly expression: Expression;
}

export interface MutatingProgram {
  readonly conditions: readonly Condition[];
  readonly variables: CompiledVariables;
  readonly mutations: readonly Mutation[];
}

/** Compiles a policy's expressions; what doesn't compile fails when it is asked. */
export function compileMutating(spec: Spec): MutatingProgram {
  const options = { params: spec.paramKind !== undefined, authorizer: true };
  const making = { structs: mutationStructs, functions: mutationLibrary };
  const variables = compileVariables(spec.variables, { ...options, ...making });
  const all = { ...options, ...making, variables: variables.types };
  return {
    conditions: compileConditions(spec.matchConditions, options),
    variables,
    mutations: (spec.mutations ?? []).map(({ patchType, applyConfiguration, jsonPatch: patch }): Mutation => (patchType === 'JSONPatch'
      ? { type: 'JSONPatch', expression: expressionOf(patch?.expression ?? '', { ...all, returns: 'list(JSONPatch)' }) }
      : { type: 'ApplyConfiguration', expression: expressionOf(applyConfiguration?.expression ?? '', { ...all, returns: 'Object' }) })),
  };
}

/** What a policy makes of an object, and what kept it from making more; `object` undefined: its conditions don't hold. */
export interface Mutated {
  readonly object: KubernetesObject | undefined;
  readonly problems: readonly string[];
}

export interface MutateOptions {
  /** The variables that all policies share, of the object as it is at the moment. */
  readonly bindings: (object: KubernetesObject) => Bindings;
  readonly params: object | null;
  readonly as: Resource;
  /** Checks what a mutation made, and fills in defaults. Throws `ApiError`. */
  readonly settle: (object: JsonObject) => KubernetesObject;
}

/** Asks a policy with one parameter to change an object: each mutation sees what those before it made. One that fails changes nothing. */
export function mutate(program: MutatingProgram, object: KubernetesObject, options: MutateOptions): Mutated {
  const { bindings, params } = options;
  const conditions = conditionsHold(program.conditions, withParams(bindings(object), params));
  if (conditions.type === 'skip') return { object: undefined, problems: [] };
  if (conditions.type === 'error') return { object: undefined, problems: [conditions.problem] };
  const budget = { left: policyBudget };
  const problems: string[] = [];
  let current = object;
  for (const mutation of program.mutations) {
    try {
      const outer = withParams(bindings(current), params);
      const { value, problem } = evaluated(mutation.expression, withVariables(outer, program.variables, budget), budget);
      if (problem !== undefined) problems.push(problem);
      else current = options.settle(mutated(mutation.type, { ...current }, value, options.as));
    } catch (error) {
      if (!(error instanceof CelError || error instanceof Problem || isReason(error, 'BadRequest', 'Invalid'))) throw error;
      problems.push(error.message);
    }
  }
  return { object: current, problems };
}

function mutated(type: Mutation['type'], object: JsonObject, value: Value, as: Resource): JsonObject {
  if (type === 'JSONPatch') return patched(object, toJson(value));
  const wrong = value instanceof ObjectValue ? misnamed(value) : 'must evaluate to Object';
  if (wrong !== undefined) throw new Problem(wrong);
  return applied(object, toJson(value), as);
}

class Problem extends Error {}

function patched(object: JsonObject, patch: unknown): JsonObject {
  try {
    const result = jsonPatch(object, patch);
    if (isObject(result)) return result;
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    throw new Problem(`JSON Patch: ${error.message}`, { cause: error });
  }
  throw new Problem('JSON Patch: the result is no object');
}

/** Merged as server-side apply merges, but nothing may be replaced as a whole: a policy must not undo what it doesn't know. */
function applied(object: JsonObject, config: unknown, as: Resource): JsonObject {
  if (!isObject(config)) throw new Problem('the configuration to apply must be an object');
  const schema = mergeSchema(as);
  const problems = configProblems(schema, config);
  if (problems.length > 0) throw new Problem(`error applying patch: ${problemText(problems)}`);
  const atomic = atomicPaths(rootShape(schema), config, '');
  if (atomic.length > 0) throw new Problem(`error applying patch: invalid ApplyConfiguration: may not mutate atomic arrays, maps or structs: ${atomic.join(', ')}`);
  return mergeConfig(rootShape(schema), object, config);
}

function atomicPaths(shape: Shape, value: unknown, path: string): string[] {
  if (shape.type === 'leaf') return typeof value === 'object' && value !== null ? [path] : [];
  if (shape.type === 'list') return isList(value) ? value.flatMap((item, i) => (shape.keys === undefined ? [] : atomicPaths(shape.items, item, `${path}[${i}]`))) : [];
  if (!isObject(value)) return [];
  return Object.entries(value).flatMap(([name, inner]) => {
    const below = shape.type === 'map' ? shape.values : fieldAt(shape, name)?.shape;
    return below === undefined ? [] : atomicPaths(below, inner, `${path}.${name}`);
  });
}
