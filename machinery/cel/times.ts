/** Timestamps and durations in nanoseconds. Texts: RFC 3339, and durations as Go writes them (`1h30m`, `1.5s`). */

const second = 1_000_000_000n;
/** 0001-01-01T00:00:00Z and the last nanosecond of 9999. */
export const firstInstant = -62_135_596_800n * second;
export const lastInstant = 253_402_300_800n * second - 1n;

const instant = /^(\d{4})-(\d\d)-(\d\d)(?:[Tt](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9})\d*)?([Zz]|[+-]\d\d:\d\d))?$/;

/** Nanoseconds since 1970; undefined when the text is no RFC 3339 time (or date) of the years 1 to 9999. */
export function parseTimestamp(text: string): bigint | undefined {
  const match = instant.exec(text);
  if (match === null) return undefined;
  const [, year = '', month = '', day = '', hour = '00', minute = '00', seconds = '00', fraction = '', zone = 'Z'] = match;
  const date = new Date(`${year}-${month}-${day}T00:00:00Z`);
  if (Number.isNaN(date.getTime()) || date.getUTCDate() !== Number(day)) return undefined;
  const offset = offsetMinutes(zone);
  if (Number(hour) > 23 || Number(minute) > 59 || Number(seconds) > 59 || offset === undefined) return undefined;
  const wall = BigInt(date.getTime() / 1000 + Number(hour) * 3600 + (Number(minute) - offset) * 60 + Number(seconds));
  const nanos = wall * second + BigInt(fraction.padEnd(9, '0'));
  return nanos < firstInstant || nanos > lastInstant ? undefined : nanos;
}

/** The offset in minutes that a time is written with. */
export function offsetOf(text: string): number {
  return offsetMinutes(instant.exec(text)?.[8] ?? 'Z') ?? 0;
}

function offsetMinutes(zone: string): number | undefined {
  if (zone === 'Z' || zone === 'z') return 0;
  const match = /^([+-]?)(\d\d):(\d\d)$/.exec(zone);
  if (match === null || Number(match[2]) > 23 || Number(match[3]) > 59) return undefined;
  return (match[1] === '-' ? -1 : 1) * (Number(match[2]) * 60 + Number(match[3]));
}

export function formatTimestamp(nanos: bigint, offset = 0): string {
  const seconds = floorDivide(nanos, second);
  const text = new Date((Number(seconds) + offset * 60) * 1000).toISOString().slice(0, 19);
  return `${text}${fractionOf(nanos - seconds * second)}${zoneText(offset)}`;
}

function zoneText(offset: number): string {
  if (offset === 0) return 'Z';
  const minutes = Math.abs(offset);
  return `${offset < 0 ? '-' : '+'}${String(Math.floor(minutes / 60)).padStart(2, '0')}:${String(minutes % 60).padStart(2, '0')}`;
}

function fractionOf(nanos: bigint): string {
  return nanos === 0n ? '' : `.${String(nanos).padStart(9, '0').replace(/0+$/, '')}`;
}

/** `5400s`, `1.5s`. */
export function formatDuration(nanos: bigint): string {
  const magnitude = nanos < 0n ? -nanos : nanos;
  return `${nanos < 0n ? '-' : ''}${magnitude / second}${fractionOf(magnitude % second)}s`;
}

export interface CalendarParts {
  readonly year: number;
  /** From 0. */
  readonly month: number;
  /** From 1. */
  readonly date: number;
  /** From 0, Sunday. */
  readonly weekday: number;
  /** From 0. */
  readonly dayOfYear: number;
  readonly hours: number;
  readonly minutes: number;
  readonly seconds: number;
  readonly milliseconds: number;
}

/** What a clock in `zone` (an IANA name, or an offset such as `+02:00`) shows; undefined for an unknown zone. */
export function calendar(nanos: bigint, zone: string): CalendarParts | undefined {
  const milliseconds = Number(floorDivide(nanos, 1_000_000n));
  const offset = zone === 'UTC' || zone === '' ? 0 : offsetMinutes(zone) ?? namedOffsetMinutes(milliseconds, zone);
  if (offset === undefined) return undefined;
  const wall = new Date(milliseconds + offset * 60_000);
  const year = wall.getUTCFullYear();
  const newYear = new Date(0);
  newYear.setUTCFullYear(year, 0, 1);
  return {
    year, month: wall.getUTCMonth(), date: wall.getUTCDate(), weekday: wall.getUTCDay(),
    dayOfYear: Math.floor((wall.getTime() - newYear.getTime()) / 86_400_000),
    hours: wall.getUTCHours(), minutes: wall.getUTCMinutes(), seconds: wall.getUTCSeconds(), milliseconds: wall.getUTCMilliseconds(),
  };
}

function namedOffsetMinutes(milliseconds: number, zone: string): number | undefined {
  let format: Intl.DateTimeFormat;
  try {
    format = new Intl.DateTimeFormat('en-US', { timeZone: zone, timeZoneName: 'longOffset' });
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
  const name = format.formatToParts(milliseconds).find(({ type }) => type === 'timeZoneName')?.value ?? '';
  if (name === 'GMT') return 0;
  const match = /^GMT([+-])(\d\d):(\d\d)(?::(\d\d))?$/.exec(name);
  if (match === null) return undefined;
  return (match[1] === '-' ? -1 : 1) * (Number(match[2]) * 60 + Number(match[3]) + Number(match[4] ?? 0) / 60);
}

function floorDivide(value: bigint, by: bigint): bigint {
  const quotient = value / by;
  return value % by < 0n ? quotient - 1n : quotient;
}
