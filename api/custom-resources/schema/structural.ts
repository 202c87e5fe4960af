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

/** Reads JSONSchemaProps. What has a wrong type counts as absent: the validation of definitions refuses it. */
export function structuralOf(schema: unknown): Structural {
  const at = (name: string): unknown => (typeof schema === 'object' && schema !== null && Object.hasOwn(schema, name) ? Reflect.get(schema, name) : undefined);
  return {
    type: types.has(at('type')) ? at('type') as SchemaType : undefined,
    title: text(at('title')), description: text(at('description')), default: at('default') ?? undefined, nullable: at('nullable') === true,
    preserveUnknown: at('x-kubernetes-preserve-unknown-fields') === true, embedded: at('x-kubernetes-embedded-resource') === true,
    intOrString: at('x-kubernetes-int-or-string') === true,
    listType: oneOf(at('x-kubernetes-list-type'), ['atomic', 'set', 'map']), mapKeys: texts(at('x-kubernetes-list-map-keys')),
    mapType: oneOf(at('x-kubernetes-map-type'), ['atomic', 'granular']),
    rules: list(at('x-kubernetes-validations')).map(ruleOf),
    properties: new Map(members(at('properties')).map(([name, one]) => [name, structuralOf(one)])),
    items: isObject(at('items')) ? structuralOf(at('items')) : undefined,
    additional: at('additionalProperties') === true || isObject(at('additionalProperties')) ? additionalOf(at('additionalProperties')) : undefined,
    ...checksOf(at),
  };
}

function checksOf(at: (name: string) => unknown) {
  return {
    format: text(at('format')),
    maximum: number(at('maximum')), exclusiveMaximum: at('exclusiveMaximum') === true, minimum: number(at('minimum')), exclusiveMinimum: at('exclusiveMinimum') === true,
    multipleOf: number(at('multipleOf')), maxLength: number(at('maxLength')), minLength: number(at('minLength')), pattern: text(at('pattern')),
    maxItems: number(at('maxItems')), minItems: number(at('minItems')), uniqueItems: at('uniqueItems') === true,
    maxProperties: number(at('maxProperties')), minProperties: number(at('minProperties')),
    enum: Array.isArray(at('enum')) ? list(at('enum')) : undefined, required: texts(at('required')),
    allOf: list(at('allOf')).map(structuralOf), anyOf: list(at('anyOf')).map(structuralOf), oneOf: list(at('oneOf')).map(structuralOf),
    not: isObject(at('not')) ? structuralOf(at('not')) : undefined,
  };
}

/** `true`, or a schema; one that says nothing still makes every value an object of its own. */
function additionalOf(value: unknown): Structural | true {
  return value === true ? true : structuralOf(value);
}

function ruleOf(value: unknown): Rule {
  const at = (name: string): unknown => (isObject(value) ? value[name] : undefined);
  const optional = (name: 'message' | 'messageExpression' | 'reason' | 'fieldPath') => (typeof at(name) === 'string' && at(name) !== '' ? { [name]: text(at(name)) } : {});
  return {
    rule: text(at('rule')), ...optional('message'), ...optional('messageExpression'), ...optional('reason'), ...optional('fieldPath'),
    ...(typeof at('optionalOldSelf') === 'boolean' ? { optionalOldSelf: at('optionalOldSelf') === true } : {}),
  };
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
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

function members(value: unknown): readonly [string, unknown][] {
  return isObject(value) ? Object.entries(value) : [];
}

function oneOf<T extends string>(value: unknown, values: readonly T[]): T | undefined {
  return values.find((one) => one === value);
}
