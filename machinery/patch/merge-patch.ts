import { entriesOf, fieldOf, isObject } from './json-value.ts';

/** `original` with a JSON merge patch: null removes, objects merge, all else replaces. Source: RFC 7386. Changes neither. */
export function mergePatch(original: unknown, patch: unknown): unknown {
  if (!isObject(patch)) return patch;
  const fields = isObject(original) ? entriesOf(original) : new Map<string, unknown>();
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) fields.delete(name);
    else fields.set(name, mergePatch(isObject(original) ? fieldOf(original, name) : undefined, value));
  }
  return Object.fromEntries(fields);
}
