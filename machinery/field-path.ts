import { failure, type ApiError, type StatusCause } from './status.ts';

/** Where in an object something is: prints as `spec.containers[0].image`. Immutable. */
export class Path {
  private readonly text: string;

  constructor(text = '') {
    this.text = text;
  }

  child(...names: readonly string[]): Path {
    // Validation walks many paths and prints few: concatenation is put off by the engine, a join is not.
    let text = this.text;
    for (const name of names) if (name !== '') text = text === '' ? name : `${text}.${name}`;
    return new Path(text);
  }

  index(position: number): Path {
    return new Path(`${this.text}[${position}]`);
  }

  /** A map's entry: `metadata.labels[app]`. */
  key(name: string): Path {
    return new Path(`${this.text}[${name}]`);
  }

  toString(): string {
    return this.text;
  }
}

export type FieldErrorType =
  | 'FieldValueRequired' | 'FieldValueInvalid' | 'FieldValueNotSupported' | 'FieldValueForbidden' | 'FieldValueDuplicate'
  | 'FieldValueNotFound' | 'FieldValueTooLong' | 'FieldValueTooMany' | 'FieldValueTypeInvalid' | 'InternalError';

/** One thing wrong with one field; `body` is the text after `path: `. Wording: apimachinery's field errors. */
export interface FieldError {
  readonly type: FieldErrorType;
  readonly path: Path;
  readonly body: string;
}

/** As it stands in a message: `spec.replicas: Required value`. */
export function fieldErrorText({ path, body }: FieldError): string {
  return `${path.toString()}: ${body}`;
}

export function fieldErrorTexts(errors: readonly FieldError[] = []): string[] {
  return errors.map(fieldErrorText);
}

/** The value as Kubernetes prints it in a message: text quoted, structures as JSON. */
function shown(value: unknown): string {
  if (value === undefined || value === null) return 'null';
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : JSON.stringify(value);
}

export const required = (path: Path, detail = ''): FieldError =>
  ({ type: 'FieldValueRequired', path, body: detail === '' ? 'Required value' : `Required value: ${detail}` });
export const invalid = (path: Path, value: unknown, detail: string): FieldError =>
  ({ type: 'FieldValueInvalid', path, body: `Invalid value: ${shown(value)}: ${detail}` });
/** For a structure that would be long to print. */
export const invalidWhole = (path: Path, detail: string): FieldError => ({ type: 'FieldValueInvalid', path, body: `Invalid value: ${detail}` });
export const notSupported = (path: Path, value: unknown, supported: readonly string[]): FieldError =>
  ({ type: 'FieldValueNotSupported', path, body: `Unsupported value: ${shown(value)}: supported values: ${supported.map((one) => JSON.stringify(one)).join(', ')}` });
export const forbidden = (path: Path, detail: string): FieldError => ({ type: 'FieldValueForbidden', path, body: `Forbidden: ${detail}` });
export const duplicate = (path: Path, value: unknown): FieldError => ({ type: 'FieldValueDuplicate', path, body: `Duplicate value: ${shown(value)}` });
export const notFound = (path: Path, value: unknown): FieldError => ({ type: 'FieldValueNotFound', path, body: `Not found: ${shown(value)}` });
export const tooLong = (path: Path, maxLength: number): FieldError =>
  ({ type: 'FieldValueTooLong', path, body: `Too long: may not be more than ${maxLength} bytes` });
export const tooMany = (path: Path, actual: number, max: number): FieldError =>
  ({ type: 'FieldValueTooMany', path, body: `Too many: ${actual}: must have at most ${max} items` });

/** Causes told at most: a hostile object has a hundred thousand, and the answer would be many times as long as the question. */
const mostCauses = 1000;

/** 422 Invalid with every cause: `Pod "x" is invalid: [a: …, b: …]`. */
export function invalidObject(kind: { readonly group: string; readonly kind: string }, name: string, all: readonly FieldError[]): ApiError {
  const errors = all.length > mostCauses ? all.slice(0, mostCauses) : all;
  const lines = [...new Set(fieldErrorTexts(errors))];
  const summary = lines.length === 1 ? lines[0] : `[${lines.join(', ')}]`;
  const qualified = kind.group === '' ? kind.kind : `${kind.kind}.${kind.group}`;
  const causes: StatusCause[] = errors.map((error) => ({ reason: error.type, message: error.body, field: error.path.toString() }));
  return failure('Invalid', `${qualified} ${JSON.stringify(name)} is invalid: ${summary ?? ''}`, { name, group: kind.group, kind: kind.kind, causes });
}
