/** What never reaches the audit log, whatever its policy: the data of Secrets, and tokens. Pure. */
import { isObject, type JsonObject } from '../../machinery/patch/json-value.ts';
import { lastAppliedAnnotation } from '../field-management/last-applied.ts';
import type { Status } from '../../machinery/status.ts';
import type { RequestInfo } from '../request.ts';

const hidden = '<redacted>';

/** `value` as it may be written down; undefined when nothing of it may. */
export function redacted(info: Pick<RequestInfo, 'group' | 'resource' | 'subresource'>, value: unknown): unknown {
  if (isSecret(info)) return ofSecret(value);
  if (isToken(info)) return ofToken(value);
  return value;
}

function isSecret({ group, resource }: Pick<RequestInfo, 'group' | 'resource'>): boolean {
  return group === '' && resource === 'secrets';
}

function isToken({ resource, subresource }: Pick<RequestInfo, 'resource' | 'subresource'>): boolean {
  return resource === 'tokenreviews' || (resource === 'serviceaccounts' && subresource === 'token');
}

/**
 * What a Secret, a token and the options and answers of their requests have beside what is secret. Another field may be a misspelt
 * one: that it was sent is all that is kept.
 */
const plain: ReadonlySet<string> = new Set([
  'apiVersion', 'kind', 'metadata', 'type', 'immutable', 'status', 'reason', 'details', 'code',
  'propagationPolicy', 'orphanDependents', 'gracePeriodSeconds', 'preconditions', 'dryRun',
]);
const plainOfTokens: ReadonlySet<string> = new Set(['audiences', 'boundObjectRef', 'expirationSeconds', 'expirationTimestamp', 'authenticated', 'user', 'error']);

/** Of what is no object (a patch in operations, a slip of the hand) nothing is kept: any of it may be data. */
function ofSecret(value: unknown): unknown {
  if (!isObject(value)) return undefined;
  const items = value['items'];
  if (Array.isArray(items)) return { ...value, items: items.map(ofSecret) };
  return withoutLastApplied(only(plain, value));
}

function only(known: ReadonlySet<string>, value: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, known.has(name) ? field : withoutValues(field)]));
}

/** The names stay: who looks for what changed needs them. */
function withoutValues(field: unknown): unknown {
  return isObject(field) ? Object.fromEntries(Object.keys(field).map((key) => [key, hidden])) : hidden;
}

/** Failures that may quote what was sent or what is stored. */
const quoting: ReadonlySet<string | undefined> = new Set(['BadRequest', 'Invalid']);

/** `status` as it may be written down: what is wrong with a Secret is told with a piece of it, or with all of it when a patch doesn't fit. */
export function redactedStatus(info: Pick<RequestInfo, 'group' | 'resource' | 'subresource'>, status: Status): Status {
  if (!isSecret(info) && !isToken(info)) return status;
  if (!quoting.has(status.reason)) return status;
  const { details } = status;
  const causes = details?.causes?.map((cause) => ({ ...cause, message: hidden }));
  return { ...status, message: hidden, ...(details === undefined ? {} : { details: { ...details, ...(causes === undefined ? {} : { causes }) } }) };
}

function withoutLastApplied(value: JsonObject): JsonObject {
  const metadata = value['metadata'];
  const annotations = isObject(metadata) ? metadata['annotations'] : undefined;
  if (!isObject(metadata) || !isObject(annotations) || annotations[lastAppliedAnnotation] === undefined) return value;
  return { ...value, metadata: { ...metadata, annotations: { ...annotations, [lastAppliedAnnotation]: hidden } } };
}

function ofToken(value: unknown): unknown {
  if (!isObject(value)) return undefined;
  const { spec, status, ...rest } = value;
  const part = (name: string, field: unknown): JsonObject => (field === undefined ? {} : { [name]: isObject(field) ? only(plainOfTokens, field) : hidden });
  return { ...only(plain, rest), ...part('spec', spec), ...part('status', status) };
}
