import { Path, invalid, invalidObject, notSupported, type FieldError } from '../../machinery/field-path.ts';
import { isObject, type JsonObject } from '../../machinery/patch/json-value.ts';
import { failure } from '../../machinery/status.ts';
import type { Call } from '../request.ts';
import { isDryRun, type Writer } from './writer.ts';

/** How an object is to be deleted. Nothing is passed over: a dry run or a condition that is misread destroys what was to stay. Source: DeleteOptions, meta/v1. */
export interface DeleteOptions {
  readonly gracePeriodSeconds?: number;
  readonly propagationPolicy?: 'Background' | 'Foreground' | 'Orphan';
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly dryRun: boolean;
}

/** DeleteOptions of the body, else of the query. Throws 400, 422. */
export function deleteOptions(writer: Pick<Writer, 'codec'>, call: Pick<Call, 'body' | 'query'>): DeleteOptions {
  const body = call.body === undefined ? {} : writer.codec.parse(call.body) ?? {};
  if (!isObject(body) || (body['kind'] ?? 'DeleteOptions') !== 'DeleteOptions') throw failure('BadRequest', 'decoded object cannot be converted to DeleteOptions');
  return optionsFrom(body, call.query);
}

/** DeleteOptions as they stand in a body, else in the query. Throws 400, 422. */
export function optionsFrom(body: object, query: Call['query']): DeleteOptions {
  const given: JsonObject = { ...body };
  const policy = read(given, 'propagationPolicy', 'string') ?? query['propagationPolicy'];
  const orphans = read(given, 'orphanDependents', 'boolean') ?? booleanIn(query['orphanDependents']);
  const dryRun = dryRunOf(given);
  const conditions = given['preconditions'] ?? {};
  if (!isObject(conditions)) throw mistyped('preconditions', conditions, 'v1.Preconditions');
  const [uid, resourceVersion] = [read(conditions, 'uid', 'string'), read(conditions, 'resourceVersion', 'string')];
  check(policy, orphans, dryRun);
  const propagationPolicy = policies.find((one) => one === (policy ?? (orphans === true ? 'Orphan' : undefined)));
  return {
    dryRun: dryRun.length > 0 || isDryRun(query),
    ...(propagationPolicy === undefined ? {} : { propagationPolicy }),
    ...gracePeriod(read(given, 'gracePeriodSeconds', 'number') ?? query['gracePeriodSeconds']),
    ...(uid === undefined ? {} : { uid }),
    ...(resourceVersion === undefined ? {} : { resourceVersion }),
  };
}

const policies = ['Background', 'Foreground', 'Orphan'] as const;

function check(policy: string | undefined, orphans: boolean | undefined, dryRun: readonly string[]): void {
  const path = new Path('propagationPolicy');
  const errors: FieldError[] = dryRun.filter((one) => one !== 'All').map((one) => notSupported(new Path('dryRun'), one, ['All']));
  if (policy !== undefined && orphans !== undefined) errors.push(invalid(path, policy, 'orphanDependents and deletionPropagation cannot be both set'));
  if (policy !== undefined && !policies.some((one) => one === policy)) errors.push(notSupported(path, policy, policies));
  if (errors.length > 0) throw invalidObject({ group: 'meta.k8s.io', kind: 'DeleteOptions' }, '', errors);
}

interface Types { string: string; number: number; boolean: boolean }
const inGo: Readonly<Record<keyof Types, string>> = { string: 'string', number: 'int64', boolean: 'bool' };

/** Undefined: absent or null. */
function read<T extends keyof Types>(of: JsonObject, name: string, type: T): Types[T] | undefined {
  const value = of[name] ?? undefined;
  if (value === undefined || isOf(value, type)) return value;
  throw mistyped(name, value, inGo[type]);
}

function isOf<T extends keyof Types>(value: unknown, type: T): value is Types[T] {
  return typeof value === type;
}

function dryRunOf(given: JsonObject): readonly string[] {
  const value = given['dryRun'] ?? [];
  if (!Array.isArray(value)) throw mistyped('dryRun', value, '[]string');
  const stages: readonly unknown[] = value;
  return stages.map((one) => {
    if (typeof one !== 'string') throw mistyped('dryRun', one, 'string');
    return one;
  });
}

function mistyped(name: string, value: unknown, type: string) {
  const found = Array.isArray(value) ? 'array' : typeof value === 'boolean' ? 'bool' : typeof value;
  return failure('BadRequest', `DeleteOptions in version "v1" cannot be handled as a DeleteOptions: json: cannot unmarshal ${found} into Go struct field DeleteOptions.${name} of type ${type}`);
}

function booleanIn(text: string | undefined): boolean | undefined {
  return text === undefined ? undefined : text !== 'false' && text !== '0';
}

function gracePeriod(value: number | string | undefined): { gracePeriodSeconds?: number } {
  if (value === undefined) return {};
  const seconds = Number(value);
  if (!Number.isSafeInteger(seconds)) throw failure('BadRequest', `gracePeriodSeconds: ${JSON.stringify(value)} is not a whole number of seconds`);
  return { gracePeriodSeconds: seconds };
}
