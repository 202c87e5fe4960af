import { canonical } from '../../../machinery/quantity.ts';
import type { ScalarSchema } from '../../../machinery/schema.ts';
import { DecodeProblem, mismatch, mismatchWithin, type Steps } from './problem.ts';

/** Where the walk is, for messages. */
export interface Place {
  readonly steps: Steps;
  /** Name of the definition whose field is walked. */
  readonly owner: string;
}

/** Checks a value that isn't null and gives its canonical form. Throws `DecodeProblem`. */
export type ScalarDecoder = (value: unknown, place: Place, schema: ScalarSchema) => unknown;

/** How values of each scalar type are read. */
export const scalarDecoders: Readonly<Record<ScalarSchema['type'], ScalarDecoder>> = {
  string: (value, place, schema) => (typeof value === 'string' ? value : refuse(value, place, schema)),
  boolean: (value, place, schema) => (typeof value === 'boolean' ? value : refuse(value, place, schema)),
  double: (value, place, schema) => (typeof value === 'number' ? value : refuse(value, place, schema)),
  int32: (value, place, schema) => (isInteger(value, 2 ** 31) ? value : refuse(value, place, schema)),
  // The largest int64 is read as 2⁶³: no double is nearer.
  int64: (value, place, schema) => (value === 2 ** 63 || isInteger(value, 2 ** 63) ? value : refuse(value, place, schema)),
  'int-or-string': (value) => (typeof value === 'string' || isInteger(value, 2 ** 31) ? value : refuseWithin(value, 'int32')),
  quantity,
  time: (value) => time(value, 'time'),
  'micro-time': (value) => time(value, 'micro-time'),
  duration: (value) => (typeof value === 'string' ? value : refuseWithin(value, 'string')),
  bytes: (value, place, schema) => (typeof value === 'string' ? base64(value) : refuse(value, place, schema)),
  any: (value) => copy(value),
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

/** Most quantities in practice: less than a thousand of a unit, which no larger unit can say. */
const plainQuantity = /^[1-9]\d{0,2}(?:[numkMGTP]|[KMGTP]i)?$/;

function quantity(value: unknown): string {
  if (typeof value === 'string' && plainQuantity.test(value)) return value;
  const text = typeof value === 'string' || typeof value === 'number' ? canonical(value) : undefined;
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

/** A JSON value that shares nothing with the given one. Keys are defined, not assigned: `__proto__` is a name like any other. */
export function copy(value: unknown): unknown {
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
