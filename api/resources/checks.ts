import { invalid, notSupported, required, type FieldError, type Path } from '../../machinery/field-path.ts';
import { dns1123Subdomain, httpPath, percent } from '../../machinery/names.ts';

/** Checks that many fields share. Each returns what is wrong; absent values are fine unless said. Wording: apimachinery's validation. */

/** One error for each message about `value`. */
export function faults(path: Path, value: unknown, messages: readonly string[]): FieldError[] {
  return messages.map((message) => invalid(path, value, message));
}

/** A name that may be left out but not misspelled. */
export function optional(path: Path, value: string | undefined, check: (text: string) => readonly string[]): FieldError[] {
  return value === undefined || value === '' ? [] : faults(path, value, check(value));
}

/** A name that must be there and well spelled. */
export function named(path: Path, value: string | undefined, check: (text: string) => readonly string[]): FieldError[] {
  return value === undefined || value === '' ? [required(path)] : faults(path, value, check(value));
}

/** Must be there and be one of `choices`. */
export function chosen(path: Path, value: string | undefined, choices: readonly string[]): FieldError[] {
  return value === undefined || value === '' ? [required(path)] : oneOf(path, value, choices);
}

/** May be left out, else is one of `choices`. */
export function oneOf(path: Path, value: string | undefined, choices: readonly string[]): FieldError[] {
  return value === undefined || choices.includes(value) ? [] : [notSupported(path, value, choices)];
}

export function notNegative(path: Path, value: number | undefined): FieldError[] {
  return value === undefined || value >= 0 ? [] : [invalid(path, value, 'must be greater than or equal to 0')];
}

/** A count or a percentage of one. */
export function countOrPercent(path: Path, value: number | string | undefined): FieldError[] {
  return typeof value === 'string' ? faults(path, value, percent(value)) : notNegative(path, value);
}

export function notMoreThanAll(path: Path, value: number | string | undefined): FieldError[] {
  return typeof value === 'string' && Number.parseInt(value, 10) > 100 ? [invalid(path, value, 'must not be greater than 100%')] : [];
}

/** Absent is 0. */
export function isZero(value: number | string | undefined): boolean {
  return value === undefined || value === 0 || value === '0%' || value === '0';
}

/** `acme.example/path`: who manages or controls something. */
export function domainPrefixedPath(path: Path, value: string): FieldError[] {
  if (value === '') return [required(path)];
  const [host = '', ...rest] = value.split('/');
  const below = rest.join('/');
  if (host === '' || below === '') return [invalid(path, value, 'must be a domain-prefixed path (such as "acme.io/foo")')];
  return [...faults(path, host, dns1123Subdomain(host)), ...faults(path, below, httpPath(below))];
}
