import { flat, type CallCost } from './cost.ts';
import { bool, bytes, double, duration, dyn, int, list, map, nullType, opaque, optional, string, timestamp, uint, type Type } from './types.ts';
import type { Value } from './values.ts';

/** What a function may do beside computing: charge for work that its arguments don't show. */
export interface CallContext {
  readonly charge: (cost: number) => void;
}

/** Instructions of patterns that one expression may have compiled before it runs; beyond, they are compiled (and paid for) when they are met. */
export interface PrepareBudget {
  instructions: number;
}

/** One form of a function. A member's receiver is its first parameter. */
export interface Overload {
  /** `string::startsWith(string): bool`. */
  readonly signature: string;
  readonly name: string;
  readonly member: boolean;
  readonly parameters: readonly Type[];
  readonly result: Type;
  readonly run: (args: readonly Value[], context: CallContext) => Value;
  readonly cost: CallCost;
  /** A faster `run` where arguments are constants (undefined: not constant). Throws `CelError` for constants that can't be right. */
  readonly prepare?: (constants: readonly (Value | undefined)[], budget: PrepareBudget) => Overload['run'] | undefined;
}

/** Forms by name: `startsWith`, `sets.contains`, `_+_`. */
export type FunctionTable = ReadonlyMap<string, readonly Overload[]>;

interface Options {
  readonly cost?: CallCost;
  readonly prepare?: Overload['prepare'];
}

/** Declares a form by its signature: `[receiver::]name(types): type`; capital letters are type parameters. */
export function define(signature: string, run: (...args: never[]) => Value, { cost = flat(1), prepare }: Options = {}): Overload {
  const match = /^(?:([^(]+)::)?([^(]+)\((.*)\): (.+)$/.exec(signature);
  if (match === null) throw new Error(`cannot read the signature ${signature}`);
  const [, receiver, name = '', parameters = '', result = ''] = match;
  const types = split(parameters).map(readType);
  // Evaluation calls a form only with values of its declared types.
  const call = run as unknown as (...args: readonly unknown[]) => Value;
  return {
    signature, name, cost,
    member: receiver !== undefined,
    parameters: receiver === undefined ? types : [readType(receiver), ...types],
    result: readType(result),
    run: (args, context) => call(...args, context),
    ...(prepare === undefined ? {} : { prepare }),
  };
}

export function table(...libraries: readonly (readonly Overload[])[]): FunctionTable {
  const byName = new Map<string, Overload[]>();
  for (const overload of libraries.flat()) {
    const known = byName.get(overload.name);
    if (known === undefined) byName.set(overload.name, [overload]);
    else known.push(overload);
  }
  return byName;
}

const words: Readonly<Record<string, Type>> = {
  bool, int, uint, double, string, bytes, null: nullType, timestamp, duration, dyn,
  quantity: opaque('kubernetes.Quantity'), ip: opaque('net.IP'), cidr: opaque('net.CIDR'), url: opaque('kubernetes.URL'),
  semver: opaque('kubernetes.Semver'), format: opaque('kubernetes.NamedFormat'),
  authorizer: opaque('kubernetes.authorization.Authorizer'), pathCheck: opaque('kubernetes.authorization.PathCheck'),
  groupCheck: opaque('kubernetes.authorization.GroupCheck'), resourceCheck: opaque('kubernetes.authorization.ResourceCheck'),
  decision: opaque('kubernetes.authorization.Decision'),
};

/** The type that a word or `list<…>` of a signature names. Throws when there is none. */
function readType(text: string): Type {
  const known = words[text];
  if (known !== undefined) return known;
  if (/^[A-Z]$/.test(text)) return { kind: 'parameter', name: text };
  const match = /^(list|map|optional|type)<(.+)>$/.exec(text);
  const [first, second] = split(match?.[2] ?? '').map(readType);
  if (match?.[1] === 'list' && first !== undefined) return list(first);
  if (match?.[1] === 'optional' && first !== undefined) return optional(first);
  if (match?.[1] === 'type' && first !== undefined) return { kind: 'type', of: first };
  if (match?.[1] === 'map' && first !== undefined && second !== undefined) return map(first, second);
  throw new Error(`cannot read the type ${text}`);
}

/** Splits at commas outside of angle brackets. */
function split(text: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let from = 0;
  for (let i = 0; i < text.length; i++) {
    if (text[i] === '<') depth++;
    else if (text[i] === '>') depth--;
    else if (text[i] === ',' && depth === 0) {
      parts.push(text.slice(from, i).trim());
      from = i + 1;
    }
  }
  const last = text.slice(from).trim();
  return last === '' ? parts : [...parts, last];
}
