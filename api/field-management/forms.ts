import { apiVersionOf } from '../../machinery/kinds/kind.ts';
import type { JsonObject } from '../../machinery/patch/json-value.ts';
import { noFields, type FieldSet } from '../../machinery/patch/structured/field-set.ts';
import type { Forms } from '../../machinery/patch/structured/owners.ts';
import { rootShape } from '../../machinery/patch/structured/shape.ts';
import type { ObjectSchema } from '../../machinery/schema.ts';
import type { Resource } from '../resources/define.ts';
import { schemaOf } from '../schema/builtin.ts';

/** The schema by which a resource's objects merge. */
export function mergeSchema(resource: Resource): ObjectSchema {
  return resource.custom?.schema ?? schemaOf(resource);
}

const none = (): readonly Resource[] => [];

/**
 * The forms in which a resource's objects have owners: its own version, and those of `others` (the same objects in further versions).
 * `subresource`: through what is written, which decides what can't be.
 */
export function formsOf(resource: Resource, subresource: string, others: () => readonly Resource[] = none): Forms {
  const own = apiVersionOf(resource);
  return (apiVersion) => {
    const served = apiVersion === own ? resource : others().find((one) => apiVersionOf(one) === apiVersion);
    if (served === undefined) return undefined;
    const shape = rootShape(mergeSchema(served));
    return { shape, ignored: ignoredBy(served, subresource), mayHaveChanged: served.custom !== undefined, convert: (object) => (served === resource ? object : convert(object, resource, served)) };
  };
}

function convert(object: JsonObject, from: Resource, to: Resource): JsonObject {
  const stored = from.storedAs?.toStored(structuredClone(object)) ?? structuredClone(object);
  return { ...(to.storedAs?.fromStored(stored) ?? stored), apiVersion: apiVersionOf(to), kind: to.kind };
}

const status: FieldSet = { 'f:status': noFields };
const written: ReadonlySet<string> = new Set(['apiVersion', 'kind', 'metadata', 'status']);

/** What a write through `subresource` can't change: it belongs to nobody by that write. */
function ignoredBy(resource: Resource, subresource: string): FieldSet {
  if (!resource.status) return noFields;
  if (subresource === '') return status;
  if (subresource !== 'status') return noFields;
  const rest = Object.keys(mergeSchema(resource).fields).filter((name) => !written.has(name)).map((name) => [`f:${name}`, noFields] as const);
  return { ...Object.fromEntries(rest), 'f:metadata': { 'f:ownerReferences': noFields } };
}
