import { isDeepStrictEqual } from 'node:util';
import { fieldErrorText, forbidden, invalid, required, type FieldError, type Path } from '../../../machinery/field-path.ts';
import { textOf } from '../../../machinery/patch/json-value.ts';
import { patternProblem } from '../schema/patterns.ts';
import { isObject } from '../schema/structural.ts';

/**
 * What makes a schema structural, so that pruning, defaulting and apply can go by it: every field has a type, and `allOf` and its
 * like only narrow what is specified around them. Source: "Specifying a structural schema", CustomResourceDefinitions; wording: the
 * API server's validation of structural schemas.
 */
export function structuralProblems(schema: unknown, path: Path): FieldError[] {
  const errors = isObject(schema) ? [...invariants(schema, 'root', path), ...branchesComplete(schema, schema, path, path)] : [];
  return errors.map((error) => [fieldErrorText(error), error] as const).toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, error]) => error);
}

type Json = Readonly<Record<string, unknown>>;
type Level = 'root' | 'item' | 'field';

/** Is anything said by it? */
function isGiven(value: unknown): boolean {
  return value !== undefined && value !== false && value !== '' && !(Array.isArray(value) && value.length === 0) && !(isObject(value) && Object.keys(value).length === 0);
}

function members(value: unknown): readonly [string, Json][] {
  return isObject(value) ? Object.entries(value).flatMap(([name, one]): [string, Json][] => (isObject(one) ? [[name, one]] : [])) : [];
}

const missingType: Readonly<Record<Level, string>> = {
  root: 'must not be empty at the root', item: 'must not be empty for specified array items', field: 'must not be empty for specified object fields',
};

function invariants(schema: Json, level: Level, path: Path): FieldError[] {
  const { items, properties, additionalProperties } = schema;
  return [
    ...typeProblems(schema, level, path),
    ...(isObject(items) ? invariants(items, 'item', path.child('items')) : []),
    ...members(properties).flatMap(([name, one]) => invariants(one, 'field', path.child('properties').key(name))),
    ...(isObject(additionalProperties) ? invariants(additionalProperties, 'field', path.child('additionalProperties')) : []),
    ...extensionProblems(schema, path),
    ...values(schema, isIntOrString(schema['anyOf']), isIntOrStringWithin(schema['allOf']), path),
    ...wholeProblems(schema, level, path),
  ];
}

function typeProblems(schema: Json, level: Level, path: Path): FieldError[] {
  const type = textOf(schema['type']);
  const errors: FieldError[] = [];
  if (type === 'array' && schema['items'] === undefined) errors.push(required(path.child('items'), 'must be specified'));
  if (schema['additionalProperties'] !== undefined && level === 'root') errors.push(forbidden(path.child('additionalProperties'), 'must not be used at the root'));
  const isEmbedded = schema['x-kubernetes-embedded-resource'] === true;
  if (isEmbedded && type !== 'object') {
    const detail = 'must be object if x-kubernetes-embedded-resource is true';
    errors.push(type === '' ? required(path.child('type'), detail) : invalid(path.child('type'), type, detail));
  } else if (type === '' && schema['x-kubernetes-int-or-string'] !== true && schema['x-kubernetes-preserve-unknown-fields'] !== true) {
    errors.push(required(path.child('type'), missingType[level]));
  }
  if (isEmbedded && schema['additionalProperties'] !== undefined) errors.push(forbidden(path.child('additionalProperties'), 'must not be used if x-kubernetes-embedded-resource is set'));
  if (level === 'root' && type !== '' && type !== 'object') errors.push(invalid(path.child('type'), type, 'must be object at the root'));
  return errors;
}

function extensionProblems(schema: Json, path: Path): FieldError[] {
  if (schema['x-kubernetes-int-or-string'] !== true) return [];
  return ['x-kubernetes-preserve-unknown-fields', 'x-kubernetes-embedded-resource'].filter((name) => schema[name] === true)
    .map((name) => invalid(path.child(name), true, 'must be false if x-kubernetes-int-or-string is true'));
}

/** Of an object with a type and metadata of its own: those have Kubernetes' schema. */
function wholeProblems(schema: Json, level: Level, path: Path): FieldError[] {
  const isEmbedded = schema['x-kubernetes-embedded-resource'] === true;
  if (level !== 'root' && !isEmbedded) return [];
  const properties = new Map(members(schema['properties']));
  const errors: FieldError[] = [];
  for (const [name, type] of [['kind', 'string'], ['apiVersion', 'string'], ['metadata', 'object']] as const) {
    const own = properties.get(name);
    if (own !== undefined && own['type'] !== type) errors.push(invalid(path.child('properties').key(name).child('type'), textOf(own['type']), `must be ${type}`));
  }
  const metadata = properties.get('metadata');
  if (level === 'root' && metadata !== undefined && !saysOfNamesOnly(metadata)) {
    errors.push(forbidden(path.child('properties').key('metadata'), 'must not specify anything other than name and generateName, but metadata is implicitly specified'));
  }
  if (isEmbedded && schema['x-kubernetes-preserve-unknown-fields'] !== true && properties.size === 0) {
    errors.push(required(path.child('properties'), 'must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields'));
  }
  return errors;
}

function saysOfNamesOnly(metadata: Json): boolean {
  const { type: _type, default: _default, properties, ...rest } = metadata;
  return Object.values(rest).every((value) => !isGiven(value)) && members(properties).every(([name]) => name === 'name' || name === 'generateName');
}

const eitherType = [{ type: 'integer' }, { type: 'string' }];

/** `anyOf: [integer, string]`: the one place where a branch may name types. */
function isIntOrString(anyOf: unknown): boolean {
  return isDeepStrictEqual(anyOf, eitherType);
}

function isIntOrStringWithin(allOf: unknown): boolean {
  const first: unknown = Array.isArray(allOf) ? allOf[0] : undefined;
  return isObject(first) && isIntOrString(first['anyOf']);
}

/** What narrows values: patterns and branches. */
function values(schema: Json, skipAnyOf: boolean, skipFirstAllOf: boolean, path: Path): FieldError[] {
  const pattern = textOf(schema['pattern']);
  const problem = pattern === '' ? undefined : patternProblem(pattern);
  return [
    ...branchesOf(schema, path).flatMap(({ branch, name, index, where }) => {
      if (name === 'anyOf' && skipAnyOf) return [];
      return nested(branch, name === 'allOf' && index === 0 && skipFirstAllOf, where);
    }),
    ...(problem === undefined ? [] : [invalid(path.child('pattern'), pattern, `must be a valid regular expression, but isn't: ${problem}`)]),
  ];
}

interface Branch {
  readonly branch: Json;
  readonly name: 'anyOf' | 'allOf' | 'oneOf' | 'not';
  readonly index: number;
  readonly where: Path;
}

function branchesOf(schema: Json, path: Path): Branch[] {
  const lists = (['anyOf', 'allOf', 'oneOf'] as const).flatMap((name) => {
    const given = schema[name];
    const list: readonly unknown[] = Array.isArray(given) ? given : [];
    return list.flatMap((branch, index): Branch[] => (isObject(branch) ? [{ branch, name, index, where: path.child(name).index(index) }] : []));
  });
  const { not } = schema;
  return isObject(not) ? [...lists, { branch: not, name: 'not', index: 0, where: path.child('not') }] : lists;
}

const emptyInside: readonly (readonly [string, string])[] = [
  ['type', 'empty'], ['default', 'undefined'], ['title', 'empty'], ['description', 'empty'], ['nullable', 'false'],
  ['x-kubernetes-preserve-unknown-fields', 'false'], ['x-kubernetes-embedded-resource', 'false'], ['x-kubernetes-int-or-string', 'false'],
  ['x-kubernetes-list-map-keys', 'empty'], ['x-kubernetes-list-type', 'undefined'], ['x-kubernetes-map-type', 'undefined'], ['x-kubernetes-validations', 'empty'],
];

/** A branch, or what is below one. */
function nested(schema: Json, skipAnyOf: boolean, path: Path): FieldError[] {
  const { items, properties, additionalProperties } = schema;
  return [
    ...values(schema, skipAnyOf, false, path),
    ...(isObject(items) ? nested(items, false, path.child('items')) : []),
    ...members(properties).flatMap(([name, one]) => nested(one, false, path.child('properties').key(name))),
    ...(additionalProperties === true || isObject(additionalProperties) ? [forbidden(path.child('additionalProperties'), 'must be undefined to be structural')] : []),
    ...emptyInside.filter(([name]) => isGiven(schema[name])).map(([name, how]) => forbidden(path.child(name), `must be ${how} to be structural`)),
    ...(isObject(properties) && Object.hasOwn(properties, 'metadata') ? [forbidden(path.child('properties').key('metadata'), 'must not be specified in a nested context')] : []),
  ];
}

/** Whatever branches speak of is specified outside of them. */
function branchesComplete(schema: Json, outer: Json | undefined, outerPath: Path, path: Path): FieldError[] {
  return branchesOf(schema, path).flatMap(({ branch, where }) => complete(branch, outer, outerPath, where));
}

function complete(branch: Json, outer: Json | undefined, outerPath: Path, path: Path): FieldError[] {
  if (outer === undefined) return [required(outerPath, `because it is defined in ${path.toString()}`)];
  const properties = new Map(members(outer['properties']));
  const { items } = branch;
  const outerItems = outer['items'];
  return [
    ...branchesComplete(branch, outer, outerPath, path),
    ...(isObject(items) ? complete(items, isObject(outerItems) ? outerItems : undefined, outerPath.child('items'), path.child('items')) : []),
    ...members(branch['properties']).flatMap(([name, one]) => complete(one, properties.get(name), outerPath.child('properties').key(name), path.child('properties').key(name))),
  ];
}
