import { isDeepStrictEqual } from 'node:util';
import { Path, invalid, notSupported, required, tooLong, tooMany, type FieldError } from '../../../machinery/field-path.ts';
import { isUnchanged, oldField, oldItems, type Old } from './correlate.ts';
import { hasFormat } from './formats.ts';
import { matchesPattern } from './patterns.ts';
import { isObject, type SchemaType, type Structural } from './structural.ts';

/**
 * Checks a value against its schema and tells everything that is wrong at once. On updates what has not changed is not held
 * against the user again. Source: "Validation" and "Validation ratcheting", CustomResourceDefinitions; wording: kube-openapi's
 * validation as the API server reports it.
 */
export function validateValue(value: unknown, schema: Structural, path: Path, old?: Old): FieldError[] {
  const out: FieldError[] = [];
  check(value, schema, { path, out }, old);
  return out;
}

interface Walk {
  readonly path: Path;
  readonly out: FieldError[];
}

function check(value: unknown, schema: Structural, walk: Walk, old: Old | undefined): void {
  if (old !== undefined && isUnchanged(value, old.value, schema)) return;
  if (value === null && schema.nullable) return;
  if (!checkType(value, schema, walk)) return;
  checkBranches(value, schema, walk);
  if (typeof value === 'string') checkString(value, schema, walk);
  else if (typeof value === 'number' || typeof value === 'bigint') checkNumber(Number(value), schema, walk);
  else if (Array.isArray(value)) checkList(value, schema, walk, old);
  if (schema.enum !== undefined && !schema.enum.some((one) => isDeepStrictEqual(one, value))) {
    walk.out.push(notSupported(walk.path, value, schema.enum.map((one) => (typeof one === 'string' ? one : JSON.stringify(one)))));
  }
  if (isObject(value)) checkObject(value, schema, walk, old);
}

function checkType(value: unknown, schema: Structural, { path, out }: Walk): boolean {
  if (schema.intOrString) {
    if (typeof value === 'string' || typeof value === 'bigint' || Number.isInteger(value)) return true;
    out.push(wrongType(path, value, 'integer,string'));
    return false;
  }
  if (schema.type === undefined || typeOf(value) === schema.type || (schema.type === 'number' && (typeof value === 'number' || typeof value === 'bigint'))) return true;
  out.push(wrongType(path, value, schema.type));
  return false;
}

function typeOf(value: unknown): SchemaType | 'null' {
  if (value === null || value === undefined) return 'null';
  if (Array.isArray(value)) return 'array';
  // Whole numbers that a double can't hold.
  if (typeof value === 'bigint') return 'integer';
  // What a double can't hold is read as bigint.
  if (typeof value === 'bigint' || Number.isInteger(value)) return 'integer';
  if (typeof value === 'number') return 'number';
  return typeof value === 'string' ? 'string' : typeof value === 'boolean' ? 'boolean' : 'object';
}

function wrongType(path: Path, value: unknown, type: string): FieldError {
  const found = typeOf(value);
  return { ...invalid(path, found, `${said(path)} must be of type ${type}: ${JSON.stringify(found)}`), type: 'FieldValueTypeInvalid' };
}

function said(path: Path): string {
  return `${path.toString()} in body`;
}

function fail({ path, out }: Walk, value: unknown, rule: string): void {
  out.push(invalid(path, value, `${said(path)} ${rule}`));
}

function checkString(value: string, { format, maxLength, minLength, pattern }: Structural, walk: Walk): void {
  const length = maxLength === undefined && minLength === undefined ? 0 : [...value].length;
  if (maxLength !== undefined && length > maxLength) walk.out.push(tooLong(walk.path, maxLength));
  if (minLength !== undefined && length < minLength) fail(walk, value, `should be at least ${minLength} chars long`);
  if (pattern !== '' && !matchesPattern(value, pattern)) fail(walk, value, `should match '${pattern}'`);
  if (format !== '' && !hasFormat(value, format)) {
    walk.out.push({ ...invalid(walk.path, value, `${said(walk.path)} must be of type ${format}: ${JSON.stringify(value)}`), type: 'FieldValueTypeInvalid' });
  }
}

function checkNumber(value: number, schema: Structural, walk: Walk): void {
  const { maximum, minimum, exclusiveMaximum, exclusiveMinimum, multipleOf, format } = schema;
  if (multipleOf !== undefined && !Number.isInteger(value / multipleOf)) fail(walk, value, `should be a multiple of ${multipleOf}`);
  if (maximum !== undefined && (exclusiveMaximum ? value >= maximum : value > maximum)) fail(walk, value, `should be less than ${exclusiveMaximum ? '' : 'or equal to '}${maximum}`);
  if (minimum !== undefined && (exclusiveMinimum ? value <= minimum : value < minimum)) fail(walk, value, `should be greater than ${exclusiveMinimum ? '' : 'or equal to '}${minimum}`);
  const limit = format === 'int32' ? 2 ** 31 : format === 'int64' ? 2 ** 63 : Infinity;
  if (Number.isInteger(value) && (value < -limit || value > limit || (format === 'int32' && value === limit))) fail(walk, value, `must be of type ${format}`);
}

function checkList(value: readonly unknown[], schema: Structural, walk: Walk, old: Old | undefined): void {
  const { maxItems, minItems, items } = schema;
  if (maxItems !== undefined && value.length > maxItems) walk.out.push(tooMany(walk.path, value.length, maxItems));
  if (minItems !== undefined && value.length < minItems) fail(walk, value.length, `should have at least ${minItems} items`);
  if (items === undefined) return;
  const before = oldItems(schema, old);
  for (const [index, item] of value.entries()) check(item, items, { ...walk, path: walk.path.index(index) }, before(item));
}

function checkObject(value: Readonly<Record<string, unknown>>, schema: Structural, walk: Walk, old: Old | undefined): void {
  const { maxProperties, minProperties, properties, additional } = schema;
  const keys = Object.keys(value);
  if (maxProperties !== undefined && keys.length > maxProperties) walk.out.push(tooMany(walk.path, keys.length, maxProperties));
  if (minProperties !== undefined && keys.length < minProperties) fail(walk, keys.length, `should have at least ${minProperties} properties`);
  for (const name of schema.required) if (!Object.hasOwn(value, name)) walk.out.push(required(walk.path.child(name)));
  for (const key of keys) {
    const property = properties.get(key) ?? (additional === true ? undefined : additional);
    if (property === undefined) continue;
    check(value[key], property, { ...walk, path: walk.path.child(key) }, oldField(old, key));
  }
}

/** `allOf`, `anyOf`, `oneOf`, `not`. What is wrong with the choice itself names no field: Kubernetes' validation doesn't either. */
function checkBranches(value: unknown, { allOf, anyOf, oneOf, not }: Structural, walk: Walk): void {
  const errorsOf = (branch: Structural): FieldError[] => {
    const out: FieldError[] = [];
    check(value, branch, { path: walk.path, out }, undefined);
    return out;
  };
  const where = JSON.stringify(walk.path.toString());
  const refuse = (text: string): void => { walk.out.push(invalid(new Path('<nil>'), '', `${where} ${text}`)); };
  for (const branch of allOf) walk.out.push(...errorsOf(branch));
  if (anyOf.length > 0) {
    const failures = anyOf.map(errorsOf);
    if (!failures.some((errors) => errors.length === 0)) {
      refuse('must validate at least one schema (anyOf)');
      walk.out.push(...nearest(failures));
    }
  }
  if (oneOf.length > 0) {
    const failures = oneOf.map(errorsOf);
    const valid = failures.filter((errors) => errors.length === 0).length;
    if (valid !== 1) refuse(`must validate one and only one schema (oneOf). ${valid === 0 ? 'Found none valid' : `Found ${valid} valid alternatives`}`);
    if (valid === 0) walk.out.push(...nearest(failures));
  }
  if (not !== undefined && errorsOf(not).length === 0) refuse('must not validate the schema (not)');
}

/** The errors of the branch that is nearest to being satisfied. */
function nearest(failures: readonly FieldError[][]): readonly FieldError[] {
  return failures.reduce((best, errors) => (errors.length < best.length ? errors : best));
}
