import type { Kind } from '../../machinery/kinds/kind.ts';
import { definitionOf } from '../schema/builtin.ts';
import { referenceTo, type Definition, type Json, type NamedSchema, type OpenApiSchema, type OpenApiVersion } from '../schema/openapi-definitions.ts';
import { objectMeta } from './schema/object-schema.ts';
import type { Structural } from './schema/structural.ts';

/**
 * A custom resource's definition in OpenAPI. Version 3 tells all of its schema. Version 2 leaves out what clients of version 2 would
 * get wrong: a field that may be null, or hold what nobody specified, has no type there. Source: "Publish validation schema in OpenAPI".
 */
export function openApiOf(schema: Structural, { group, version, kind }: Pick<Kind, 'group' | 'version' | 'kind'>, openApi: OpenApiVersion, selectable: readonly string[]): Definition {
  const refersTo = new Map<string, NamedSchema>();
  // Of a kind that may hold anything clients of version 2 must not even know the metadata: they would refuse the rest.
  const whole: OpenApiSchema = openApi === 2 && schema.preserveUnknown ? { type: 'object' } : describe(schema, openApi, refersTo, true);
  const fields = selectable.length === 0 ? {} : { 'x-kubernetes-selectable-fields': selectable.map((fieldPath) => ({ fieldPath })) };
  return { schema: { ...whole, 'x-kubernetes-group-version-kind': [{ group, version, kind }], ...fields }, refersTo: [...refersTo.values()] };
}

/** Kubernetes' conformance tests look for how they begin. */
const metaTexts = {
  apiVersion: 'APIVersion defines the schema that this object is written in: its group and version.',
  kind: 'Kind says what this object is.',
  metadata: 'Standard object\'s metadata: name, namespace, labels, annotations and what else every object has.',
};

function describe(given: Structural, version: OpenApiVersion, refersTo: Map<string, NamedSchema>, isRoot = false): OpenApiSchema {
  const schema = version === 2 ? plainer(given) : given;
  const { type, format, description, title, additional, items } = schema;
  const isEmbedded = schema.embedded && (version === 3 || !schema.preserveUnknown);
  const properties = propertiesOf(schema, isRoot || isEmbedded, version, refersTo);
  const required = isEmbedded ? [...new Set([...schema.required, 'kind', 'apiVersion'])] : schema.required;
  return {
    ...(description === '' ? {} : { description }),
    ...(type === undefined ? {} : { type }), ...(format === '' ? {} : { format }),
    ...(properties.length === 0 ? {} : { properties: Object.fromEntries(properties) }),
    ...(additional === undefined ? {} : { additionalProperties: additional === true ? {} : describe(additional, version, refersTo) }),
    ...(items === undefined ? {} : { items: describe(items, version, refersTo) }),
    ...(required.length === 0 ? {} : { required }),
    ...(schema.enum === undefined ? {} : { enum: schema.enum as readonly Json[] }),
    ...limits(schema), ...(version === 3 ? branches(schema, refersTo) : {}),
    ...(title === '' ? {} : { title }), ...(schema.nullable ? { nullable: true } : {}),
    ...(schema.default === undefined ? {} : { default: schema.default as Json }),
    ...extensions(schema),
  };
}

/** What clients of version 2 make sense of: where values have no type, nothing may be said of their parts. */
function plainer(schema: Structural): Structural {
  const { nullable, preserveUnknown, additional } = schema;
  const isOpen = nullable || preserveUnknown;
  const properties = isOpen ? new Map<string, Structural>() : schema.properties;
  const items = isOpen ? undefined : schema.items;
  const isUntyped = nullable || (preserveUnknown && schema.type === 'object') || (items === undefined && schema.type === 'array');
  const holdsNull = additional !== undefined && additional !== true && additional.nullable;
  const required = holdsNull ? [] : schema.required.filter((name) => properties.get(name)?.nullable !== true);
  return { ...schema, nullable: false, properties, items, required, type: isUntyped ? undefined : schema.type };
}

function propertiesOf({ properties }: Structural, isWhole: boolean, version: OpenApiVersion, refersTo: Map<string, NamedSchema>): (readonly [string, OpenApiSchema])[] {
  const own = [...properties].filter(([name]) => !isWhole || !Object.hasOwn(metaTexts, name)).map(([name, one]) => [name, describe(one, version, refersTo)] as const);
  return [...(isWhole ? metaProperties(version, refersTo) : []), ...own].toSorted(([a], [b]) => (a < b ? -1 : 1));
}

function metaProperties(version: OpenApiVersion, refersTo: Map<string, NamedSchema>): (readonly [string, OpenApiSchema])[] {
  const metadata = definitionOf(objectMeta);
  if (metadata !== undefined) refersTo.set(objectMeta, metadata);
  const $ref = referenceTo(objectMeta, version);
  return [
    ['apiVersion', { description: metaTexts.apiVersion, type: 'string' }], ['kind', { description: metaTexts.kind, type: 'string' }],
    ['metadata', version === 2 ? { description: metaTexts.metadata, $ref } : { allOf: [{ $ref }], description: metaTexts.metadata }],
  ];
}

const limitNames = ['maximum', 'minimum', 'multipleOf', 'maxLength', 'minLength', 'maxItems', 'minItems', 'maxProperties', 'minProperties'] as const;

function limits(schema: Structural): OpenApiSchema {
  return {
    ...Object.fromEntries(limitNames.flatMap((name) => (schema[name] === undefined ? [] : [[name, schema[name]]]))),
    ...(schema.exclusiveMaximum ? { exclusiveMaximum: true } : {}), ...(schema.exclusiveMinimum ? { exclusiveMinimum: true } : {}),
    ...(schema.pattern === '' ? {} : { pattern: schema.pattern }),
  };
}

const eitherType: readonly OpenApiSchema[] = [{ type: 'integer' }, { type: 'string' }];

function branches({ allOf, anyOf, oneOf, not, intOrString }: Structural, refersTo: Map<string, NamedSchema>): OpenApiSchema {
  const each = (schemas: readonly Structural[]): OpenApiSchema[] => schemas.map((one) => describe(one, 3, refersTo));
  // Clients that don't know the extension know it so.
  const isSaid = !intOrString || [anyOf, allOf[0]?.anyOf ?? []].some(([first, second]) => first?.type === 'integer' && second?.type === 'string');
  const all = isSaid || anyOf.length === 0 ? each(allOf) : [{ anyOf: eitherType }, ...each(allOf)];
  const any = isSaid || anyOf.length > 0 ? each(anyOf) : eitherType;
  return {
    ...(all.length === 0 ? {} : { allOf: all }), ...(any.length === 0 ? {} : { anyOf: any }), ...(oneOf.length === 0 ? {} : { oneOf: each(oneOf) }),
    ...(not === undefined ? {} : { not: describe(not, 3, refersTo) }),
  };
}

function extensions(schema: Structural): OpenApiSchema {
  const { preserveUnknown, embedded, intOrString, listType, mapKeys, mapType, rules } = schema;
  return {
    ...(preserveUnknown ? { 'x-kubernetes-preserve-unknown-fields': true } : {}), ...(intOrString ? { 'x-kubernetes-int-or-string': true } : {}),
    ...(embedded ? { 'x-kubernetes-embedded-resource': true } : {}),
    ...(listType === undefined ? {} : { 'x-kubernetes-list-type': listType }), ...(mapKeys.length === 0 ? {} : { 'x-kubernetes-list-map-keys': mapKeys }),
    ...(mapType === undefined ? {} : { 'x-kubernetes-map-type': mapType }),
    ...(rules.length === 0 ? {} : { 'x-kubernetes-validations': rules.map((rule) => ({ ...rule })) }),
  };
}
