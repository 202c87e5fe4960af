import { define } from '../../schema/walk/scalars.ts';
import { isObject, type Structural } from './structural.ts';

/**
 * Fills what the schema has defaults for, in place. A null where the schema allows none counts as absent: it takes the default, or
 * goes. Source: "Defaulting" and "Defaulting and nullable", CustomResourceDefinitions.
 */
export function fillDefaults(value: unknown, schema: Structural | undefined): void {
  if (schema === undefined) return;
  if (Array.isArray(value)) {
    const { items } = schema;
    for (const [index, item] of value.entries()) {
      if (item === null && items?.nullable === false && items.default !== undefined) value[index] = structuredClone(items.default);
      fillDefaults(value[index], items);
    }
  } else if (isObject(value)) {
    fillMembers(value as Record<string, unknown>, schema);
  }
}

function fillMembers(object: Record<string, unknown>, schema: Structural): void {
  for (const [name, property] of schema.properties) {
    const isNull = Object.hasOwn(object, name) && object[name] === null && !property.nullable;
    if (property.default !== undefined && (isNull || !Object.hasOwn(object, name))) define(object, name, structuredClone(property.default));
    else if (isNull) Reflect.deleteProperty(object, name);
  }
  const { additional } = schema;
  for (const key of Object.keys(object)) {
    const property = schema.properties.get(key) ?? (additional === true ? undefined : additional);
    if (property === undefined) continue;
    if (object[key] === null && !property.nullable && property.default !== undefined) define(object, key, structuredClone(property.default));
    fillDefaults(object[key], property);
  }
}
