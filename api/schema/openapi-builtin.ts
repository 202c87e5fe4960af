import { descriptions } from '../../generated/descriptions.js';
import type { ObjectSchema } from '../../machinery/schema.ts';
import type { Resource } from '../resources/define.ts';
import { definitionOf, schemaOf } from './builtin.ts';
import type { Describe } from './openapi-definitions.ts';
import type { Schemas } from './openapi-operations.ts';

/** What the OpenAPI documents are made of: large for the server's own kinds, and loaded with the documents only. */
export const builtinSchemas: Schemas = {
  definitionOf,
  schemaOf: (kind) => kind.custom?.schema ?? schemaOf(kind),
  listSchemaOf: (resource) => (resource.custom === undefined ? schemaOf({ ...resource, kind: resource.listKind }) : listOf(resource, resource.custom.schema)),
};

function listOf({ group, version, listKind }: Resource, items: ObjectSchema): ObjectSchema {
  const metadata = definitionOf('io.k8s.apimachinery.pkg.apis.meta.v1.ListMeta');
  return {
    type: 'object', name: `${items.name}List`, kind: { group, version, kind: listKind }, description: `${listKind} is a list of ${items.kind?.kind ?? ''}`,
    fields: {
      apiVersion: { schema: { type: 'string' } },
      items: { schema: { type: 'list', items }, required: true },
      kind: { schema: { type: 'string' } },
      ...(metadata === undefined ? {} : { metadata: { schema: metadata } }),
    },
  };
}

export const builtinDescriptions: Describe = (definition) => {
  const text = Object.hasOwn(descriptions, definition) ? descriptions[definition] : undefined;
  // Set-up wrote the text.
  return text === undefined ? {} : JSON.parse(text) as Readonly<Record<string, string>>;
};
