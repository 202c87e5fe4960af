import { CelError } from '../../../machinery/cel/errors.ts';
import type { Bindings } from '../../../machinery/cel/frame.ts';
import { toJson } from '../../../machinery/cel/json.ts';
import { ObjectValue } from '../../../machinery/cel/values.ts';
import type { MutatingAdmissionPolicy } from '../../../machinery/kinds/admission-registration.ts';
import type { KubernetesObject } from '../../../machinery/kinds/kind.ts';
import { jsonPatch } from '../../../machinery/patch/json-patch.ts';
import { isList, isObject, type JsonObject } from '../../../machinery/patch/json-value.ts';
import { configProblems, problemText } from '../../../machinery/patch/structured/check.ts';
import { mergeConfig } from '../../../machinery/patch/structured/merge.ts';
import { fieldAt, rootShape, type Shape } from '../../../machinery/patch/structured/shape.ts';
import { ApiError } from '../../../machinery/status.ts';
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

/** What a policy makes of an object; `object` undefined: it changes nothing. */
export type Mutated = { readonly object: JsonObject | undefined; readonly problem?: undefined } | { readonly object?: undefined; readonly problem: string };

export interface MutateOptions {
  /** The variables that all policies share, of the object as it is at the moment. */
  readonly bindings: (object: KubernetesObject) => Bindings;
  readonly params: object | null;
  readonly as: Resource;
}

/** Asks a policy with one parameter to change an object: each mutation sees what those before it made. */
export function mutate(program: MutatingProgram, object: KubernetesObject, { bindings, params, as }: MutateOptions): Mutated {
  const conditions = conditionsHold(program.conditions, withParams(bindings(object), params));
  if (conditions.type === 'skip') return { object: undefined };
  if (conditions.type === 'error') return { problem: conditions.problem };
  const budget = { left: policyBudget };
  let current: JsonObject = { ...object };
  for (const { type, expression } of program.mutations) {
    const outer = withParams(bindings(current), params);
    const { value, problem } = evaluated(expression, withVariables(outer, program.variables, budget), budget);
    if (problem !== undefined) return { problem };
    try {
      if (type === 'JSONPatch') current = patched(current, toJson(value));
      else {
        const wrong = value instanceof ObjectValue ? misnamed(value) : 'must evaluate to Object';
        if (wrong !== undefined) return { problem: wrong };
        current = applied(current, toJson(value), as);
      }
    } catch (error) {
      if (error instanceof CelError || error instanceof Problem) return { problem: error.message };
      throw error;
    }
  }
  return { object: current };
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
