/** Expressions as the parser leaves them; macros are nodes of their own. `at` is where an error about the node points. */
export type Node = ConstNode | IdentNode | SelectNode | CallNode | ListNode | MapNode | StructNode | FoldNode | OptMapNode;

export type Literal = boolean | bigint | number | string | null | Uint8Array | { readonly uint: bigint };

export interface ConstNode { readonly kind: 'const'; readonly at: number; readonly value: Literal }
export interface IdentNode { readonly kind: 'ident'; readonly at: number; readonly name: string }

export interface SelectNode {
  readonly kind: 'select';
  readonly at: number;
  readonly operand: Node;
  readonly field: string;
  /** `has(a.b)`: asks whether it is there. */
  readonly test: boolean;
  /** `a.?b`. */
  readonly optional: boolean;
}

/** Operators are calls too, by their name in the specification: `_+_`, `_[_]`, `!_`. */
export interface CallNode { readonly kind: 'call'; readonly at: number; readonly name: string; readonly target: Node | undefined; readonly args: readonly Node[] }

export interface Element { readonly value: Node; readonly optional: boolean }
export interface Entry { readonly at: number; readonly key: Node; readonly value: Node; readonly optional: boolean }
export interface FieldEntry { readonly at: number; readonly field: string; readonly value: Node; readonly optional: boolean }

export interface ListNode { readonly kind: 'list'; readonly at: number; readonly elements: readonly Element[] }
export interface MapNode { readonly kind: 'map'; readonly at: number; readonly entries: readonly Entry[] }
export interface StructNode { readonly kind: 'struct'; readonly at: number; readonly typeName: string; readonly entries: readonly FieldEntry[] }

/** A comprehension. With `second`, `first` is the index or key and `second` the value. */
export interface FoldNode {
  readonly kind: 'fold';
  readonly at: number;
  readonly macro: 'all' | 'exists' | 'existsOne' | 'map' | 'filter' | 'sortBy' | 'transformList' | 'transformMap' | 'transformMapEntry';
  readonly range: Node;
  readonly first: string;
  readonly second: string | undefined;
  readonly filter: Node | undefined;
  readonly body: Node;
}

/** `optional.optMap(x, body)`, `optFlatMap`. */
export interface OptMapNode { readonly kind: 'optMap'; readonly at: number; readonly target: Node; readonly variable: string; readonly body: Node; readonly flat: boolean }

/** `a.b.c` as one name; undefined for anything else. */
export function qualifiedName(node: Node): string | undefined {
  if (node.kind === 'ident') return node.name;
  if (node.kind !== 'select' || node.test || node.optional) return undefined;
  const operand = qualifiedName(node.operand);
  return operand === undefined ? undefined : `${operand}.${node.field}`;
}
