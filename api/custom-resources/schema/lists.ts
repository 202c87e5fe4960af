import { duplicate, invalid, required, type FieldError, type Path } from '../../../machinery/field-path.ts';
import { dns1123Subdomain } from '../../../machinery/names.ts';
import { stringifyExact } from '../../schema/json-exact.ts';
import { isObject, type Structural } from './structural.ts';

/** Items of set-like and map-like lists are there once: the first that is there again is told. */
export function validateLists(value: unknown, schema: Structural, path: Path): FieldError[] {
  return everyValue(value, schema, path, (one, own, where) => (Array.isArray(one) ? duplicates(one, own, where) : []));
}

/** Embedded objects are objects. */
export function validateEmbedded(value: unknown, schema: Structural, path: Path): FieldError[] {
  return everyValue(value, schema, path, (one, own, where) => (own.embedded && isObject(one) ? embeddedProblems(one, where) : []));
}

function everyValue(value: unknown, schema: Structural, path: Path, check: (value: unknown, schema: Structural, path: Path) => FieldError[]): FieldError[] {
  const own = check(value, schema, path);
  const { items, properties, additional } = schema;
  if (Array.isArray(value)) return items === undefined ? own : [...own, ...value.flatMap((item, index) => everyValue(item, items, path.index(index), check))];
  if (!isObject(value)) return own;
  return [...own, ...Object.entries(value).flatMap(([key, one]) => {
    const known = properties.get(key);
    if (known !== undefined) return everyValue(one, known, path.child(key), check);
    return additional === undefined || additional === true ? [] : everyValue(one, additional, path.key(key), check);
  })];
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

/** Source: "RawExtension", CustomResourceDefinitions: `x-kubernetes-embedded-resource`. */
function embeddedProblems(value: Readonly<Record<string, unknown>>, path: Path): FieldError[] {
  const { apiVersion, kind, metadata } = value;
  const name = isObject(metadata) ? metadata['name'] : undefined;
  return [
    ...(typeof apiVersion === 'string' && apiVersion !== '' ? versionProblems(apiVersion, path) : [required(path.child('apiVersion'), 'must not be empty')]),
    ...(typeof kind === 'string' && kind !== '' ? [] : [required(path.child('kind'), 'must not be empty')]),
    ...(metadata === undefined || isObject(metadata) ? [] : [invalid(path.child('metadata'), metadata, 'must be an object')]),
    ...(typeof name === 'string' ? dns1123Subdomain(name).map((message) => invalid(path.child('metadata', 'name'), name, message)) : []),
  ];
}

function versionProblems(apiVersion: string, path: Path): FieldError[] {
  return apiVersion.split('/').length > 2 ? [invalid(path.child('apiVersion'), apiVersion, `unexpected GroupVersion string: ${apiVersion}`)] : [];
}
