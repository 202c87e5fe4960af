/**
 * What a value was before an update. Fields are known by their names, items of map-like lists by their keys, and no others: a list
 * that isn't map-like is the same or another as a whole. Source: "Validation ratcheting", CustomResourceDefinitions.
 */
import { isDeepStrictEqual } from 'node:util';
import { isObject, type Structural } from './structural.ts';

/** The value before an update, where there was one. */
export interface Old {
  readonly value: unknown;
}

/** What makes an item of a map-like list the same item. */
function keyOf(item: unknown, mapKeys: readonly string[]): string {
  return JSON.stringify(mapKeys.map((key) => (isObject(item) ? String(item[key] ?? null) : null)));
}

/** What each item of a list was, by the item. */
export function oldItems({ listType, mapKeys }: Pick<Structural, 'listType' | 'mapKeys'>, old: Old | undefined): (item: unknown) => Old | undefined {
  if (listType !== 'map' || !Array.isArray(old?.value)) return () => undefined;
  const before = new Map(old.value.map((item: unknown) => [keyOf(item, mapKeys), { value: item }]));
  return (item) => before.get(keyOf(item, mapKeys));
}

/** What the field of an object was. */
export function oldField(old: Old | undefined, name: string): Old | undefined {
  return isObject(old?.value) && Object.hasOwn(old.value, name) ? { value: old.value[name] } : undefined;
}

/** Is it what it was? The order of a map-like list says nothing. */
export function isUnchanged(value: unknown, old: unknown, schema: Structural): boolean {
  const { items, properties, additional, listType } = schema;
  if (Array.isArray(value) && Array.isArray(old) && items !== undefined && listType === 'map') {
    const before = oldItems(schema, { value: old });
    return value.length === old.length && value.every((item) => {
      const one = before(item);
      return one !== undefined && isUnchanged(item, one.value, items);
    });
  }
  if (!isObject(value) || !isObject(old)) return isDeepStrictEqual(value, old);
  const names = Object.keys(value);
  return names.length === Object.keys(old).length && names.every((name) => {
    if (!Object.hasOwn(old, name)) return false;
    const below = properties.get(name) ?? (additional === true ? undefined : additional);
    return below === undefined ? isDeepStrictEqual(value[name], old[name]) : isUnchanged(value[name], old[name], below);
  });
}
