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
  const at = (apiVersion: unknown): Resource | undefined => (apiVersion === own ? resource : others().find((one) => apiVersionOf(one) === apiVersion));
  return (apiVersion) => {
    const served = at(apiVersion);
    if (served === undefined) return undefined;
    const shape = rootShape(mergeSchema(served));
    const from = (object: JsonObject): Resource => at(object['apiVersion']) ?? resource;
    return { shape, ignored: ignoredBy(served, subresource), mayHaveChanged: served.custom !== undefined, convert: (object) => convert(object, from(object), served) };
  };
}

/**
 * Where only a webhook can convert, a field of one version is taken for the field of its name in the other: owners are settled within a
 * write, which can't ask anybody for each of its versions.
 */
function convert(object: JsonObject, from: Resource, to: Resource): JsonObject {
  if (from === to || from.storedAs?.remote !== undefined) return object;
  const stored = from.storedAs?.toStored(structuredClone(object)) ?? structuredClone(object);
  return { ...(to.storedAs?.fromStored(stored) ?? stored), apiVersion: apiVersionOf(to), kind: to.kind };
}

const status: FieldSet = { 'f:status': noFields };
const written: ReadonlySet<string> = new Set(['apiVersion', 'kind', 'metadata', 'status']);

/** What a write through `subresource` can't change: it belongs to nobody by that write. */
function ignoredBy(resource: Resource, subresource: string): FieldSet {
  if (!resource.status) return noFields;
  if (subresource === '') return status;
  return subresource === 'status' ? allButStatus(mergeSchema(resource)) : noFields;
}

const othersThanStatus = new WeakMap<ObjectSchema, FieldSet>();

function allButStatus(schema: ObjectSchema): FieldSet {
  let fields = othersThanStatus.get(schema);
  if (fields === undefined) {
    const rest = Object.keys(schema.fields).filter((name) => !written.has(name)).map((name) => [`f:${name}`, noFields] as const);
    fields = { ...Object.fromEntries(rest), 'f:metadata': { 'f:ownerReferences': noFields } };
    othersThanStatus.set(schema, fields);
  }
  return fields;
}
