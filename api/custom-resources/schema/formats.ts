import { isIP, isIPv4, isIPv6 } from 'node:net';
import { parseDuration } from '../../../machinery/duration.ts';
import type { SchemaType } from './structural.ts';

/**
 * The formats of strings that schemas may ask for. Others are accepted and say nothing.
 * Source: "Validation", CustomResourceDefinitions: the formats that Kubernetes evaluates.
 */

const hex = '[0-9a-fA-F]';
const label = String.raw`[a-zA-Z0-9]([-a-zA-Z0-9]*[a-zA-Z0-9])?`;

const patterns: Readonly<Record<string, RegExp>> = {
  'bsonobjectid': new RegExp(`^${hex}{24}$`),
  'email': /^[^\s@"<>()[\],;:\\]+@[^\s@]+\.?[^\s@]*$/,
  'hostname': new RegExp(String.raw`^(?=.{1,253}$)${label}(\.${label})*\.?$`),
  'mac': /^([0-9A-Fa-f]{2}[:-]){5,7}[0-9A-Fa-f]{2}$|^([0-9A-Fa-f]{4}\.){2,3}[0-9A-Fa-f]{4}$/,
  'uuid': new RegExp(`^${hex}{8}-?${hex}{4}-?${hex}{4}-?${hex}{4}-?${hex}{12}$`),
  'uuid3': new RegExp(`^${hex}{8}-?${hex}{4}-?3${hex}{3}-?${hex}{4}-?${hex}{12}$`),
  'uuid4': new RegExp(`^${hex}{8}-?${hex}{4}-?4${hex}{3}-?[89abAB]${hex}{3}-?${hex}{12}$`),
  'uuid5': new RegExp(`^${hex}{8}-?${hex}{4}-?5${hex}{3}-?[89abAB]${hex}{3}-?${hex}{12}$`),
  'isbn10': /^(\d-?){9}[\dX]$/,
  'isbn13': /^(\d-?){12}\d$/,
  'ssn': /^\d{3}[- ]?\d{2}[- ]?\d{4}$/,
  'hexcolor': new RegExp(`^#?(${hex}{3}|${hex}{6})$`),
  'rgbcolor': /^rgb\(\s*(0|[1-9]\d?|1\d\d?|2[0-4]\d|25[0-5])\s*,\s*(0|[1-9]\d?|1\d\d?|2[0-4]\d|25[0-5])\s*,\s*(0|[1-9]\d?|1\d\d?|2[0-4]\d|25[0-5])\s*\)$/,
  'byte': /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/,
  'k8sshortname': /^(?=.{1,63}$)[a-z0-9]([-a-z0-9]*[a-z0-9])?$/,
  'k8slongname': /^(?=.{1,253}$)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/,
};

const checks: Readonly<Record<string, (text: string) => boolean>> = {
  ...Object.fromEntries(Object.entries(patterns).map(([name, pattern]) => [name, (text: string) => pattern.test(text)])),
  'uri': isUri,
  'ipv4': isIPv4,
  'ipv6': isIPv6,
  'cidr': isCidr,
  'isbn': (text) => patterns['isbn10']?.test(text) === true || patterns['isbn13']?.test(text) === true,
  'creditcard': isCreditCard,
  'date': (text) => /^\d{4}-\d\d-\d\d$/.test(text) && isDay(text),
  'datetime': isDateTime,
  'duration': isDuration,
  'password': () => true,
};

/** Is `text` of that format? True for formats that nobody checks. */
export function hasFormat(text: string, format: string): boolean {
  const name = plain(format);
  return !Object.hasOwn(checks, name) || checks[name]?.(text) === true;
}

const ofNumbers: Readonly<Partial<Record<SchemaType, readonly string[]>>> = { integer: ['int32', 'int64'], number: ['float', 'double'] };

/** Does anybody check values of this type for that format? */
export function isKnownFormat(format: string, type: SchemaType | undefined): boolean {
  if (type === undefined || type === 'string') return Object.hasOwn(checks, plain(format));
  return ofNumbers[type]?.includes(format) === true;
}

/** Names may have hyphens in them. */
function plain(format: string): string {
  return format.replaceAll('-', '');
}

function isUri(text: string): boolean {
  return /^[a-zA-Z][a-zA-Z0-9+.-]*:\S*$/.test(text) || /^\/\S*$/.test(text);
}

function isCidr(text: string): boolean {
  const [address = '', bits = '', ...more] = text.split('/');
  const family = isIP(address);
  return more.length === 0 && family !== 0 && /^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128);
}

/** By Luhn's sum. */
function isCreditCard(text: string): boolean {
  const digits = text.replaceAll(/[ -]/g, '');
  if (!/^\d{12,19}$/.test(digits)) return false;
  const sum = [...digits].toReversed().reduce((total, digit, index) => {
    const value = Number(digit) * (index % 2 === 1 ? 2 : 1);
    return total + (value > 9 ? value - 9 : value);
  }, 0);
  return sum % 10 === 0;
}

function isDay(text: string): boolean {
  const time = Date.parse(`${text}T00:00:00Z`);
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(text);
}

function isDateTime(text: string): boolean {
  const match = /^(\d{4}-\d\d-\d\d)[Tt ]([01]\d|2[0-3]):([0-5]\d):([0-5]\d|60)(\.\d+)?([Zz]|[+-]\d\d:?\d\d)?$/.exec(text);
  return match?.[1] !== undefined && isDay(match[1]);
}

/** Go's `1h30m`, and `3 days` as the library that Kubernetes uses reads it. */
function isDuration(text: string): boolean {
  return parseDuration(text) !== undefined || /^\d+\s*(ns|nano|µs|us|micro|ms|milli|s|sec|secs|second|seconds|m|min|mins|minute|minutes|h|hr|hrs|hour|hours|d|day|days|w|week|weeks)$/i.test(text);
}
