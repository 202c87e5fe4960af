import { Path, invalid, type FieldError } from '../../machinery/field-path.ts';
import type { DefinitionScale } from '../../machinery/kinds/apiextensions.ts';
import type { KubernetesObject } from '../../machinery/kinds/kind.ts';
import { compileRules, type RuleNode } from './rules/compile.ts';
import { evaluateRules } from './rules/evaluate.ts';
import { stepsOf, valueAt } from './scale.ts';
import type { Old } from './schema/correlate.ts';
import { validateEmbedded } from './schema/embedded.ts';
import { validateLists } from './schema/lists.ts';
import type { Structural } from './schema/structural.ts';
import { validateValue } from './schema/validate.ts';

/** What a custom resource is held to. Source and wording: the API server's strategy of custom resources. */
export interface Checks {
  readonly schema: Structural;
  /** Undefined: there are none. Compiled for the first object: a server with many definitions starts without. */
  readonly rules: RuleNode | undefined;
  readonly scale: DefinitionScale | undefined;
}

export function checksOf(schema: Structural, scale: DefinitionScale | undefined): Checks {
  let compiled: { readonly rules: RuleNode | undefined } | undefined;
  return {
    // Metadata has rules of its own.
    schema: { ...schema, embedded: false }, scale,
    get rules() {
      compiled ??= { rules: compileRules(schema) };
      return compiled.rules;
    },
  };
}

const root = new Path();

export function validateNew(object: KubernetesObject, checks: Checks): FieldError[] {
  const { schema, scale } = checks;
  return withRules([
    ...validateValue(object, schema, root), ...scaleProblems(object, scale?.specReplicasPath), ...scaleProblems(object, scale?.statusReplicasPath),
    ...validateEmbedded(object, schema, root), ...validateLists(object, schema, root),
  ], checks, object, undefined);
}

/** What was wrong before and has not changed is not held against an update. */
export function validateChanged(object: KubernetesObject, old: KubernetesObject, checks: Checks): FieldError[] {
  const { schema, scale } = checks;
  return withRules([
    ...validateValue(object, schema, root, { value: old }), ...scaleProblems(object, scale?.specReplicasPath), ...scaleProblems(object, scale?.statusReplicasPath),
    ...validateEmbedded(object, schema, root), ...newListProblems(object, old, schema),
  ], checks, object, { value: old });
}

/** A write to `/status` answers for the status alone; rules see all of the object. */
export function validateStatus(object: KubernetesObject, old: KubernetesObject, checks: Checks): FieldError[] {
  const status = checks.schema.properties.get('status');
  const value: unknown = Reflect.get(object, 'status');
  return withRules([
    ...(status === undefined || value === undefined ? [] : validateValue(value, status, new Path('status'), { value: Reflect.get(old, 'status') })),
    ...scaleProblems(object, checks.scale?.statusReplicasPath), ...newListProblems(object, old, checks.schema),
  ], checks, object, { value: old });
}

/** Lists that had items twice already may go on having them. */
function newListProblems(object: KubernetesObject, old: KubernetesObject, schema: Structural): FieldError[] {
  const errors = validateLists(object, schema, root);
  return errors.length === 0 || validateLists(old, schema, root).length > 0 ? [] : errors;
}

const blocking: ReadonlySet<FieldError['type']> = new Set(['FieldValueNotSupported', 'FieldValueRequired', 'FieldValueTooLong', 'FieldValueTooMany', 'FieldValueTypeInvalid']);
const unchecked = 'some validation rules were not checked because the object was invalid; correct the existing errors to complete validation';

/** Rules may rely on types, and on sizes. */
function withRules(errors: readonly FieldError[], { rules }: Checks, object: KubernetesObject, old: Old | undefined): FieldError[] {
  if (rules === undefined) return [...errors];
  if (errors.some(({ type }) => blocking.has(type))) return [...errors, invalid(new Path('<nil>'), null, unchecked)];
  return [...errors, ...evaluateRules(rules, object, root, old)];
}

const largest = 2 ** 31 - 1;

function scaleProblems(object: KubernetesObject, path: string | undefined): FieldError[] {
  const value = path === undefined ? undefined : valueAt(object, stepsOf(path));
  if (path === undefined || typeof value !== 'number') return [];
  if (value < 0) return [invalid(new Path(path), value, 'should be a non-negative integer')];
  return value > largest ? [invalid(new Path(path), value, `should be less than or equal to ${largest}`)] : [];
}
