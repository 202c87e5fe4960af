import type { Field, ListSchema, ObjectSchema, Schema } from '../../../machinery/schema.ts';
import { definitionOf } from '../../schema/builtin.ts';
import type { Structural } from './structural.ts';

/** A custom resource's schema in the form that all kinds have: what patches and apply walk. */

export const objectMeta = 'io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta';

const type: Field = { schema: { type: 'string' } };

export function objectMetaSchema(): ObjectSchema {
  const schema = definitionOf(objectMeta);
  if (schema === undefined) throw new Error(`no schema was generated for ${objectMeta}: add it to setup/tables/definitions.mjs`);
  return schema;
}

/** Fields that every whole object has. */
function metaFields(): Readonly<Record<string, Field>> {
  return { apiVersion: type, kind: type, metadata: { schema: objectMetaSchema() } };
}

/** `name`: the OpenAPI name of the kind's definition. */
export function objectSchemaOf(schema: Structural, name: string, kind: NonNullable<ObjectSchema['kind']>): ObjectSchema {
  return { ...objectOf({ ...schema, embedded: true }, name), kind };
}

/** What reads the type and metadata of an object alone. */
export function envelopeSchema(name: string): ObjectSchema {
  return { type: 'object', name, fields: metaFields() };
}

function schemaOf(schema: Structural, name: string): Schema {
  if (schema.intOrString) return { type: 'int-or-string' };
  switch (schema.type) {
    case 'array': return listOf(schema, name);
    case 'object': return schema.additional === undefined ? objectOf(schema, name) : { type: 'map', values: schema.additional === true ? { type: 'any' } : schemaOf(schema.additional, `${name}.*`) };
    case 'string': return { type: 'string' };
    case 'boolean': return { type: 'boolean' };
    case 'integer': return { type: 'int64' };
    case 'number': return { type: 'double' };
    default: return schema.preserveUnknown ? objectOf(schema, name) : { type: 'any' };
  }
}

function listOf({ items, listType, mapKeys }: Structural, name: string): ListSchema {
  return {
    type: 'list', items: items === undefined ? { type: 'any' } : schemaOf(items, `${name}[]`),
    ...(listType === undefined ? {} : { listType }), ...(mapKeys.length === 0 ? {} : { mapKeys }),
  };
}

function objectOf({ properties, required, mapType, preserveUnknown, embedded }: Structural, name: string): ObjectSchema {
  const own = [...properties].filter(([field]) => !embedded || !['apiVersion', 'kind', 'metadata'].includes(field));
  return {
    type: 'object', name,
    fields: { ...(embedded ? metaFields() : {}), ...Object.fromEntries(own.map(([field, schema]) => [field, fieldOf(schema, `${name}.${field}`, required.includes(field))])) },
    ...(preserveUnknown ? { preservesUnknown: true } : {}), ...(mapType === 'atomic' ? { mapType } : {}),
  };
}

function fieldOf(schema: Structural, name: string, required: boolean): Field {
  return {
    schema: schemaOf(schema, name), presence: 'given', ...(required ? { required: true } : {}), ...(schema.description === '' ? {} : { description: schema.description }),
    ...(schema.default === undefined ? {} : { default: schema.default }), ...(schema.mapType === undefined ? {} : { mapType: schema.mapType }),
  };
}
