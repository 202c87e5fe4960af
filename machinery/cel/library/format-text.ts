import { character } from '../cost.ts';
import { CelError } from '../errors.ts';
import { compareStrings } from '../equality.ts';
import { showDouble } from '../numbers.ts';
import { formatDuration, formatTimestamp } from '../times.ts';
import { runtimeName } from '../types.ts';
import { Duration, ListValue, MapValue, Timestamp, TypeValue, Uint, type Value } from '../values.ts';

const clause = /%(?:%|(?:\.(\d+))?([a-zA-Z]))/g;
const mostPrecision = 1000;
const freeCost = 20;
/** Units for each value that is shown. */
const shownValue = 0.5;

/** `"%s: %.2f".format([…])`. Clauses: the extension library "Strings". Throws `CelError`. */
export function format(template: string, values: readonly Value[], charge: (cost: number) => void): string {
  let next = 0;
  // The first few characters are what the call itself costs.
  let owed = -freeCost;
  const pay = (cost: number): void => {
    owed += cost;
    if (owed <= 0) return;
    charge(owed);
    owed = 0;
  };
  const text = template.replaceAll(clause, (whole, precision: string | undefined, verb: string | undefined) => {
    if (whole === '%%') return '%';
    const value = values[next];
    if (value === undefined) throw new CelError(`index ${next} out of range`);
    next++;
    const shown = clauseText(verb ?? '', value, precision === undefined ? undefined : Math.min(Number(precision), mostPrecision), pay);
    pay(shown.length * character);
    return shown;
  });
  if (template.replaceAll(clause, '').includes('%')) throw new CelError('could not parse formatting clause: unrecognized formatting clause');
  return text;
}

function clauseText(verb: string, value: Value, precision: number | undefined, charge: (cost: number) => void): string {
  switch (verb) {
    case 's': return show(value, charge);
    case 'd': return special(value) ?? integer(value, verb).toString();
    case 'b': return value === true ? '1' : value === false ? '0' : integer(value, verb).toString(2);
    case 'o': return integer(value, verb).toString(8);
    case 'x': return hexadecimal(value);
    case 'X': return hexadecimal(value).toUpperCase();
    case 'f': return special(value) ?? grouped(fixed(decimal(value), Math.min(precision ?? 6, 100)));
    case 'e': return special(value) ?? exponential(decimal(value), precision ?? 6);
    default: throw new CelError(`could not parse formatting clause: unrecognized formatting clause "${verb}"`);
  }
}

function integer(value: Value, verb: string): bigint {
  if (typeof value === 'bigint') return value;
  if (value instanceof Uint) return value.value;
  throw new CelError(verb === 'd' ? 'error during formatting: decimal clause can only be used on integers' : `error during formatting: only integers can be formatted with %${verb}`);
}

function hexadecimal(value: Value): string {
  if (typeof value === 'string') return hex(new TextEncoder().encode(value));
  if (value instanceof Uint8Array) return hex(value);
  return integer(value, 'x').toString(16);
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

function special(value: Value): string | undefined {
  if (typeof value !== 'number' || Number.isFinite(value)) return undefined;
  return Number.isNaN(value) ? 'NaN' : value > 0 ? 'Infinity' : '-Infinity';
}

function decimal(value: Value): number {
  if (typeof value === 'number') return value;
  if (typeof value === 'bigint') return Number(value);
  if (value instanceof Uint) return Number(value.value);
  throw new CelError('error during formatting: fixed-point clause can only be used on doubles');
}

/** Halves go to the even neighbour, as Go has it; JavaScript rounds them up. */
function fixed(value: number, precision: number): string {
  const shifted = Math.abs(value) * 10 ** precision;
  const text = value.toFixed(precision);
  if (shifted % 1 !== 0.5 || Math.floor(shifted) % 2 !== 0) return text;
  return `${value < 0 ? '-' : ''}${(Math.floor(shifted) / 10 ** precision).toFixed(precision)}`;
}

function exponential(value: number, precision: number): string {
  const [mantissa = '', power = '+0'] = value.toExponential(Math.min(precision, 100)).split('e');
  const digits = power.slice(1).padStart(2, '0').replaceAll(/\d/g, (digit) => superscripts[Number(digit)] ?? digit);
  return `${mantissa}×10${power.startsWith('-') ? '⁻' : ''}${digits}`;
}

const superscripts = '⁰¹²³⁴⁵⁶⁷⁸⁹';

/** Thousands apart: version 2 of the library writes numbers as English does. */
function grouped(text: string): string {
  return text.replace(/^(-?)(\d+)/, (_whole, sign: string, digits: string) => sign + digits.replaceAll(/\B(?=(?:\d{3})+$)/g, ','));
}

/** `%s` of any value. */
function show(value: Value, charge: (cost: number) => void): string {
  charge(shownValue);
  switch (typeof value) {
    case 'string': return value;
    case 'boolean':
    case 'bigint': return String(value);
    case 'number': return special(value) ?? showDouble(value);
    default: return value === null ? 'null' : showStructure(value, charge);
  }
}

function showStructure(value: Exclude<Value, boolean | bigint | number | string | null>, charge: (cost: number) => void): string {
  if (value instanceof Uint) return String(value.value);
  if (value instanceof Uint8Array) return new TextDecoder().decode(value);
  if (value instanceof Timestamp) return formatTimestamp(value.nanos, value.offsetMinutes);
  if (value instanceof Duration) return formatDuration(value.nanos);
  if (value instanceof TypeValue) return runtimeName(value.type);
  if (value instanceof ListValue) return `[${[...value].map((item) => show(item, charge)).join(', ')}]`;
  if (value instanceof MapValue) {
    const entries = [...value.keys()].map((key): [string, string] => [show(key, charge), show(value.get(key) ?? null, charge)]);
    return `{${entries.toSorted(([a], [b]) => compareStrings(a, b)).map(([key, text]) => `${key}: ${text}`).join(', ')}}`;
  }
  throw new CelError('error during formatting: string clause can only be used on strings, bools, bytes, ints, doubles, maps, lists, types, durations, and timestamps');
}
