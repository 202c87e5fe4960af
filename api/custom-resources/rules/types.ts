import { escapeName } from '../../../machinery/cel/schema-types.ts';
import { bool, double, int, type ObjectType, type Type } from '../../../machinery/cel/types.ts';
import type { Structural } from '../schema/structural.ts';

/**
 * The type that rules see of a schema, with the sizes that estimates of cost go by. A field without a type can't be reached.
 * Source: "Validation rules", CustomResourceDefinitions; sizes: the limits of a request.
 */

/** The largest request. */
const requestBytes = 3 * 1024 * 1024;

/** What a value takes at least, as JSON. */
function leastBytes(schema: Structural): number {
  if (schema.intOrString) return 1;
  switch (schema.type) {
    case 'boolean': return 4;
    case 'string': return leastByFormat[schema.format] ?? 2;
    case 'array': return 2;
    case 'object': return schema.required.reduce((sum, name) => {
      const property = schema.properties.get(name);
      return property === undefined || property.default !== undefined ? sum : sum + name.length + 4 + leastBytes(property);
    }, 2);
    default: return 1;
  }
}

/** Formats have a length of their own. */
const leastByFormat: Readonly<Record<string, number>> = { 'duration': 3, 'date': 12, 'date-time': 21 };

/** How many values of this schema one request can hold. */
export function mostInRequest(schema: Structural): number {
  return Math.floor(requestBytes / (leastBytes(schema) + 1));
}

/** Undefined: rules can't reach such a value. `isWhole`: an object of its own, with type and metadata. */
export function celTypeOf(schema: Structural, name: string, isWhole = false): Type | undefined {
  if (schema.intOrString) return { kind: 'dyn', maxSize: schema.maxLength === undefined ? requestBytes - 2 : schema.maxLength * 4 };
  switch (schema.type) {
    case 'object': return objectType(schema, name, isWhole || schema.embedded);
    case 'array': return listType(schema, name);
    case 'string': return stringType(schema);
    case 'boolean': return bool;
    case 'integer': return int;
    case 'number': return double;
    default: return undefined;
  }
}

function listType(schema: Structural, name: string): Type | undefined {
  const element = schema.items === undefined ? undefined : celTypeOf(schema.items, `${name}.@idx`);
  if (element === undefined) return undefined;
  const list = { kind: 'list', element, maxSize: schema.maxItems ?? (schema.items === undefined ? 0 : Math.floor((requestBytes - 2) / (leastBytes(schema.items) + 1))) } as const;
  if (schema.listType !== 'set' && schema.listType !== 'map') return list;
  return { ...list, listType: schema.listType, ...(schema.mapKeys.length === 0 ? {} : { mapKeys: schema.mapKeys.map(escapeName) }) };
}

/** Characters take up to four bytes; formats have a length of their own. */
function stringType({ format, maxLength, enum: values }: Structural): Type {
  const most = maxLength ?? requestBytes - 2;
  switch (format) {
    case 'byte': return { kind: 'bytes', maxSize: most };
    case 'duration': return { kind: 'duration', maxSize: 32 };
    case 'date': return { kind: 'timestamp', maxSize: 12 };
    case 'date-time': return { kind: 'timestamp', maxSize: 32 };
    default: break;
  }
  if (maxLength !== undefined) return { kind: 'string', maxSize: maxLength * 4 };
  const longest = values === undefined || values.length === 0 ? undefined : Math.max(0, ...values.map((value) => (typeof value === 'string' ? value.length : 0)));
  return { kind: 'string', maxSize: longest ?? most };
}

function objectType(schema: Structural, name: string, isWhole: boolean): Type | undefined {
  if (schema.additional !== undefined && schema.additional !== true) {
    const value = celTypeOf(schema.additional, `${name}.@elem`);
    if (value === undefined) return undefined;
    return { kind: 'map', key: keyType, value, maxSize: schema.maxProperties ?? Math.floor((requestBytes - 2) / (leastBytes(schema.additional) + 6)) };
  }
  const whole = isWhole ? wholeFields : noFields;
  const names = new Map([...schema.properties.keys()].filter(isReachable).map((field) => [escapeName(field), field]));
  // Schemas are large, and a rule looks at few of their fields.
  const known = new Map<string, Type | undefined>();
  const field = (cel: string): Type | undefined => {
    if (!known.has(cel)) {
      const property = schema.properties.get(names.get(cel) ?? '');
      known.set(cel, property === undefined ? undefined : celTypeOf(property, `${name}.${names.get(cel) ?? ''}`));
    }
    return whole.get(cel) ?? known.get(cel);
  };
  return { kind: 'object', name, field, jsonName: (cel) => names.get(cel) ?? cel, fieldNames: () => [...new Set([...names.keys(), ...whole.keys()])] } satisfies ObjectType;
}

/** Only names that expressions can write. */
function isReachable(field: string): boolean {
  return /^[A-Za-z_.\-/][\w.\-/]*$/.test(field);
}

/** Estimates take no account of the length of keys: Kubernetes' don't, and rules are written to them. */
const keyType: Type = { kind: 'string', maxSize: 0 };
const text: Type = { kind: 'string', maxSize: requestBytes - 2 };
const metadataFields = new Map<string, Type>([['name', text], ['generateName', text]]);
const metadata: ObjectType = { kind: 'object', name: 'metadata', field: (field) => metadataFields.get(field), fieldNames: () => [...metadataFields.keys()] };
const wholeFields: ReadonlyMap<string, Type> = new Map<string, Type>([['apiVersion', text], ['kind', text], ['metadata', metadata]]);
const noFields: ReadonlyMap<string, Type> = new Map();
