import { isDeepStrictEqual } from 'node:util';
import { Path, forbidden, invalid, type FieldError } from '../../machinery/field-path.ts';

/** Fields that updates may not change. Wording: apimachinery's immutability messages. */

/** Equal but for what is absent in one and empty in the other: absent fields and empty lists say the same. */
export function same(a: unknown, b: unknown): boolean {
  return isDeepStrictEqual(a, b) || isDeepStrictEqual(bare(a), bare(b));
}

function bare(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(bare);
  if (typeof value !== 'object' || value === null) return value;
  const kept = Object.entries(value).filter(([, one]) => one !== undefined && !(Array.isArray(one) && one.length === 0));
  return Object.fromEntries(kept.map(([key, one]) => [key, bare(one)]));
}

/** 422 Forbidden for each of `fields` (top-level names) that differs. */
export function unchanged<T extends object>(object: T, old: T, fields: readonly (keyof T & string)[], message: (field: string) => string): FieldError[] {
  return fields.filter((field) => !same(object[field], old[field])).map((field) => forbidden(new Path(field), message(field)));
}

/** `field is immutable` when the value changed. */
export function immutable(value: unknown, old: unknown, path: Path): FieldError[] {
  return same(value, old) ? [] : [invalid(path, value, 'field is immutable')];
}
