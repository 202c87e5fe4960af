import { descriptions } from '../../generated/descriptions.js';
import { definitionOf, schemaOf } from './builtin.ts';
import type { Describe } from './openapi-definitions.ts';
import type { Schemas } from './openapi-operations.ts';

/** What the OpenAPI documents of the server's own kinds are made of: large, and loaded with them only. */
export const builtinSchemas: Schemas = { schemaOf, definitionOf };

export const builtinDescriptions: Describe = (definition) => {
  const text = Object.hasOwn(descriptions, definition) ? descriptions[definition] : undefined;
  // Set-up wrote the text.
  return text === undefined ? {} : JSON.parse(text) as Readonly<Record<string, string>>;
};
