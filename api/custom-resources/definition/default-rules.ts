import { isDeepStrictEqual } from 'node:util';
import { Path, invalid, type FieldError } from '../../../machinery/field-path.ts';
import { compileRules } from '../rules/compile.ts';
import { evaluateRules } from '../rules/evaluate.ts';
import { validateEmbedded } from '../schema/embedded.ts';
import { pruneByItself } from '../schema/prune.ts';
import type { Structural } from '../schema/structural.ts';
import { validateValue } from '../schema/validate.ts';

/** Every default must be what its own schema takes, without fields that would be pruned. Source: "Defaulting", CustomResourceDefinitions. */
export function defaultProblems(schema: Structural, path: Path): FieldError[] {
  return [
    ...(schema.default === undefined ? [] : problemsOf(schema, path.child('default'))),
    ...(schema.items === undefined ? [] : defaultProblems(schema.items, path.child('items'))),
    ...[...schema.properties].flatMap(([name, property]) => defaultProblems(property, path.child('properties').key(name))),
  ];
}

function problemsOf(schema: Structural, path: Path): FieldError[] {
  const value = structuredClone(schema.default);
  pruneByItself(value, schema);
  const pruned = isDeepStrictEqual(value, schema.default) ? [] : [invalid(path, schema.default, 'must not have unknown fields')];
  const errors = [...validateValue(schema.default, schema, new Path()), ...validateEmbedded(schema.default, schema, new Path())];
  const rules = errors.length > 0 ? undefined : compileRules(schema, schema.embedded);
  const refused = rules === undefined ? [] : evaluateRules(rules, schema.default, new Path());
  return [...pruned, ...[...errors, ...refused].map((error) => ({ ...error, path: below(path, error.path) }))];
}

/** Values are judged by themselves: their schema doesn't know where it is. */
function below(path: Path, inner: Path): Path {
  const text = inner.toString();
  if (text === '') return path;
  return new Path(`${path.toString()}${text.startsWith('[') ? '' : '.'}${text}`);
}
