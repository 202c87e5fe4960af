import { isDeepStrictEqual } from 'node:util';
import { Path, forbidden, invalid, type FieldError } from '../../machinery/field-path.ts';

/** Fields that updates may not change. Wording: apimachinery's immutability messages. */

/** 422 Forbidden for each of `fields` (top-level names) that differs. */
export function unchanged<T extends object>(object: T, old: T, fields: readonly (keyof T & string)[], message: (field: string) => string): FieldError[] {
  return fields.filter((field) => !isDeepStrictEqual(object[field], old[field])).map((field) => forbidden(new Path(field), message(field)));
}

/** `field is immutable` when the value changed. */
export function immutable(value: unknown, old: unknown, path: Path): FieldError[] {
  return isDeepStrictEqual(value, old) ? [] : [invalid(path, value, 'field is immutable')];
}
