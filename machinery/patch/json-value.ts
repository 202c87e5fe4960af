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

/** The value of an own field; undefined of what is no object, too. */
export function fieldOf(value: unknown, name: string): unknown {
  return isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;
}

/** '' of what is no text. */
export function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** Are they the same value? The order of an object's fields doesn't count. */
export function isSame(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (isList(a)) return isList(b) && a.length === b.length && a.every((item, index) => isSame(item, b[index]));
  if (!isObject(a) || !isObject(b)) return false;
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => Object.hasOwn(b, name) && isSame(a[name], b[name]));
}
