import { canonical } from '../../../machinery/quantity.ts';
import type { ScalarSchema } from '../../../machinery/schema.ts';
import { DecodeProblem, mismatch, mismatchWithin, TooLargeProblem, type Steps } from './problem.ts';

/** Where the walk is, for messages. */
export interface Place {
  readonly steps: Steps;
  /** Name of the definition whose field is walked. */
  readonly owner: string;
  /** Nobody else holds the value: it may be changed in place. */
  readonly isOwned: boolean;
  /** How much more the object may take when it is written. */
  room: number;
}

/** What is written takes at least so many bytes more. Throws `TooLargeProblem`. */
export function spend(place: Place, bytes: number): void {
  place.room -= bytes;
  if (place.room < 0) throw new TooLargeProblem();
}

/** Checks a value that isn't null and gives its canonical form. Throws `DecodeProblem`. */
export type ScalarDecoder = (value: unknown, place: Place, schema: ScalarSchema) => unknown;

/** How values of each scalar type are read. */
export const scalarDecoders: Readonly<Record<ScalarSchema['type'], ScalarDecoder>> = {
  string: (value, place, schema) => (typeof value === 'string' ? value : refuse(value, place, schema)),
  boolean: (value, place, schema) => (typeof value === 'boolean' ? value : refuse(value, place, schema)),
  double: (value, place, schema) => (typeof value === 'number' && Number.isFinite(value) ? value : typeof value === 'bigint' ? Number(value) : refuse(value, place, schema)),
  int32: (value, place, schema) => (isInteger(value, 2 ** 31) ? value : refuse(value, place, schema)),
  int64: (value, place, schema) => (isInt64(value) ? value : refuse(value, place, schema)),
  'int-or-string': (value) => (typeof value === 'string' || isInteger(value, 2 ** 31) ? value : refuseWithin(value, 'int32')),
  quantity,
  time: (value) => time(value, 'time'),
  'micro-time': (value) => time(value, 'micro-time'),
  duration: (value) => (typeof value === 'string' ? value : refuseWithin(value, 'string')),
  bytes: (value, place, schema) => (typeof value === 'string' ? base64(value) : refuse(value, place, schema)),
  any: (value, place) => free(value, place),
};

/** The zero of a type: what null means inside a list or a map. */
export const zeros: Readonly<Record<ScalarSchema['type'], unknown>> = {
  string: '', boolean: false, double: 0, int32: 0, int64: 0, 'int-or-string': 0, quantity: '0', time: null, 'micro-time': null, duration: '0s', bytes: '', any: null,
};

function refuse(value: unknown, place: Place, schema: ScalarSchema): never {
  throw mismatch(value, schema, place.owner, place.steps);
}

function refuseWithin(value: unknown, type: string): never {
  throw mismatchWithin(value, type);
}

function isInteger(value: unknown, limit: number): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= -limit && value < limit;
}

/** What is more than a double can hold comes as bigint. The largest int64 as a double is 2⁶³: none is nearer. */
function isInt64(value: unknown): boolean {
  return typeof value === 'bigint' ? BigInt.asIntN(64, value) === value : value === 2 ** 63 || isInteger(value, 2 ** 63);
}

/** Most quantities in practice: less than a thousand of a unit, which no larger unit can say. */
const plainQuantity = /^[1-9]\d{0,2}(?:[numkMGTP]|[KMGTP]i)?$/;

function quantity(value: unknown): string {
  if (typeof value === 'string' && plainQuantity.test(value)) return value;
  const text = typeof value === 'string' || typeof value === 'number' ? canonical(value) : typeof value === 'bigint' ? canonical(String(value)) : undefined;
  if (text === undefined) throw new DecodeProblem("quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'");
  return text;
}

const timePattern = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:[.,](\d+))?(Z|[+-]\d\d:\d\d)$/;
const layouts = { time: '2006-01-02T15:04:05Z07:00', 'micro-time': '2006-01-02T15:04:05.000000Z07:00' } as const;

/** RFC 3339 in UTC, to the second or the microsecond: what Kubernetes writes. */
function time(value: unknown, type: 'time' | 'micro-time'): string {
  if (typeof value !== 'string') throw mismatchWithin(value, 'string');
  const match = timePattern.exec(value);
  const milliseconds = match === null ? Number.NaN : Date.parse(`${value.slice(0, 19)}${match[8] ?? ''}`);
  if (Number.isNaN(milliseconds) || !isCalendarDay(value)) throw new DecodeProblem(unreadableTime(value, layouts[type]));
  const seconds = new Date(milliseconds).toISOString().slice(0, 19);
  return type === 'time' ? `${seconds}Z` : `${seconds}.${(match?.[7] ?? '').slice(0, 6).padEnd(6, '0')}Z`;
}

/** `Date.parse` takes 30 February for 2 March. */
function isCalendarDay(text: string): boolean {
  return new Date(`${text.slice(0, 10)}T00:00:00Z`).toISOString().startsWith(text.slice(0, 10));
}

function unreadableTime(text: string, layout: string): string {
  if (timePattern.test(text)) return `parsing time ${JSON.stringify(text)}: day out of range`;
  return `parsing time ${JSON.stringify(text)} as ${JSON.stringify(layout)}: cannot parse ${JSON.stringify(text)} as "2006"`;
}

const base64Pattern = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** Base64 without line breaks. */
function base64(text: string): string {
  const joined = text.replaceAll(/[\r\n]/g, '');
  if (!base64Pattern.test(joined)) throw new DecodeProblem(`illegal base64 data at input byte ${firstBadByte(joined)}`);
  return joined;
}

function firstBadByte(text: string): number {
  const bad = text.search(/[^A-Za-z0-9+/]/);
  if (bad >= 0 && /^={1,2}$/.test(text.slice(bad)) && text.length % 4 === 0) return text.length;
  return bad >= 0 ? bad : text.length - (text.length % 4);
}

/** A JSON value of no type: a copy, unless the value is the walk's own. Keys are defined, not assigned: `__proto__` is a name like any other. */
function free(value: unknown, place: Place): unknown {
  if (typeof value === 'bigint') return BigInt.asIntN(64, value) === value ? spent(place, 16, value) : spent(place, 16, Number(value));
  if (typeof value === 'number' && !Number.isFinite(value)) throw new DecodeProblem(`json: cannot unmarshal number ${value} into Go value of type float64`);
  if (typeof value === 'string') return spent(place, value.length + 2, value);
  if (typeof value !== 'object' || value === null) return spent(place, 1, value);
  if (Array.isArray(value)) return freeList(spent(place, 1, value), place);
  spend(place, 1);
  const out: Record<string, unknown> = place.isOwned ? (value as Record<string, unknown>) : {};
  for (const key of Object.keys(value)) {
    const given: unknown = Reflect.get(value, key);
    if (given === undefined) continue;
    spend(place, key.length + 3);
    const item = free(given, place);
    if (out !== value || item !== given) define(out, key, item);
  }
  return out;
}

function freeList(value: unknown[], place: Place): unknown[] {
  if (!place.isOwned) return value.map((item) => free(item, place));
  for (let i = 0; i < value.length; i++) {
    const given: unknown = value[i];
    spend(place, 1);
    const item = free(given, place);
    if (item !== given) value[i] = item;
  }
  return value;
}

function spent<T>(place: Place, bytes: number, value: T): T {
  spend(place, bytes);
  return value;
}

/** A JSON value that shares nothing with the given one but what nobody can change. */
export function copy(value: unknown): unknown {
  if (Object.isFrozen(value) && typeof value === 'object') return value;
  if (typeof value === 'bigint') return BigInt.asIntN(64, value) === value ? value : Number(value);
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(copy);
  const out = {};
  for (const [key, item] of Object.entries(value)) if (item !== undefined) define(out, key, copy(item));
  return out;
}

/** Sets an own property, whatever its name. */
export function define(object: Record<string, unknown>, key: string, value: unknown): void {
  if (key === '__proto__') Object.defineProperty(object, key, { value, enumerable: true, writable: true, configurable: true });
  else object[key] = value;
}
