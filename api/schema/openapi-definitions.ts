import type { Field, ObjectSchema, ScalarSchema, Schema } from '../../machinery/schema.ts';
import type { Pause } from './openapi-pieces.ts';
import { meta } from './openapi-pieces.ts';

/**
 * From the typed schema to OpenAPI's definitions. Version 3 says more than version 2: defaults, and a value of several types;
 * where a reference has neighbours it stands in `allOf`. Source: OpenAPI 3.0.0 and 2.0; `x-kubernetes-*`: "Kubernetes OpenAPI", as observed.
 */

export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

/** One schema of a document. */
export interface OpenApiSchema {
  readonly $ref?: string;
  readonly type?: 'object' | 'array' | 'string' | 'integer' | 'number' | 'boolean';
  readonly format?: string;
  readonly description?: string;
  readonly default?: Json;
  readonly enum?: readonly Json[];
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, OpenApiSchema>>;
  readonly items?: OpenApiSchema;
  readonly additionalProperties?: OpenApiSchema;
  readonly allOf?: readonly OpenApiSchema[];
  readonly anyOf?: readonly OpenApiSchema[];
  readonly oneOf?: readonly OpenApiSchema[];
  readonly not?: OpenApiSchema;
  readonly title?: string;
  readonly nullable?: boolean;
  readonly pattern?: string;
  readonly maximum?: number;
  readonly exclusiveMaximum?: boolean;
  readonly minimum?: number;
  readonly exclusiveMinimum?: boolean;
  readonly multipleOf?: number;
  readonly maxLength?: number;
  readonly minLength?: number;
  readonly maxItems?: number;
  readonly minItems?: number;
  readonly maxProperties?: number;
  readonly minProperties?: number;
  readonly [extension: `x-${string}`]: Json;
}

export type OpenApiVersion = 2 | 3;

/** Descriptions of a definition: those of its fields by name, its own by ''. */
export type Describe = (definition: string) => Readonly<Record<string, string>>;

/** A definition and the definitions that it refers to. */
export interface Definition {
  readonly schema: OpenApiSchema;
  readonly refersTo: readonly NamedSchema[];
}

/** A schema with a definition of its own. */
export type NamedSchema = ObjectSchema | (ScalarSchema & { readonly name: string });

/** Scalars that have a definition in Kubernetes. */
const namesOfScalars: Readonly<Partial<Record<ScalarSchema['type'], string>>> = {
  'time': `${meta}.Time`, 'micro-time': `${meta}.MicroTime`, 'duration': `${meta}.Duration`,
  'quantity': 'io.k8s.apimachinery.pkg.api.resource.Quantity', 'int-or-string': 'io.k8s.apimachinery.pkg.util.intstr.IntOrString',
};

/** The body of a PATCH: a document of the request's own media type. */
export const patchDefinition = { type: 'any', name: `${meta}.Patch` } as const;

/** Where the documents of each version keep their definitions. */
export function referenceTo(name: string, version: OpenApiVersion): string {
  return version === 2 ? `#/definitions/${name}` : `#/components/schemas/${name}`;
}

/** A definition that was written as OpenAPI, which says more than fields and types. */
export interface WrittenSchema extends ObjectSchema {
  openApi(version: OpenApiVersion): Definition;
}

/** The definition of `schema` in the words of that version of OpenAPI. */
export function define(schema: NamedSchema, version: OpenApiVersion, describe: Describe): Definition {
  if ('openApi' in schema && typeof schema.openApi === 'function') return (schema as WrittenSchema).openApi(version);
  return schema.type === 'object' ? defineObject(schema, version, describe) : { schema: defineScalar(schema, version), refersTo: [] };
}

function defineObject(schema: ObjectSchema, version: OpenApiVersion, describe: Describe): Definition {
  const refersTo = new Map<string, NamedSchema>();
  const texts = describe(schema.name);
  const fields = Object.entries(schema.fields);
  const properties = fields.map(([name, field]) => [name, property(field, {
    own: field.description ?? texts[name] ?? usual(field, name), ofType: textOfType(field, describe),
  }, version, refersTo)] as const);
  const required = fields.filter(([, field]) => field.required === true).map(([name]) => name);
  const description = schema.description ?? texts[''] ?? '';
  return {
    schema: {
      ...(description === '' ? {} : { description }),
      ...(properties.length === 0 ? {} : { properties: Object.fromEntries(properties) }),
      ...(required.length === 0 ? {} : { required: required.toSorted() }),
      type: 'object',
      ...(schema.kind === undefined ? {} : { 'x-kubernetes-group-version-kind': [{ ...schema.kind }] }),
      ...(schema.mapType === undefined ? {} : { 'x-kubernetes-map-type': schema.mapType }),
    },
    refersTo: [...refersTo.values()],
  };
}

/** What many kinds have in common, by field: the models say nothing of fields that are one struct. */
const usualTexts: ReadonlyMap<string, string> = new Map([
  ['metadata', 'Name, namespace, labels, annotations and what else every object has; of a list its version, and where it goes on.'],
  ['spec', 'What is wanted.'],
  ['status', 'What was observed last. Written by the system.'],
  ['selector', 'Which objects it is about, by their labels.'],
  ['podSelector', 'Which pods it is about, by their labels.'],
  ['template', 'What the pods are made from.'],
  ['jobTemplate', 'What the jobs are made from.'],
  ['strategy', 'How pods are replaced when what they are made from changes.'],
  ['updateStrategy', 'How pods are replaced when what they are made from changes.'],
  ['resources', 'How much it asks for, and how much it may have at most.'],
  ['state', 'What it does now.'],
  ['lastState', 'How the run before this one ended.'],
  ['scaleTargetRef', 'What is scaled.'],
  ['involvedObject', 'The object that this is about.'],
  ['regarding', 'The object that this is about.'],
  ['claimRef', 'The claim that it is bound to.'],
  ['nodeInfo', 'What the machine is and runs.'],
  ['loadBalancer', 'Where the load balancer can be reached.'],
  ['backend', 'Where requests are sent.'],
  ['roleRef', 'The role that is granted.'],
  ['names', 'What its objects are called.'],
  ['acceptedNames', 'The names that are in use, after conflicts with others were left out.'],
]);

function usual({ schema }: Field, name: string): string | undefined {
  return schema.type === 'object' ? usualTexts.get(name) : undefined;
}

function textOfType({ schema }: Field, describe: Describe): string | undefined {
  return schema.type === 'object' ? schema.description ?? describe(schema.name)[''] : undefined;
}

interface Texts {
  readonly own: string | undefined;
  /** Of the definition that the field refers to. */
  readonly ofType: string | undefined;
}

function property(field: Field, { own = '', ofType = '' }: Texts, version: OpenApiVersion, refersTo: Map<string, NamedSchema>): OpenApiSchema {
  const value = version === 3 ? defaultOf(field) : undefined;
  const schema = beside(withValues(shape(field.schema, version, refersTo), field), {
    ...(value === undefined ? {} : { default: value }),
    ...(own === '' ? {} : { description: own }),
    ...extensions(field),
  }, version);
  // Better than nothing where fields are listed (`kubectl explain`). Beside a reference: who reads none there finds the same behind it.
  return own === '' && ofType !== '' ? { description: ofType, ...schema } : schema;
}

/** The values that a string may have, or those of a list. */
function withValues(schema: OpenApiSchema, { enum: values }: Field): OpenApiSchema {
  if (values === undefined) return schema;
  return schema.items === undefined ? { ...schema, enum: values } : { ...schema, items: { ...schema.items, enum: values } };
}

/** `schema` with what else is said of it. In version 3 what stands beside a reference does not count. */
function beside(schema: OpenApiSchema, more: OpenApiSchema, version: OpenApiVersion): OpenApiSchema {
  const wraps = version === 3 && schema.$ref !== undefined && Object.keys(more).length > 0;
  return wraps ? { allOf: [schema], ...more } : { ...more, ...schema };
}

function extensions({ schema, mapType, patchStrategy, patchMergeKey }: Field): OpenApiSchema {
  const listType = schema.type === 'list' || schema.type === 'bytes' ? schema.listType : undefined;
  const mapKeys = schema.type === 'list' ? schema.mapKeys : undefined;
  return {
    ...(mapKeys === undefined ? {} : { 'x-kubernetes-list-map-keys': mapKeys }),
    ...(listType === undefined ? {} : { 'x-kubernetes-list-type': listType }),
    ...(mapType === undefined ? {} : { 'x-kubernetes-map-type': mapType }),
    ...(patchMergeKey === undefined ? {} : { 'x-kubernetes-patch-merge-key': patchMergeKey }),
    ...(patchStrategy === undefined ? {} : { 'x-kubernetes-patch-strategy': patchStrategy.join(',') }),
  };
}

/** What an absent field of that shape reads as. Fields that may really be absent have none. */
function defaultOf({ schema, required, presence, default: stated }: Field): Json | undefined {
  if (typeof stated === 'string') return stated;
  const written = presence === 'always' || (required === true && presence !== 'given');
  if (schema.type === 'object') return written || schema.name === `${meta}.ObjectMeta` || schema.name === `${meta}.ListMeta` ? {} : undefined;
  return written ? zeros[schema.type] : undefined;
}

const zeros: Readonly<Partial<Record<Schema['type'], Json>>> = { string: '', int32: 0, int64: 0, double: 0, boolean: false };

function shape(schema: Schema, version: OpenApiVersion, refersTo: Map<string, NamedSchema>): OpenApiSchema {
  switch (schema.type) {
    case 'object': return refer(schema, version, refersTo);
    case 'list': return { items: element(schema.items, version, refersTo), type: 'array' };
    case 'map': return { additionalProperties: element(schema.values, version, refersTo), type: 'object' };
    default: {
      const name = schema.type === 'any' ? schema.name : namesOfScalars[schema.type];
      return name === undefined ? scalar(schema.type) : refer({ ...schema, name }, version, refersTo);
    }
  }
}

function refer(schema: NamedSchema, version: OpenApiVersion, refersTo: Map<string, NamedSchema>): OpenApiSchema {
  refersTo.set(schema.name, schema);
  return { $ref: referenceTo(schema.name, version) };
}

/** An item of a list, a value of a map: never absent, so in version 3 it has the default of its type. */
function element(schema: Schema, version: OpenApiVersion, refersTo: Map<string, NamedSchema>): OpenApiSchema {
  const plain = shape(schema, version, refersTo);
  const value = schema.type === 'object' ? {} : zeros[schema.type];
  return version === 2 || value === undefined ? plain : beside(plain, { default: value }, version);
}

function scalar(type: ScalarSchema['type']): OpenApiSchema {
  switch (type) {
    case 'int32': case 'int64': return { format: type, type: 'integer' };
    case 'double': return { format: 'double', type: 'number' };
    case 'boolean': return { type: 'boolean' };
    case 'bytes': return { format: 'byte', type: 'string' };
    case 'any': return { 'x-kubernetes-preserve-unknown-fields': true };
    default: return { type: 'string' };
  }
}

/** The definitions that are no objects with fields. */
function defineScalar({ type, name, description }: ScalarSchema & { readonly name: string }, version: OpenApiVersion): OpenApiSchema {
  const text = description ?? scalarTexts[type];
  return { ...(text === undefined ? {} : { description: text }), ...scalarForm(type, name, version) };
}

function scalarForm(type: ScalarSchema['type'], name: string, version: OpenApiVersion): OpenApiSchema {
  switch (type) {
    case 'time': case 'micro-time': return { format: 'date-time', type: 'string' };
    case 'int-or-string': return { format: 'int-or-string', ...(version === 2 ? { type: 'string' } : { oneOf: [{ type: 'integer' }, { type: 'string' }] }) };
    case 'quantity': return version === 2 ? { type: 'string' } : { oneOf: [{ type: 'string' }, { type: 'number' }] };
    // Those of CustomResourceDefinitions' own schemas hold any JSON value; all other opaque definitions hold objects.
    case 'any': return name.startsWith('io.k8s.apiextensions-apiserver.') ? {} : { type: 'object' };
    default: return scalar(type);
  }
}

const scalarTexts: Readonly<Partial<Record<ScalarSchema['type'], string>>> = {
  'time': 'A point in time to the second: RFC 3339 text such as `2026-01-31T08:30:00Z`.',
  'micro-time': 'A point in time to the microsecond: RFC 3339 text such as `2026-01-31T08:30:00.000000Z`.',
  'duration': 'A length of time in units from `ns` to `h`, such as `1h30m`.',
  'quantity': 'An exact amount: a decimal number with a suffix of thousands (`m`, `k`, `M`, `G`, …), of powers of 1024 (`Ki`, `Mi`, `Gi`, …) or with an exponent (`1e3`), such as `500m` or `1.5Gi`.',
  'int-or-string': 'A whole number, or text such as a port\'s name or `25%`.',
  'any': 'A JSON value whose form the schema does not describe.',
};

/** All definitions that `roots` need, by name. */
export async function closureOf<D extends Definition>(roots: Iterable<NamedSchema>, definitionOf: (schema: NamedSchema) => D, pause: Pause): Promise<Map<string, D>> {
  const found = new Map<string, D>();
  const open = [...roots];
  for (let schema = open.pop(); schema !== undefined; schema = open.pop()) {
    if (found.has(schema.name)) continue;
    const definition = definitionOf(schema);
    found.set(schema.name, definition);
    open.push(...definition.refersTo);
    await pause();
  }
  return new Map([...found].toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
