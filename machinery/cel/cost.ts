import { ListValue, MapValue, ObjectValue, Optional, type Value } from './values.ts';

/**
 * What calls cost, in Kubernetes' units: one is a look at a variable or field, a character a tenth. Source: "Resource use by CEL
 * evaluation". The same rule is asked before evaluation with sizes that are possible, and during it with values.
 */
export interface Range {
  readonly min: number;
  readonly max: number;
}

export const none: Range = { min: 0, max: 0 };
export const one: Range = { min: 1, max: 1 };
export const unknownSize: Range = { min: 0, max: Infinity };

export function exactly(value: number): Range {
  return { min: value, max: value };
}

export function sum(...ranges: readonly Range[]): Range {
  return { min: ranges.reduce((total, { min }) => total + min, 0), max: ranges.reduce((total, { max }) => total + max, 0) };
}

export function product(a: Range, b: Range): Range {
  return { min: times(a.min, b.min), max: times(a.max, b.max) };
}

/** Nothing of something endless is nothing. */
function times(a: number, b: number): number {
  return a === 0 || b === 0 ? 0 : a * b;
}

export function union(a: Range, b: Range): Range {
  return { min: Math.min(a.min, b.min), max: Math.max(a.max, b.max) };
}

export function scaled(range: Range, factor: number): Range {
  return { min: Math.ceil(range.min * factor), max: Math.ceil(range.max * factor) };
}

export const character = 0.1;
const patternCharacter = 0.25;

/** What is known of an argument before evaluation. */
export interface ArgumentSize {
  readonly size: Range;
  /** Of lists: that of their elements, and whether they are strings or bytes. */
  readonly elements?: { readonly size: Range; readonly isText: boolean };
}

export interface CallCost {
  /** Charged before the call. */
  readonly before: (args: readonly Value[]) => number;
  /** Charged once its result is known. */
  readonly after?: (result: Value) => number;
  readonly estimate: (args: readonly ArgumentSize[]) => { readonly cost: Range; readonly size?: Range };
}

/** What `size()` says; 1 for what has no size. */
export function sizeOf(value: Value | undefined): number {
  if (typeof value === 'string') return value.length;
  if (value instanceof ListValue || value instanceof Uint8Array) return value.length;
  if (value instanceof MapValue) return value.size;
  if (value instanceof Optional) return sizeOf(value.value);
  return 1;
}

const sizeAt = (args: readonly ArgumentSize[], index: number): Range => args[index]?.size ?? one;

/** Characters that are looked through for one unit. */
const freeLength = 500;

/** Asked of a text's length: constant by Kubernetes' estimate; a long one is looked through. */
export const textLength: CallCost = { before: (args) => Math.max(1, Math.floor(sizeOf(args[0]) / freeLength)), estimate: () => ({ cost: one }) };

export function flat(cost: number): CallCost {
  return { before: () => cost, estimate: () => ({ cost: exactly(cost) }) };
}

/** A walk over the characters of one argument, `factor` times; `keepsSize`: the result is no longer than it. */
export function traversal(index: number, factor = 1, keepsSize = false): CallCost {
  return {
    before: (args) => Math.ceil(sizeOf(args[index]) * factor * character),
    estimate: (args) => {
      const size = sizeAt(args, index);
      return { cost: scaled(size, factor * character), ...(keepsSize ? { size: { min: 0, max: size.max } } : {}) };
    },
  };
}

/** Each of one against each of the other (`contains`). */
export const search: CallCost = {
  before: (args) => Math.ceil(sizeOf(args[0]) * character) * Math.ceil(sizeOf(args[1]) * character),
  estimate: (args) => ({ cost: product(scaled(sizeAt(args, 0), character), scaled(sizeAt(args, 1), character)) }),
};

/** A pattern (argument 1) over a text (argument 0). */
export const pattern: CallCost = {
  before: (args) => Math.ceil((1 + sizeOf(args[0])) * character) * Math.ceil(sizeOf(args[1]) * patternCharacter),
  estimate: (args) => ({
    cost: product(scaled(sum(sizeAt(args, 0), one), character), scaled(sizeAt(args, 1), patternCharacter)),
    size: { min: 0, max: sizeAt(args, 0).max },
  }),
};

/** A comparison ends with the shorter one. */
export const comparison: CallCost = {
  before: (args) => Math.ceil(Math.min(sizeOf(args[0]), sizeOf(args[1])) * character),
  estimate: (args) => {
    const max = Math.min(sizeAt(args, 0).max, sizeAt(args, 1).max);
    return { cost: scaled({ min: max > 0 ? 1 : 0, max }, character) };
  },
};

/** Both are copied into one. */
export const concatenation: CallCost = {
  before: (args) => Math.ceil((sizeOf(args[0]) + sizeOf(args[1])) * character),
  estimate: (args) => {
    const size = sum(sizeAt(args, 0), sizeAt(args, 1));
    return { cost: scaled(size, character), size };
  },
};

/** As Kubernetes estimates it; what is copied counts while it runs, as for strings. */
export const listConcatenation: CallCost = {
  before: (args) => Math.max(1, Math.ceil((sizeOf(args[0]) + sizeOf(args[1])) * character)),
  estimate: (args) => ({ cost: one, size: sum(sizeAt(args, 0), sizeAt(args, 1)) }),
};

/** A walk over a list with all that is in it (`sum`, `isSorted`, `indexOf`), or over a string. */
export const wholeWalk: CallCost = {
  before: (args) => Math.max(1, walkCost(args[0], { left: mostWalked })),
  estimate: ([first]) => {
    if (first?.elements === undefined) return { cost: scaled(first?.size ?? one, character) };
    const each = first.elements.isText ? sum(one, scaled(first.elements.size, character)) : one;
    return { cost: product(first.size, each) };
  },
};

/** Beyond, the cost is over any limit, and a value that holds others many times over would never be walked to its end. */
const mostWalked = 10_000_000;

function walkCost(value: Value | undefined, budget: { left: number }): number {
  if (budget.left-- <= 0) return 0;
  if (typeof value === 'string' || value instanceof Uint8Array) return Math.floor(value.length * character);
  let cost = 0;
  if (value instanceof ListValue) {
    for (const item of value) cost += walkCost(item, budget);
    return cost;
  }
  if (value instanceof MapValue) {
    for (const key of value.keys()) cost += walkCost(key, budget) + walkCost(value.get(key), budget);
    return cost;
  }
  if (value instanceof ObjectValue) {
    for (const name of value.names()) cost += walkCost(name, budget) + walkCost(value.get(name), budget);
    return cost;
  }
  return 1;
}

/** Each element of one list against each of the other, twice where both directions are asked. */
export function pairs(factor = 1): CallCost {
  return {
    before: (args) => 1 + sizeOf(args[0]) * sizeOf(args[1]) * factor,
    estimate: (args) => ({ cost: sum(one, product(product(sizeAt(args, 0), sizeAt(args, 1)), exactly(factor))) }),
  };
}
