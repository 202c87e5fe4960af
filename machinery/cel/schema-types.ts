import type { ObjectSchema, Schema } from '../schema.ts';
import { bool, bytes, double, duration, dyn, int, list, map, string, timestamp, type ObjectType, type Type } from './types.ts';

export interface SchemaTypeOptions {
  /**
   * As expressions see plain JSON (admission policies): names are what they are, and times, durations and bytes are text. Absent: as they see
   * typed objects (rules of CustomResourceDefinitions).
   */
  readonly plain?: boolean;
}

/** The type that expressions see of a schema. What may be of several types (`any`, int-or-string) is `dyn`. */
export function typeOfSchema(schema: Schema, options: SchemaTypeOptions = {}): Type {
  const text = (typed: Type): Type => (options.plain === true ? string : typed);
  switch (schema.type) {
    case 'object': return objectTypeOf(schema, options);
    case 'map': return map(string, typeOfSchema(schema.values, options));
    case 'list': {
      const type = list(typeOfSchema(schema.items, options));
      if (options.plain === true || type.kind !== 'list' || schema.listType === undefined || schema.listType === 'atomic') return type;
      return { ...type, listType: schema.listType, ...(schema.mapKeys === undefined ? {} : { mapKeys: schema.mapKeys.map(escapeName) }) };
    }
    case 'string':
    case 'quantity': return string;
    case 'int32':
    case 'int64': return int;
    case 'double': return double;
    case 'boolean': return bool;
    case 'time':
    case 'micro-time': return text(timestamp);
    case 'duration': return text(duration);
    case 'bytes': return text(bytes);
    case 'any':
    case 'int-or-string': return dyn;
  }
}

/** Schemas refer to each other in circles: fields' types are made when they are asked for. */
export function objectTypeOf(schema: ObjectSchema, options: SchemaTypeOptions = {}): ObjectType {
  const known = new Map<string, Type>();
  let byName: ReadonlyMap<string, string> | undefined;
  const names = (): ReadonlyMap<string, string> => (byName ??= new Map(Object.keys(schema.fields).map((name) => [options.plain === true ? name : escapeName(name), name])));
  return {
    kind: 'object', name: schema.name,
    field(name) {
      const field = schema.fields[names().get(name) ?? ''];
      if (field === undefined || !names().has(name)) return schema.preservesUnknown === true ? dyn : undefined;
      const type = known.get(name) ?? typeOfSchema(field.schema, options);
      known.set(name, type);
      return type;
    },
    jsonName: (name) => names().get(name) ?? name,
    fieldNames: () => [...names().keys()],
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
