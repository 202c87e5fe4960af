import { textOf } from '../../../machinery/patch/json-value.ts';

/**
 * The schema of a custom resource as the server works with it: read once from the `openAPIV3Schema` of a version of its
 * CustomResourceDefinition. Pruning, defaulting, validation and what other rooms need of it (apply, OpenAPI) walk this tree.
 * Source: "Specifying a structural schema", CustomResourceDefinitions.
 */

export type SchemaType = 'object' | 'array' | 'string' | 'integer' | 'number' | 'boolean';

/** One rule of `x-kubernetes-validations`. */
export interface Rule {
  readonly rule: string;
  readonly message?: string;
  readonly messageExpression?: string;
  readonly reason?: string;
  readonly fieldPath?: string;
  readonly optionalOldSelf?: boolean;
}

/** One node; the branches of `allOf` and its like are nodes too, though less may be said in them. */
export interface Structural {
  readonly type: SchemaType | undefined;
  readonly title: string;
  readonly description: string;
  /** Undefined: none. */
  readonly default: unknown;
  readonly nullable: boolean;
  readonly preserveUnknown: boolean;
  readonly embedded: boolean;
  readonly intOrString: boolean;
  readonly listType: 'atomic' | 'set' | 'map' | undefined;
  readonly mapKeys: readonly string[];
  readonly mapType: 'atomic' | 'granular' | undefined;
  readonly rules: readonly Rule[];
  readonly properties: ReadonlyMap<string, Structural>;
  readonly items: Structural | undefined;
  /** The values of a map; `true`: any. */
  readonly additional: Structural | true | undefined;
  readonly format: string;
  readonly maximum: number | undefined;
  readonly exclusiveMaximum: boolean;
  readonly minimum: number | undefined;
  readonly exclusiveMinimum: boolean;
  readonly multipleOf: number | undefined;
  readonly maxLength: number | undefined;
  readonly minLength: number | undefined;
  readonly pattern: string;
  readonly maxItems: number | undefined;
  readonly minItems: number | undefined;
  readonly uniqueItems: boolean;
  readonly maxProperties: number | undefined;
  readonly minProperties: number | undefined;
  readonly enum: readonly unknown[] | undefined;
  readonly required: readonly string[];
  readonly allOf: readonly Structural[];
  readonly anyOf: readonly Structural[];
  readonly oneOf: readonly Structural[];
  readonly not: Structural | undefined;
}

const types: ReadonlySet<unknown> = new Set(['object', 'array', 'string', 'integer', 'number', 'boolean']);

const none: ReadonlyMap<string, Structural> = new Map();

/** What a schema says that says nothing. */
const silent: Structural = {
  type: undefined, title: '', description: '', default: undefined, nullable: false, preserveUnknown: false, embedded: false, intOrString: false,
  listType: undefined, mapKeys: [], mapType: undefined, rules: [], properties: none, items: undefined, additional: undefined,
  format: '', maximum: undefined, exclusiveMaximum: false, minimum: undefined, exclusiveMinimum: false, multipleOf: undefined, maxLength: undefined, minLength: undefined,
  pattern: '', maxItems: undefined, minItems: undefined, uniqueItems: false, maxProperties: undefined, minProperties: undefined, enum: undefined, required: [],
  allOf: [], anyOf: [], oneOf: [], not: undefined,
};

type Draft = { -readonly [K in keyof Structural]: Structural[K] };

/** How each keyword is read: definitions have ten thousands of nodes that use four of them each. */
const keywords: ReadonlyMap<string, (draft: Draft, value: unknown) => void> = new Map<string, (draft: Draft, value: unknown) => void>([
  ['type', (draft, value) => { draft.type = types.has(value) ? value as SchemaType : undefined; }],
  ['title', (draft, value) => { draft.title = textOf(value); }],
  ['description', (draft, value) => { draft.description = textOf(value); }],
  ['default', (draft, value) => { draft.default = value ?? undefined; }],
  ['nullable', (draft, value) => { draft.nullable = value === true; }],
  ['x-kubernetes-preserve-unknown-fields', (draft, value) => { draft.preserveUnknown = value === true; }],
  ['x-kubernetes-embedded-resource', (draft, value) => { draft.embedded = value === true; }],
  ['x-kubernetes-int-or-string', (draft, value) => { draft.intOrString = value === true; }],
  ['x-kubernetes-list-type', (draft, value) => { draft.listType = oneOf(value, ['atomic', 'set', 'map']); }],
  ['x-kubernetes-list-map-keys', (draft, value) => { draft.mapKeys = texts(value); }],
  ['x-kubernetes-map-type', (draft, value) => { draft.mapType = oneOf(value, ['atomic', 'granular']); }],
  ['x-kubernetes-validations', (draft, value) => { draft.rules = list(value).map(ruleOf); }],
  ['properties', (draft, value) => { draft.properties = isObject(value) ? new Map(Object.entries(value).map(([name, one]) => [name, structuralOf(one)])) : none; }],
  ['items', (draft, value) => { draft.items = isObject(value) ? structuralOf(value) : undefined; }],
  ['additionalProperties', (draft, value) => { draft.additional = value === true || isObject(value) ? additionalOf(value) : undefined; }],
  ['format', (draft, value) => { draft.format = textOf(value); }],
  ['maximum', (draft, value) => { draft.maximum = number(value); }],
  ['exclusiveMaximum', (draft, value) => { draft.exclusiveMaximum = value === true; }],
  ['minimum', (draft, value) => { draft.minimum = number(value); }],
  ['exclusiveMinimum', (draft, value) => { draft.exclusiveMinimum = value === true; }],
  ['multipleOf', (draft, value) => { draft.multipleOf = number(value); }],
  ['maxLength', (draft, value) => { draft.maxLength = number(value); }],
  ['minLength', (draft, value) => { draft.minLength = number(value); }],
  ['pattern', (draft, value) => { draft.pattern = textOf(value); }],
  ['maxItems', (draft, value) => { draft.maxItems = number(value); }],
  ['minItems', (draft, value) => { draft.minItems = number(value); }],
  ['uniqueItems', (draft, value) => { draft.uniqueItems = value === true; }],
  ['maxProperties', (draft, value) => { draft.maxProperties = number(value); }],
  ['minProperties', (draft, value) => { draft.minProperties = number(value); }],
  ['enum', (draft, value) => { draft.enum = Array.isArray(value) ? list(value) : undefined; }],
  ['required', (draft, value) => { draft.required = texts(value); }],
  ['allOf', (draft, value) => { draft.allOf = list(value).map(structuralOf); }],
  ['anyOf', (draft, value) => { draft.anyOf = list(value).map(structuralOf); }],
  ['oneOf', (draft, value) => { draft.oneOf = list(value).map(structuralOf); }],
  ['not', (draft, value) => { draft.not = isObject(value) ? structuralOf(value) : undefined; }],
]);

/** Reads JSONSchemaProps. What has a wrong type counts as absent: the validation of definitions refuses it. */
export function structuralOf(schema: unknown): Structural {
  const draft: Draft = { ...silent };
  if (isObject(schema)) for (const name of Object.keys(schema)) keywords.get(name)?.(draft, schema[name]);
  return draft;
}

/** `true`, or a schema; one that says nothing still makes every value an object of its own. */
function additionalOf(value: unknown): Structural | true {
  return value === true ? true : structuralOf(value);
}

function ruleOf(value: unknown): Rule {
  const at = (name: string): unknown => (isObject(value) ? value[name] : undefined);
  const optional = (name: 'message' | 'messageExpression' | 'reason' | 'fieldPath') => (typeof at(name) === 'string' && at(name) !== '' ? { [name]: textOf(at(name)) } : {});
  return {
    rule: textOf(at('rule')), ...optional('message'), ...optional('messageExpression'), ...optional('reason'), ...optional('fieldPath'),
    ...(typeof at('optionalOldSelf') === 'boolean' ? { optionalOldSelf: at('optionalOldSelf') === true } : {}),
  };
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function number(value: unknown): number | undefined {
  return typeof value === 'number' ? value : undefined;
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function texts(value: unknown): readonly string[] {
  return list(value).filter((one) => typeof one === 'string');
}

function oneOf<T extends string>(value: unknown, values: readonly T[]): T | undefined {
  return values.find((one) => one === value);
}
