import type { CustomResourceDefinition } from '../../../machinery/kinds/apiextensions.ts';
import { isKnownFormat } from '../schema/formats.ts';
import { structuralOf, type Structural } from '../schema/structural.ts';

/** What is allowed in a definition and still may not do what its author expects. `old`: it was told of then. Wording: the API server's. */
export function definitionWarnings(definition: CustomResourceDefinition, old?: CustomResourceDefinition): readonly string[] {
  const before = old === undefined ? undefined : warningsOf(old);
  return [...warningsOf(definition)].filter((warning) => before?.has(warning) !== true);
}

function warningsOf({ spec }: CustomResourceDefinition): ReadonlySet<string> {
  const nodes = spec.versions.flatMap(({ schema }) => [...nodesOf(structuralOf(schema?.openAPIV3Schema))]);
  const formats = nodes.filter(({ format, type }) => format !== '' && !isKnownFormat(format, type)).map(({ format }) => `unrecognized format ${JSON.stringify(format)}`);
  const sets = nodes.flatMap(({ listType, items }) => (listType === 'set' && (items?.type === 'object' || items?.type === 'array')
    ? [`x-kubernetes-list-type: set for items of type ${JSON.stringify(items.type)} is not supported by server-side apply or CEL validation rules`] : []));
  return new Set([...formats, ...sets.toSorted()]);
}

function* nodesOf(schema: Structural): Generator<Structural> {
  yield schema;
  const { properties, items, additional, allOf, anyOf, oneOf, not } = schema;
  for (const one of [...properties.values(), ...allOf, ...anyOf, ...oneOf]) yield* nodesOf(one);
  for (const one of [items, additional, not]) if (one !== undefined && one !== true) yield* nodesOf(one);
}
