/**
 * Kubernetes quantities (`100m`, `1.5Gi`, `2e3`) with exact arithmetic.
 * Grammar and suffixes: "Quantity", Kubernetes API reference, resource-quantity.
 *
 * A value is held in nanos (10⁻⁹) as a bigint: Kubernetes rounds anything finer up to 1n, away from zero.
 */
export type Quantity = { readonly nanos: bigint };

const decimalExponents: Readonly<Record<string, number>> = {
  n: -9, u: -6, m: -3, '': 0, k: 3, M: 6, G: 9, T: 12, P: 15, E: 18,
};
const binaryExponents: Readonly<Record<string, number>> = { Ki: 10, Mi: 20, Gi: 30, Ti: 40, Pi: 50, Ei: 60 };

const pattern = /^([+-]?)(\d+\.?\d*|\.\d+)(Ki|Mi|Gi|Ti|Pi|Ei|n|u|m|k|M|G|T|P|E|[eE][+-]?\d+)?$/;
const nano = 1_000_000_000n;
/** Kubernetes caps a quantity's magnitude at 2⁶³-1. */
const largest = (2n ** 63n - 1n) * nano;

/** The longest text that is looked at: a longer one is refused, so that a hostile exponent or digit string costs nothing. */
const longestText = 128;

/** Reads a quantity; `undefined` when the text is none (wrong grammar, or an exponent out of reason). */
export function parseQuantity(text: string | number): Quantity | undefined {
  const source = String(text);
  if (source.length > longestText) return undefined;
  const match = pattern.exec(source);
  if (match === null) return undefined;
  const [, sign, digits = '', suffix = ''] = match;
  const [whole = '', fraction = ''] = digits.split('.');
  const unscaled = BigInt(`${whole}${fraction}` || '0');
  const magnitude = scale(unscaled, fraction.length, suffix);
  if (magnitude === undefined) return undefined;
  const capped = magnitude > largest ? largest : magnitude;
  return { nanos: sign === '-' ? -capped : capped };
}

/** `unscaled` · 10^-fractionDigits · suffix, in nanos, rounded up. */
function scale(unscaled: bigint, fractionDigits: number, suffix: string): bigint | undefined {
  const binary = binaryExponents[suffix];
  if (binary !== undefined) return divideUp((unscaled << BigInt(binary)) * nano, 10n ** BigInt(fractionDigits));
  const exponent = decimalExponents[suffix] ?? Number(suffix.slice(1));
  if (!Number.isSafeInteger(exponent) || Math.abs(exponent) > 1000) return undefined;
  const shift = exponent + 9 - fractionDigits;
  return shift >= 0 ? unscaled * 10n ** BigInt(shift) : divideUp(unscaled, 10n ** BigInt(-shift));
}

function divideUp(value: bigint, divisor: bigint): bigint {
  return value < 0n ? value / divisor : (value + divisor - 1n) / divisor;
}

export const zero: Quantity = { nanos: 0n };

export function add(a: Quantity, b: Quantity): Quantity {
  return { nanos: a.nanos + b.nanos };
}

export function subtract(a: Quantity, b: Quantity): Quantity {
  return { nanos: a.nanos - b.nanos };
}

/** Negative, zero or positive as `a` is less than, equal to or greater than `b`. */
export function compare(a: Quantity, b: Quantity): number {
  if (a.nanos === b.nanos) return 0;
  return a.nanos < b.nanos ? -1 : 1;
}

/** The whole number of units, rounded up: bytes for memory, cores for cpu. */
export function toUnits(quantity: Quantity): number {
  return Number(divideUp(quantity.nanos, nano));
}

/** The same of what is written; undefined: nothing, or no quantity. */
export function unitsOf(text: string | undefined): number | undefined {
  const quantity = parseQuantity(text ?? '');
  return quantity === undefined ? undefined : toUnits(quantity);
}

/** Thousandths, rounded up: millicores for cpu. */
export function toMillis(quantity: Quantity): number {
  return Number(divideUp(quantity.nanos, 1_000_000n));
}

/** How a quantity was written decides how it is written back: with binary, decimal or exponent suffixes. */
export type Format = 'BinarySI' | 'DecimalSI' | 'DecimalExponent';

/** The format that a text asks for; plain numbers are decimal. */
export function formatOf(text: string): Format {
  if (text.endsWith('i')) return 'BinarySI';
  return /[eE][+-]?\d+$/.test(text) ? 'DecimalExponent' : 'DecimalSI';
}

/** Writes the canonical form: no fraction, the largest suffix that keeps the value exact ("Canonical form", Quantity). */
export function formatQuantity(quantity: Quantity, format: Format): string {
  const sign = quantity.nanos < 0n ? '-' : '';
  const magnitude = quantity.nanos < 0n ? -quantity.nanos : quantity.nanos;
  if (magnitude === 0n) return '0';
  // A binary value below 1024, or one with a fraction, is written as a decimal (Quantity's CanonicalizeBytes).
  if (format === 'BinarySI' && magnitude >= 1024n * nano && magnitude % nano === 0n) return sign + formatBinary(magnitude / nano);
  return sign + formatDecimal(magnitude, format === 'DecimalExponent');
}

function formatBinary(units: bigint): string {
  for (const suffix of ['Ei', 'Pi', 'Ti', 'Gi', 'Mi', 'Ki']) {
    const size = 1n << BigInt(binaryExponents[suffix] ?? 0);
    if (units % size === 0n) return `${units / size}${suffix}`;
  }
  return String(units);
}

function formatDecimal(nanos: bigint, asExponent: boolean): string {
  for (const [suffix, exponent] of Object.entries(decimalExponents).toReversed()) {
    const size = 10n ** BigInt(exponent + 9);
    if (nanos % size !== 0n) continue;
    if (!asExponent) return `${nanos / size}${suffix}`;
    return exponent === 0 ? `${nanos / size}` : `${nanos / size}e${exponent}`;
  }
  return '0';
}

/** Canonical text of a quantity's text; `undefined` when it is none. */
export function canonical(text: string | number): string | undefined {
  const quantity = parseQuantity(text);
  return quantity === undefined ? undefined : formatQuantity(quantity, formatOf(String(text)));
}
