/** JSON values as patches see them. Objects are rebuilt, never assigned to: a key like `__proto__` is a key like any other. */

export type JsonObject = Readonly<Record<string, unknown>>;

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function isList(value: unknown): value is readonly unknown[] {
  return Array.isArray(value);
}

/** The object's own fields, in order. */
export function entriesOf(value: JsonObject): Map<string, unknown> {
  return new Map(Object.entries(value));
}

/** The value of an own field. */
export function fieldOf(value: JsonObject, name: string): unknown {
  return Object.hasOwn(value, name) ? value[name] : undefined;
}
