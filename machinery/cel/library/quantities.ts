import { add, compare, parseQuantity, subtract, type Quantity } from '../../quantity.ts';
import { flat, traversal } from '../cost.ts';
import { CelError } from '../errors.ts';
import { define, type Overload } from '../functions.ts';
import { OpaqueValue } from '../values.ts';

class QuantityValue extends OpaqueValue {
  override readonly typeName = 'kubernetes.Quantity';
  readonly quantity: Quantity;
  /** It stands for a larger number than a quantity holds. */
  readonly isCapped: boolean;

  constructor(quantity: Quantity, isCapped = false) {
    super();
    this.quantity = quantity;
    this.isCapped = isCapped;
  }

  override equals(other: OpaqueValue): boolean {
    return other instanceof QuantityValue && compare(this.quantity, other.quantity) === 0;
  }
}

const nano = 1_000_000_000n;
const largest = (2n ** 63n - 1n) * nano;
const looksRight = /^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$/;

function parse(text: string): QuantityValue {
  const quantity = parseQuantity(text);
  if (quantity === undefined) throw new CelError(looksRight.test(text) ? "unable to parse quantity's suffix" : `quantities must match the regular expression '${looksRight.source}'`);
  const isLargest = quantity.nanos === largest || quantity.nanos === -largest;
  return new QuantityValue(quantity, isLargest && !/^[+-]?9223372036854775807$/.test(text));
}

function isInteger({ quantity: { nanos }, isCapped }: QuantityValue): boolean {
  return !isCapped && nanos % nano === 0n && nanos / nano >= -(2n ** 63n) && nanos / nano < 2n ** 63n;
}

const whole = (value: bigint): Quantity => ({ nanos: value * nano });
const once = { cost: flat(1) };

/** Kubernetes' quantity functions. */
export const quantities: readonly Overload[] = [
  define('quantity(string): quantity', parse, { cost: traversal(0) }),
  define('isQuantity(string): bool', (text: string) => parseQuantity(text) !== undefined, { cost: traversal(0) }),
  define('quantity::isInteger(): bool', isInteger, once),
  define('quantity::asInteger(): int', (value: QuantityValue) => {
    if (!isInteger(value)) throw new CelError('cannot convert value to integer');
    return value.quantity.nanos / nano;
  }, once),
  define('quantity::asApproximateFloat(): double', ({ quantity }: QuantityValue) => Number(quantity.nanos) / 1e9, once),
  define('quantity::sign(): int', ({ quantity: { nanos } }: QuantityValue) => (nanos > 0n ? 1n : nanos < 0n ? -1n : 0n), once),
  define('quantity::isGreaterThan(quantity): bool', (a: QuantityValue, b: QuantityValue) => compare(a.quantity, b.quantity) > 0, once),
  define('quantity::isLessThan(quantity): bool', (a: QuantityValue, b: QuantityValue) => compare(a.quantity, b.quantity) < 0, once),
  define('quantity::compareTo(quantity): int', (a: QuantityValue, b: QuantityValue) => BigInt(compare(a.quantity, b.quantity)), once),
  define('quantity::add(quantity): quantity', (a: QuantityValue, b: QuantityValue) => new QuantityValue(add(a.quantity, b.quantity)), once),
  define('quantity::add(int): quantity', (a: QuantityValue, b: bigint) => new QuantityValue(add(a.quantity, whole(b))), once),
  define('quantity::sub(quantity): quantity', (a: QuantityValue, b: QuantityValue) => new QuantityValue(subtract(a.quantity, b.quantity)), once),
  define('quantity::sub(int): quantity', (a: QuantityValue, b: bigint) => new QuantityValue(subtract(a.quantity, whole(b))), once),
];
