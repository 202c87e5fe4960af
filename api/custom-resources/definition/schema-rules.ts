import { Path, forbidden, invalid, notSupported, required, type FieldError } from '../../../machinery/field-path.ts';
import { fillDefaults } from '../schema/defaults.ts';
import { patternProblem } from '../schema/patterns.ts';
import { prune } from '../schema/prune.ts';
import { isObject, structuralOf, type Structural } from '../schema/structural.ts';
import { validateParts } from '../schema/lists.ts';
import { validateValue } from '../schema/validate.ts';

/**
 * What a schema must be like so that pruning, defaulting and apply can go by it. `raw` is the schema as it was sent.
 * Source: "Specifying a structural schema", CustomResourceDefinitions; wording: the API server's validation of definitions.
 */
export function validateSchema(raw: unknown, path: Path): FieldError[] {
  const root = structuralOf(raw);
  return [
    ...(root.type === undefined ? [required(path.child('type'), 'must not be empty at the root')] : root.type === 'object' ? [] : [invalid(path.child('type'), root.type, 'must be object at the root')]),
    ...(root.nullable ? [forbidden(path.child('nullable'), 'nullable cannot be true at the root')] : []),
    ...metadataProblems(root, path),
    ...nodeProblems(raw, path, { level: 'root', seenDefault: false }),
  ];
}

interface Around {
  readonly level: 'root' | 'field' | 'item';
  /** Inside the value of another default. */
  readonly seenDefault: boolean;
}

const types = ['array', 'boolean', 'integer', 'number', 'object', 'string'];
/** What JSON Schema has and custom resources may not use. */
const unsupported = ['definitions', 'dependencies', 'deprecated', 'discriminator', 'id', '$ref', 'patternProperties', 'readOnly', 'writeOnly', 'xml', 'additionalItems'];
const messages = { field: 'must not be empty for specified object fields', item: 'must not be empty for specified array items', root: 'must not be empty at the root' };

function nodeProblems(raw: unknown, path: Path, around: Around): FieldError[] {
  if (!isObject(raw)) return [];
  const schema = structuralOf(raw);
  return [
    ...unsupported.filter((name) => isGiven(raw[name])).map((name) => forbidden(path.child(name), `${name} is not supported`)),
    ...typeProblems(raw, schema, path, around),
    ...limitProblems(raw, schema, path),
    ...listProblems(raw, schema, path),
    ...branchProblems(raw, schema, path),
    ...defaultProblems(raw, schema, path, around),
    ...childProblems(raw, path, around),
  ];
}

function isGiven(value: unknown): boolean {
  return value !== undefined && value !== false && value !== '' && !(isObject(value) && Object.keys(value).length === 0);
}

function typeProblems(raw: Readonly<Record<string, unknown>>, schema: Structural, path: Path, { level }: Around): FieldError[] {
  const { type } = raw;
  if (typeof type === 'string' && type !== '' && !types.includes(type)) return [notSupported(path.child('type'), type, types)];
  const errors: FieldError[] = [];
  if (schema.intOrString && schema.type !== undefined) errors.push(invalid(path.child('type'), schema.type, 'must be empty if x-kubernetes-int-or-string is true'));
  if (level !== 'root' && schema.type === undefined && !schema.intOrString && !schema.preserveUnknown) errors.push(required(path.child('type'), messages[level]));
  if (schema.preserveUnknown && schema.type !== undefined && schema.type !== 'object') errors.push(invalid(path.child('type'), schema.type, 'must be object if x-kubernetes-preserve-unknown-fields is true'));
  if (schema.embedded && schema.type !== 'object') {
    errors.push(schema.type === undefined ? required(path.child('type'), 'must be object if x-kubernetes-embedded-resource is true') : invalid(path.child('type'), schema.type, 'must be object if x-kubernetes-embedded-resource is true'));
  }
  if (schema.embedded && !schema.preserveUnknown && schema.properties.size === 0) errors.push(required(path.child('properties'), 'must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields'));
  if (raw['x-kubernetes-preserve-unknown-fields'] === false) errors.push(invalid(path.child('x-kubernetes-preserve-unknown-fields'), false, 'must be true or undefined'));
  if (schema.properties.size > 0 && isGiven(raw['additionalProperties'])) errors.push(forbidden(path.child('additionalProperties'), 'additionalProperties and properties are mutual exclusive'));
  if (raw['additionalProperties'] === false) errors.push(forbidden(path.child('additionalProperties'), 'additionalProperties cannot be set to false'));
  if (schema.type === 'array' && schema.items === undefined) errors.push(Array.isArray(raw['items']) ? forbidden(path.child('items'), 'items must be a schema object and not an array') : required(path.child('items'), 'must be specified'));
  return errors;
}

function limitProblems(raw: Readonly<Record<string, unknown>>, schema: Structural, path: Path): FieldError[] {
  const errors: FieldError[] = [];
  const problem = schema.pattern === '' ? undefined : patternProblem(schema.pattern);
  if (problem !== undefined) errors.push(invalid(path.child('pattern'), schema.pattern, `must be a valid regular expression, but isn't: ${problem}`));
  if (schema.uniqueItems) errors.push(forbidden(path.child('uniqueItems'), 'uniqueItems cannot be set to true since the runtime complexity becomes quadratic'));
  for (const name of ['maxLength', 'minLength', 'maxItems', 'minItems', 'maxProperties', 'minProperties'] as const) {
    const value = schema[name];
    if (value !== undefined && value < 0) errors.push(invalid(path.child(name), value, 'must be greater than or equal to 0'));
  }
  if (Array.isArray(raw['enum']) && raw['enum'].length === 0) errors.push(required(path.child('enum'), 'must not be empty'));
  return errors;
}

const scalars: ReadonlySet<unknown> = new Set(['string', 'integer', 'number', 'boolean']);

function listProblems(raw: Readonly<Record<string, unknown>>, schema: Structural, path: Path): FieldError[] {
  const { 'x-kubernetes-list-type': listType, 'x-kubernetes-map-type': mapType } = raw;
  const errors: FieldError[] = [];
  if (mapType !== undefined && schema.type !== 'object') errors.push(schema.type === undefined ? required(path.child('type'), 'must be object if x-kubernetes-map-type is specified') : invalid(path.child('type'), schema.type, 'must be object if x-kubernetes-map-type is specified'));
  if (mapType !== undefined && schema.mapType === undefined) errors.push(notSupported(path.child('x-kubernetes-map-type'), mapType, ['granular', 'atomic']));
  if (listType === undefined) return schema.mapKeys.length > 0 ? [...errors, invalid(path.child('x-kubernetes-list-type'), null, 'must be map if x-kubernetes-list-map-keys is non-empty')] : errors;
  if (schema.listType === undefined) return [...errors, notSupported(path.child('x-kubernetes-list-type'), listType, ['atomic', 'set', 'map'])];
  if (schema.type !== 'array') errors.push(invalid(path.child('type'), schema.type ?? '', 'must be array if x-kubernetes-list-type is specified'));
  if (schema.listType === 'set' && schema.items?.nullable === true) errors.push(forbidden(path.child('items', 'nullable'), 'cannot be nullable when x-kubernetes-list-type is "set"'));
  if (schema.listType === 'map') errors.push(...keyProblems(schema, path));
  else if (schema.mapKeys.length > 0) errors.push(invalid(path.child('x-kubernetes-list-type'), schema.listType, 'must be map if x-kubernetes-list-map-keys is non-empty'));
  return errors;
}

/** The keys of a map-like list: there in every item, and plain. */
function keyProblems({ mapKeys, items }: Structural, path: Path): FieldError[] {
  const keys = path.child('x-kubernetes-list-map-keys');
  if (mapKeys.length === 0) return [required(keys, 'must not be empty if x-kubernetes-list-type is map')];
  const errors: FieldError[] = [];
  if (items?.type !== 'object') errors.push(invalid(path.child('items', 'type'), items?.type ?? '', 'must be object if parent array\'s x-kubernetes-list-type is map'));
  for (const [index, key] of mapKeys.entries()) {
    const property = items?.properties.get(key);
    if (mapKeys.indexOf(key) !== index) errors.push(invalid(keys.index(index), key, 'must not be duplicated'));
    if (property === undefined) {
      errors.push(invalid(keys.index(index), key, 'entries must all be names of item properties'));
      continue;
    }
    const where = path.child('items', 'properties').key(key);
    if (!scalars.has(property.type)) errors.push(invalid(where.child('type'), property.type ?? '', 'must be a scalar type if parent array\'s x-kubernetes-list-type is map'));
    if (property.nullable) errors.push(forbidden(where.child('nullable'), 'this property is in x-kubernetes-list-map-keys, so it cannot be nullable'));
    if (property.default === undefined && items?.required.includes(key) !== true) errors.push(required(where.child('default'), 'this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property'));
  }
  return errors;
}

/** Of `allOf`, `anyOf`, `oneOf`, `not`: they may only narrow what the schema around specifies. */
function branchProblems(raw: Readonly<Record<string, unknown>>, schema: Structural, path: Path): FieldError[] {
  const branches = (['allOf', 'anyOf', 'oneOf'] as const).flatMap((name) => {
    const given = raw[name];
    return Array.isArray(given) ? given.map((branch: unknown, index) => [branch, path.child(name).index(index)] as const) : [];
  });
  const all = [...branches, ...(raw['not'] === undefined ? [] : [[raw['not'], path.child('not')] as const])];
  return all.flatMap(([branch, where]) => insideBranch(branch, schema, path, where, schema.intOrString));
}

const emptyInside: readonly (readonly [string, string])[] = [
  ['description', 'must be empty to be structural'], ['type', 'must be empty to be structural'], ['title', 'must be empty to be structural'], ['default', 'must be undefined to be structural'],
  ['additionalProperties', 'must be undefined to be structural'], ['nullable', 'must be false to be structural'],
  ['x-kubernetes-preserve-unknown-fields', 'must be false to be structural'], ['x-kubernetes-embedded-resource', 'must be false to be structural'], ['x-kubernetes-int-or-string', 'must be false to be structural'],
  ['x-kubernetes-list-type', 'must be undefined to be structural'], ['x-kubernetes-list-map-keys', 'must be empty to be structural'], ['x-kubernetes-map-type', 'must be undefined to be structural'],
];

function insideBranch(branch: unknown, outer: Structural | undefined, outerPath: Path, path: Path, intOrString: boolean): FieldError[] {
  if (!isObject(branch)) return [];
  const errors = emptyInside.filter(([name]) => isGiven(branch[name]) && !(name === 'type' && intOrString)).map(([name, text]) => forbidden(path.child(name), text));
  const inner = structuralOf(branch);
  const problem = inner.pattern === '' ? undefined : patternProblem(inner.pattern);
  if (problem !== undefined) errors.push(invalid(path.child('pattern'), inner.pattern, `must be a valid regular expression, but isn't: ${problem}`));
  for (const [name, property] of Object.entries(isObject(branch['properties']) ? branch['properties'] : {})) {
    const around = outer?.properties.get(name) ?? (outer?.additional === true ? undefined : outer?.additional);
    const where = outerPath.child('properties').key(name);
    if (around === undefined) errors.push(required(where, `because it is defined in ${path.child('properties').key(name).toString()}`));
    else errors.push(...insideBranch(property, around, where, path.child('properties').key(name), around.intOrString));
  }
  if (isObject(branch['items'])) {
    if (outer?.items === undefined) errors.push(required(outerPath.child('items'), `because it is defined in ${path.child('items').toString()}`));
    else errors.push(...insideBranch(branch['items'], outer.items, outerPath.child('items'), path.child('items'), outer.items.intOrString));
  }
  for (const name of ['allOf', 'anyOf', 'oneOf'] as const) {
    const given = branch[name];
    if (Array.isArray(given)) errors.push(...given.flatMap((one: unknown, index) => insideBranch(one, outer, outerPath, path.child(name).index(index), intOrString)));
  }
  return [...errors, ...(branch['not'] === undefined ? [] : insideBranch(branch['not'], outer, outerPath, path.child('not'), intOrString))];
}

/** A default must be what its own schema takes, whole and unpruned. */
function defaultProblems(raw: Readonly<Record<string, unknown>>, schema: Structural, path: Path, { level, seenDefault }: Around): FieldError[] {
  if (!Object.hasOwn(raw, 'default') || raw['default'] === undefined) return [];
  const where = path.child('default');
  if (level === 'root' || seenDefault) return seenDefault ? [] : [forbidden(where, 'must not be set at the root')];
  const given = structuredClone(raw['default']);
  const wrapped = { value: structuredClone(given) };
  prune(wrapped, { ...structuralOf({ type: 'object' }), properties: new Map([['value', schema]]) });
  if (JSON.stringify(wrapped.value) !== JSON.stringify(given)) return [invalid(where, given, 'must not have unknown fields')];
  fillDefaults(wrapped.value, schema);
  return [...validateValue(wrapped.value, schema, where), ...validateParts(wrapped.value, schema, where)];
}

function childProblems(raw: Readonly<Record<string, unknown>>, path: Path, around: Around): FieldError[] {
  const below = { ...around, seenDefault: around.seenDefault || raw['default'] !== undefined };
  const properties = isObject(raw['properties']) ? Object.entries(raw['properties']) : [];
  return [
    ...properties.filter(([name]) => around.level !== 'root' || name !== 'metadata').flatMap(([name, property]) => nodeProblems(property, path.child('properties').key(name), { ...below, level: 'field' })),
    ...nodeProblems(raw['items'], path.child('items'), { ...below, level: 'item' }),
    ...nodeProblems(raw['additionalProperties'], path.child('additionalProperties'), { ...below, level: 'field' }),
  ];
}

const metadataMay: ReadonlySet<string> = new Set(['name', 'generateName']);

/** The schema of metadata is Kubernetes': a definition may only narrow names. */
function metadataProblems({ properties }: Structural, path: Path): FieldError[] {
  const metadata = properties.get('metadata');
  if (metadata === undefined || [...metadata.properties.keys()].every((name) => metadataMay.has(name))) return [];
  return [forbidden(path.child('properties').key('metadata'), 'must not specify anything other than name and generateName, but metadata is implicitly specified')];
}
