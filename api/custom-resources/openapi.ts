import type { Kind } from '../../machinery/kinds/kind.ts';
import { definitionOf } from '../schema/builtin.ts';
import { referenceTo, type Definition, type Json, type NamedSchema, type OpenApiSchema, type OpenApiVersion } from '../schema/openapi-definitions.ts';
import type { Structural } from './schema/structural.ts';

/**
 * A custom resource's definition in OpenAPI. Version 3 tells all of its schema. Version 2 leaves out what clients of version 2 would
 * get wrong: a field that may be null, or hold what nobody specified, has no type there. Source: "Publish validation schema in OpenAPI".
 */
export function openApiOf(schema: Structural, { group, version, kind }: Pick<Kind, 'group' | 'version' | 'kind'>, openApi: OpenApiVersion, selectable: readonly string[]): Definition {
  const refersTo = new Map<string, NamedSchema>();
  const { 'x-kubernetes-embedded-resource': _embedded, ...whole } = describe({ ...schema, embedded: true }, openApi, refersTo);
  const fields = selectable.length === 0 ? {} : { 'x-kubernetes-selectable-fields': selectable.map((fieldPath) => ({ fieldPath })) };
  return { schema: { ...whole, 'x-kubernetes-group-version-kind': [{ group, version, kind }], ...fields }, refersTo: [...refersTo.values()] };
}

const objectMeta = 'io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta';
const metaTexts = {
  apiVersion: 'Group and version of the schema that this object is written in.',
  kind: 'What this object is.',
  metadata: 'Name, namespace, labels, annotations and what else every object has.',
};

function describe(schema: Structural, version: OpenApiVersion, refersTo: Map<string, NamedSchema>): OpenApiSchema {
  const isOpen = version === 2 && (schema.nullable || schema.preserveUnknown || schema.intOrString);
  return {
    ...(schema.description === '' ? {} : { description: schema.description }),
    ...(isOpen ? {} : shape(schema, version, refersTo)),
    ...(version === 3 ? { ...limits(schema), ...branches(schema, refersTo), ...(schema.title === '' ? {} : { title: schema.title }), ...(schema.nullable ? { nullable: true } : {}) } : {}),
    ...(schema.default === undefined || version === 2 ? {} : { default: schema.default as Json }),
    ...extensions(schema),
  };
}

function shape(schema: Structural, version: OpenApiVersion, refersTo: Map<string, NamedSchema>): OpenApiSchema {
  const { type, format, properties, additional, items, required, embedded } = schema;
  const own = [...properties].filter(([name]) => !embedded || !Object.hasOwn(metaTexts, name)).map(([name, one]) => [name, describe(one, version, refersTo)] as const);
  const all = [...(embedded ? metaProperties(version, refersTo) : []), ...own].toSorted(([a], [b]) => (a < b ? -1 : 1));
  return {
    ...(type === undefined ? {} : { type }), ...(format === '' ? {} : { format }),
    ...(all.length === 0 ? {} : { properties: Object.fromEntries(all) }),
    ...(additional === undefined ? {} : { additionalProperties: additional === true ? {} : describe(additional, version, refersTo) }),
    ...(items === undefined ? {} : { items: describe(items, version, refersTo) }),
    ...(required.length === 0 ? {} : { required }),
    ...(schema.enum === undefined ? {} : { enum: schema.enum as readonly Json[] }),
  };
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

function branches({ allOf, anyOf, oneOf, not }: Structural, refersTo: Map<string, NamedSchema>): OpenApiSchema {
  const each = (schemas: readonly Structural[]): OpenApiSchema[] => schemas.map((one) => describe(one, 3, refersTo));
  return {
    ...(allOf.length === 0 ? {} : { allOf: each(allOf) }), ...(anyOf.length === 0 ? {} : { anyOf: each(anyOf) }), ...(oneOf.length === 0 ? {} : { oneOf: each(oneOf) }),
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
