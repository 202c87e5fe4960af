import { isObject } from './patch/json-value.ts';

/** JSON that is the same in whichever order fields were written: hashes are made of it. */
export function sortedJson(value: unknown): string {
  return JSON.stringify(value ?? null, (_key, part: unknown) => (isObject(part) ? Object.fromEntries(Object.entries(part).toSorted(([a], [b]) => (a < b ? -1 : 1))) : part));
}
