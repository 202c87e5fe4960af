import { failure } from '../status.ts';
import { fieldOf, isList, isObject, type JsonObject } from './json-value.ts';

/** What a strategic merge patch says beside values: keys that begin with `$`. Source: "Strategic Merge Patch", sig-api-machinery. */
export const directive = '$patch';
export const retainKeys = '$retainKeys';
export const orderPrefix = '$setElementOrder/';
export const deletePrefix = '$deleteFromPrimitiveList/';

/** A value as it lands where nothing was before: nulls and orders mean nothing there, and what has a `$patch` is left out. */
export function plainValue(value: unknown): unknown {
  if (isList(value)) return value.filter((item) => !isDirective(item)).map(plainValue);
  return isObject(value) ? withoutDirectives(value) : value;
}

/** Is it there for its `$patch` only? */
export function isDirective(value: unknown): boolean {
  return isObject(value) && fieldOf(value, directive) !== undefined;
}

/** An object's own fields as they land where nothing was before. */
export function withoutDirectives(value: JsonObject): JsonObject {
  const kept = Object.entries(value).filter(([name, inner]) => inner !== null && !isDirective(inner) && name !== directive && name !== retainKeys && !name.startsWith(orderPrefix) && !name.startsWith(deletePrefix));
  return Object.fromEntries(kept.map(([name, inner]) => [name, plainValue(inner)]));
}

export function badDirective(value: unknown) {
  return failure('BadRequest', `Unknown patch type found in patch: ${JSON.stringify(value)}: ${directive} is 'merge', 'replace' or 'delete'`);
}
