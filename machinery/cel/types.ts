/**
 * CEL, the Common Expression Language, as Kubernetes speaks it: lexer, parser, type checker, estimate of cost, and an evaluator
 * that counts what it does. Pure: it knows neither objects' kinds nor requests; those come as declared variables.
 * Sources: the CEL specification (langdef.md), "Common Expression Language in Kubernetes".
 *
 * This file: types as the checker sees them.
 */
export type Type =
  | SimpleType
  | { readonly kind: 'list'; readonly element: Type; readonly maxSize?: number; readonly listType?: 'set' | 'map'; readonly mapKeys?: readonly string[] }
  | { readonly kind: 'map'; readonly key: Type; readonly value: Type; readonly maxSize?: number }
  | ObjectType
  /** `optional_type`, and what the libraries bring: `kubernetes.Quantity`, `net.IP`. */
  | { readonly kind: 'opaque'; readonly name: string; readonly parameters: readonly Type[] }
  /** The type of a type: that of `int` is `type(int)`. */
  | { readonly kind: 'type'; readonly of: Type }
  /** A type parameter of a declaration: the T of `list<T>`. */
  | { readonly kind: 'parameter'; readonly name: string }
  /** A parameter of one call, still to be found. */
  | { readonly kind: 'free'; readonly id: number };

export interface SimpleType {
  readonly kind: 'bool' | 'int' | 'uint' | 'double' | 'string' | 'bytes' | 'null' | 'timestamp' | 'duration' | 'dyn' | 'error';
  /** The most characters (bytes) that a string (bytes) of this type has, or a `dyn` that may be one: for estimates of cost. */
  readonly maxSize?: number;
}

/** An object with declared fields; recursive ones are built late, through `field`. */
export interface ObjectType {
  readonly kind: 'object';
  readonly name: string;
  /** The type of a field by its CEL name; undefined when there is none. */
  readonly field: (name: string) => Type | undefined;
  /** The key in the JSON object when it isn't the CEL name. */
  readonly jsonName?: (name: string) => string;
  readonly fieldNames: () => readonly string[];
}

export const bool: Type = { kind: 'bool' };
export const int: Type = { kind: 'int' };
export const uint: Type = { kind: 'uint' };
export const double: Type = { kind: 'double' };
export const string: Type = { kind: 'string' };
export const bytes: Type = { kind: 'bytes' };
export const nullType: Type = { kind: 'null' };
export const timestamp: Type = { kind: 'timestamp' };
export const duration: Type = { kind: 'duration' };
export const dyn: Type = { kind: 'dyn' };
/** Of an expression in which an error was found already: fits everywhere. */
export const errorType: Type = { kind: 'error' };

export function list(element: Type): Type {
  return { kind: 'list', element };
}

export function map(key: Type, value: Type): Type {
  return { kind: 'map', key, value };
}

export function opaque(name: string, ...parameters: readonly Type[]): Type {
  return { kind: 'opaque', name, parameters };
}

export function optional(of: Type): Type {
  return opaque('optional_type', of);
}

export function isOptional(type: Type): type is Extract<Type, { kind: 'opaque' }> {
  return type.kind === 'opaque' && type.name === 'optional_type';
}

/** An object type with these fields. */
export function object(name: string, fields: Readonly<Record<string, Type>>): ObjectType {
  const byName = new Map(Object.entries(fields));
  return { kind: 'object', name, field: (field) => byName.get(field), fieldNames: () => [...byName.keys()] };
}

/** A type as messages print it: `list(string)`, `map(string, int)`, `kubernetes.Quantity`. */
export function show(type: Type): string {
  switch (type.kind) {
    case 'list': return `list(${show(type.element)})`;
    case 'map': return `map(${show(type.key)}, ${show(type.value)})`;
    case 'object': return type.name;
    case 'opaque': return type.parameters.length === 0 ? type.name : `${type.name}(${type.parameters.map(show).join(', ')})`;
    case 'type': return `type(${show(type.of)})`;
    case 'parameter': return type.name;
    case 'free': return 'dyn';
    case 'error': return '!error!';
    default: return type.kind;
  }
}

/** Types of Kubernetes' libraries. */
const libraryTypes = ['net.IP', 'net.CIDR', 'kubernetes.Quantity', 'kubernetes.URL', 'kubernetes.Semver', 'kubernetes.NamedFormat'];

/** Names of types as expressions write them. */
export const namedTypes: Readonly<Record<string, Type>> = {
  ...Object.fromEntries(libraryTypes.map((name) => [name, opaque(name)])),
  bool, int, uint, double, string, bytes, null_type: nullType, optional_type: optional(dyn),
  list: list(dyn), map: map(dyn, dyn), type: { kind: 'type', of: dyn },
  'google.protobuf.Timestamp': timestamp, 'google.protobuf.Duration': duration,
};

/** The name of a type as `type(x)` tells it apart. */
export function runtimeName(type: Type): string {
  switch (type.kind) {
    case 'null': return 'null_type';
    case 'timestamp': return 'google.protobuf.Timestamp';
    case 'duration': return 'google.protobuf.Duration';
    case 'object':
    case 'opaque': return type.name;
    default: return type.kind;
  }
}

/** Whether values of both are the same kind of thing, parameters aside: what `type(a) == type(b)` asks. */
export function sameRuntimeType(a: Type, b: Type): boolean {
  return runtimeName(a) === runtimeName(b);
}
