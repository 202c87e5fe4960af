import { duplicate, invalid, required, type FieldError, type Path } from '../../../machinery/field-path.ts';
import { dns1123Subdomain } from '../../../machinery/names.ts';
import { keyOf } from './validate.ts';
import { isObject, type Structural } from './structural.ts';

/** What holds of values beyond the schema of each: items of set-like and map-like lists are there once, embedded objects are objects. */
export function validateParts(value: unknown, schema: Structural, path: Path): FieldError[] {
  if (Array.isArray(value)) {
    return [...duplicates(value, schema, path), ...value.flatMap((item, index) => (schema.items === undefined ? [] : validateParts(item, schema.items, path.index(index))))];
  }
  if (!isObject(value)) return [];
  const below = Object.entries(value).flatMap(([key, one]) => {
    const known = schema.properties.get(key);
    if (known !== undefined) return validateParts(one, known, path.child(key));
    return schema.additional === undefined || schema.additional === true ? [] : validateParts(one, schema.additional, path.key(key));
  });
  return schema.embedded ? [...embeddedProblems(value, path), ...below] : below;
}

function duplicates(items: readonly unknown[], { listType, mapKeys, items: itemSchema }: Structural, path: Path): FieldError[] {
  if (listType !== 'map' && listType !== 'set') return [];
  const seen = new Set<string>();
  return items.flatMap((item, index) => {
    const key = listType === 'map' ? keyOf(withDefaults(item, itemSchema), mapKeys) : JSON.stringify(item);
    if (!seen.has(key)) {
      seen.add(key);
      return [];
    }
    const shown = listType === 'map' ? Object.fromEntries(mapKeys.map((name) => [name, isObject(item) ? item[name] : undefined])) : item;
    return [duplicate(path.index(index), shown)];
  });
}

function withDefaults(item: unknown, schema: Structural | undefined): unknown {
  if (!isObject(item) || schema === undefined) return item;
  const absent = [...schema.properties].filter(([name, { default: value }]) => value !== undefined && !Object.hasOwn(item, name));
  return absent.length === 0 ? item : { ...item, ...Object.fromEntries(absent.map(([name, { default: value }]) => [name, value])) };
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
