import { forbidden, invalid, notSupported, required, type FieldError, type Path } from '../../../machinery/field-path.ts';
import { isObject, structuralOf, type Structural } from '../schema/structural.ts';
import { defaultProblems } from './default-rules.ts';
import { structuralProblems } from './structural-rules.ts';
import { ruleProblems, ruleTexts } from './rule-rules.ts';

export interface SchemaOptions {
  /** Has a version with this schema a `/status`? Then only some keywords may stand at its root. */
  readonly hasStatus: boolean;
  /** The schema was accepted before: costs of single rules are not held against it. */
  readonly isUnchanged: boolean;
}

/** What the schema of a version must be like. `raw` is the schema as it was sent. Wording: the API server's validation of definitions. */
export function validateSchema(raw: unknown, path: Path, { hasStatus, isUnchanged }: SchemaOptions): FieldError[] {
  const schema = structuralOf(raw);
  const first = structuralProblems(raw, path);
  const structural = first.length > 0 ? first : defaultProblems(schema, path);
  const keywords = [
    ...(hasStatus ? rootProblems(raw, path) : []),
    ...(schema.nullable ? [forbidden(path.child('nullable'), 'nullable cannot be true at the root')] : []),
    ...keywordProblems(raw, path, { isRoot: true, isInMeta: false, noDefaults: '' }), ...ruleTexts(schema, path),
  ];
  // Without a sound schema there are no types to compile rules by.
  return structural.length + keywords.length > 0 ? [...structural, ...keywords] : ruleProblems(schema, path, isUnchanged);
}

/** In the words of the API server, whose fields have capitals. */
const rootWords = ['Description', 'Type', 'Format', 'Title', 'Maximum', 'ExclusiveMaximum', 'Minimum', 'ExclusiveMinimum', 'MaxLength', 'MinLength', 'Pattern', 'MaxItems', 'MinItems', 'UniqueItems', 'MultipleOf', 'Required', 'Items', 'Properties', 'ExternalDocs', 'Example', 'XPreserveUnknownFields', 'XValidations'];
const atRoot: ReadonlySet<string> = new Set([...rootWords.filter((word) => !word.startsWith('X')).map((word) => word.charAt(0).toLowerCase() + word.slice(1)), 'x-kubernetes-preserve-unknown-fields', 'x-kubernetes-validations']);

function rootProblems(raw: unknown, path: Path): FieldError[] {
  if (!isObject(raw) || Object.keys(raw).every((name) => atRoot.has(name))) return [];
  return [invalid(path, raw, `only [${rootWords.join(' ')}] fields are allowed at the root of the schema if the status subresource is enabled`)];
}

interface Around {
  readonly isRoot: boolean;
  /** Inside the type and metadata of an object. */
  readonly isInMeta: boolean;
  /** Why no default may be here; '': it may. */
  readonly noDefaults: string;
}

const types = ['array', 'boolean', 'integer', 'number', 'object', 'string'];
/** What JSON Schema has and custom resources may not use. */
const unsupported = ['id', 'additionalItems', 'patternProperties', 'definitions', 'dependencies', '$ref'];
const branchNames = ['allOf', 'oneOf', 'anyOf'] as const;
const metaFields: ReadonlySet<string> = new Set(['metadata', 'kind', 'apiVersion']);

function keywordProblems(raw: unknown, path: Path, around: Around): FieldError[] {
  if (!isObject(raw)) return [];
  const { type, items, not, additionalProperties, properties } = raw;
  const plain: Around = { ...around, isRoot: false };
  const isWhole = around.isRoot || raw['x-kubernetes-embedded-resource'] === true;
  return [
    ...(typeof type === 'string' && type !== '' && !types.includes(type) ? [notSupported(path.child('type'), type, types)] : []),
    ...(raw['default'] !== undefined && around.noDefaults !== '' ? [forbidden(path.child('default'), `must not be set ${around.noDefaults}`)] : []),
    ...unsupported.filter((name) => isGiven(raw[name])).map((name) => forbidden(path.child(name), `${name} is not supported`)),
    ...(Array.isArray(items) ? [forbidden(path.child('items'), 'items must be a schema object and not an array')] : []),
    ...(around.isInMeta && raw['x-kubernetes-embedded-resource'] === true ? [forbidden(path.child('x-kubernetes-embedded-resource'), 'must not be used inside of resource meta')] : []),
    ...(raw['uniqueItems'] === true ? [forbidden(path.child('uniqueItems'), 'uniqueItems cannot be set to true since the runtime complexity becomes quadratic')] : []),
    ...(isGiven(properties) && (additionalProperties === false || isObject(additionalProperties)) ? [forbidden(path.child('additionalProperties'), 'additionalProperties and properties are mutual exclusive')] : []),
    ...(isObject(additionalProperties) ? keywordProblems(additionalProperties, path.child('additionalProperties'), { ...plain, ...(around.isInMeta ? { noDefaults: 'inside additionalProperties applying to object metadata' } : {}) }) : []),
    ...Object.entries(isObject(properties) ? properties : {}).flatMap(([name, one]) => keywordProblems(one, path.child('properties').key(name), isWhole && metaFields.has(name)
      ? { isRoot: false, isInMeta: true, noDefaults: around.isRoot ? `in top-level ${name}` : around.noDefaults } : plain)),
    ...keywordProblems(not, path.child('not'), plain),
    ...branchNames.flatMap((name) => {
      const branches = raw[name];
      return Array.isArray(branches) ? branches.flatMap((one: unknown, index) => keywordProblems(one, path.child(name).index(index), plain)) : [];
    }),
    ...keywordProblems(items, path.child('items'), plain),
    ...extensionProblems(raw, path),
    ...(raw['x-kubernetes-list-type'] === 'map' || raw['x-kubernetes-list-type'] === 'set' ? keyProblems(structuralOf(raw), path) : []),
  ];
}

function isGiven(value: unknown): boolean {
  return value !== undefined && value !== false && value !== '' && !(isObject(value) && Object.keys(value).length === 0);
}

function mustBe(type: string, wanted: string, why: string, path: Path): FieldError[] {
  if (type === wanted) return [];
  return [type === '' ? required(path.child('type'), `must be ${wanted} if ${why} is specified`) : invalid(path.child('type'), type, `must be ${wanted} if ${why} is specified`)];
}

function extensionProblems(raw: Readonly<Record<string, unknown>>, path: Path): FieldError[] {
  const { 'x-kubernetes-list-type': listType, 'x-kubernetes-map-type': mapType, 'x-kubernetes-list-map-keys': keys } = raw;
  const type = typeof raw['type'] === 'string' ? raw['type'] : '';
  return [
    ...(raw['x-kubernetes-preserve-unknown-fields'] === false ? [invalid(path.child('x-kubernetes-preserve-unknown-fields'), false, 'must be true or undefined')] : []),
    ...(mapType === undefined ? [] : mustBe(type, 'object', 'x-kubernetes-map-type', path)),
    ...(mapType === undefined || mapType === 'atomic' || mapType === 'granular' ? [] : [notSupported(path.child('x-kubernetes-map-type'), mapType, ['atomic', 'granular'])]),
    ...(listType === undefined ? [] : type === 'array' ? setProblems(raw, path) : mustBe(type, 'array', 'x-kubernetes-list-type', path)),
    ...(listType === undefined || listType === 'atomic' || listType === 'set' || listType === 'map' ? [] : [notSupported(path.child('x-kubernetes-list-type'), listType, ['atomic', 'set', 'map'])]),
    ...(Array.isArray(keys) && keys.length > 0 && listType === undefined ? [required(path.child('x-kubernetes-list-type'), 'must be map if x-kubernetes-list-map-keys is non-empty')] : []),
    ...(Array.isArray(keys) && keys.length > 0 && listType !== undefined && listType !== 'map' ? [invalid(path.child('x-kubernetes-list-type'), listType, 'must be map if x-kubernetes-list-map-keys is non-empty')] : []),
  ];
}

/** Items of a set are the same or not as a whole. */
function setProblems({ 'x-kubernetes-list-type': listType, items }: Readonly<Record<string, unknown>>, path: Path): FieldError[] {
  if (listType !== 'set' || !isObject(items)) return [];
  const detail = 'must be atomic as item of a list with x-kubernetes-list-type=set';
  const { type, 'x-kubernetes-list-type': inner = null, 'x-kubernetes-map-type': mapType } = items;
  if (type === 'array' && inner !== null && inner !== 'atomic') return [invalid(path.child('items', 'x-kubernetes-list-type'), inner, detail)];
  return type === 'object' && mapType !== 'atomic' ? [invalid(path.child('items', 'x-kubernetes-map-type'), inner, detail)] : [];
}

/** The keys of a map-like list: there in every item, and plain. */
function keyProblems({ listType, mapKeys, items }: Structural, path: Path): FieldError[] {
  if (listType !== 'map' && listType !== 'set') return [];
  const keys = path.child('x-kubernetes-list-map-keys');
  const where = path.child('items', 'properties');
  const errors: FieldError[] = items?.nullable === true ? [forbidden(path.child('items', 'nullable'), `cannot be nullable when x-kubernetes-list-type is ${listType}`)] : [];
  if (listType === 'set') return errors;
  if (mapKeys.length === 0) errors.push(required(keys, 'must not be empty if x-kubernetes-list-type is map'));
  if (items === undefined) errors.push(required(path.child('items'), 'must have a schema if x-kubernetes-list-type is map'));
  else if (items.type !== 'object') errors.push(invalid(path.child('items', 'type'), items.type ?? '', 'must be object if parent array\'s x-kubernetes-list-type is map'));
  for (const [index, key] of mapKeys.entries()) {
    const property = items?.properties.get(key);
    if (mapKeys.indexOf(key) !== index) errors.push(invalid(keys, mapKeys, 'must not contain duplicate entries'));
    if (property === undefined) {
      errors.push(invalid(keys, mapKeys, 'entries must all be names of item properties'));
      continue;
    }
    if (property.type === 'array' || property.type === 'object') errors.push(invalid(where.key(key).child('type'), items?.type ?? '', 'must be a scalar type if parent array\'s x-kubernetes-list-type is map'));
    if (property.default === undefined && items?.required.includes(key) !== true) errors.push(required(where.key(key).child('default'), 'this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property'));
    if (property.nullable) errors.push(forbidden(where.key(key).child('nullable'), 'this property is in x-kubernetes-list-map-keys, so it cannot be nullable'));
  }
  return errors;
}
