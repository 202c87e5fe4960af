import type { ObjectSchema, Schema } from '../schema.ts';
import { bool, double, dyn, int, list, map, string, type ObjectType, type Type } from './types.ts';

/**
 * The type that expressions see of a schema where objects are plain JSON (admission): times, durations and bytes are text, names are what they
 * are. What may be of several types (`any`, int-or-string) is `dyn`.
 */
function typeOfSchema(schema: Schema): Type {
  switch (schema.type) {
    case 'object': return objectTypeOf(schema);
    case 'map': return map(string, typeOfSchema(schema.values));
    case 'list': return list(typeOfSchema(schema.items));
    case 'int32':
    case 'int64': return int;
    case 'double': return double;
    case 'boolean': return bool;
    case 'any':
    case 'int-or-string': return dyn;
    default: return string;
  }
}

/** Schemas refer to each other in circles: fields' types are made when they are asked for. */
export function objectTypeOf(schema: ObjectSchema): ObjectType {
  const known = new Map<string, Type>();
  return {
    kind: 'object', name: schema.name,
    field(name) {
      const field = Object.hasOwn(schema.fields, name) ? schema.fields[name] : undefined;
      if (field === undefined) return schema.preservesUnknown === true ? dyn : undefined;
      const type = known.get(name) ?? typeOfSchema(field.schema);
      known.set(name, type);
      return type;
    },
    fieldNames: () => Object.keys(schema.fields),
  };
}

const keywords: ReadonlySet<string> = new Set([
  'true', 'false', 'null', 'in', 'as', 'break', 'const', 'continue', 'else', 'for', 'function', 'if', 'import', 'let', 'loop', 'package', 'namespace', 'return',
]);

/**
 * A property's name as expressions write it: `x-y` is `x__dash__y`, `namespace` is `__namespace__`. Source: "Validation rules",
 * CustomResourceDefinitions.
 */
export function escapeName(name: string): string {
  if (keywords.has(name)) return `__${name}__`;
  return name.replaceAll(/__|\.|-|\//g, (one) => escapes[one] ?? one);
}

const escapes: Readonly<Record<string, string>> = { __: '__underscores__', '.': '__dot__', '-': '__dash__', '/': '__slash__' };
