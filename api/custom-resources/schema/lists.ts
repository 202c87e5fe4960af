import { duplicate, invalid, type FieldError, type Path } from '../../../machinery/field-path.ts';
import { stringifyExact } from '../../schema/json-exact.ts';
import { isObject, type Structural } from './structural.ts';

/** Items of set-like and map-like lists are there once: the first that is there again is told. */
export function validateLists(value: unknown, schema: Structural, path: Path): FieldError[] {
  const { items, properties, additional } = schema;
  if (Array.isArray(value)) return [...duplicates(value, schema, path), ...(items === undefined ? [] : value.flatMap((item, index) => validateLists(item, items, path.index(index))))];
  if (!isObject(value)) return [];
  return Object.entries(value).flatMap(([key, one]) => {
    const known = properties.get(key);
    if (known !== undefined) return validateLists(one, known, path.child(key));
    return additional === undefined || additional === true ? [] : validateLists(one, additional, path.key(key));
  });
}

function duplicates(items: readonly unknown[], { listType, mapKeys }: Structural, path: Path): FieldError[] {
  if (listType !== 'map' && listType !== 'set') return [];
  const stray = listType === 'map' ? items.findIndex((item) => item !== null && !isObject(item)) : -1;
  if (stray >= 0) return [invalid(path.index(stray), items[stray], 'must be an object for an array of list-type map')];
  const times = new Map<string, number>();
  return items.flatMap((item, index) => {
    const shown = listType === 'map' ? Object.fromEntries(mapKeys.flatMap((key) => (isObject(item) && Object.hasOwn(item, key) ? [[key, item[key]]] : []))) : item;
    const key = stringifyExact(shown);
    times.set(key, (times.get(key) ?? 0) + 1);
    return times.get(key) === 2 ? [duplicate(path.index(index), shown)] : [];
  });
}
