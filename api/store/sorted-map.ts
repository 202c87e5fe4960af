import sortedBTree from 'sorted-btree';

/** The package is CommonJS with a `default` member: Node imports the module, bundlers and test runners that member. */
const BTree = typeof sortedBTree === 'function' ? sortedBTree : sortedBTree.default;

/** Strings in code unit order, which is byte order for keys in ASCII. */
export interface SortedMap<V> {
  readonly size: number;
  get(key: string): V | undefined;
  set(key: string, value: V): void;
  delete(key: string): void;
  /** Values in key order, `from` ≤ key < `to`. */
  between(from: string, to: string): V[];
  /** How many `between` would give; the first `limit` of them are passed to `take`. */
  visit(from: string, to: string, limit: number, take: (value: V) => void): number;
  values(): V[];
}

export function createSortedMap<V>(): SortedMap<V> {
  const tree = new BTree<string, V>(undefined, (a, b) => (a < b ? -1 : a > b ? 1 : 0));
  return {
    get size() {
      return tree.size;
    },
    get: (key) => tree.get(key),
    set: (key, value) => void tree.set(key, value),
    delete: (key) => void tree.delete(key),
    between(from, to) {
      const found: V[] = [];
      tree.forRange(from, to, false, (_key, value) => void found.push(value));
      return found;
    },
    visit(from, to, limit, take) {
      return tree.forRange(from, to, false, (_key, value, index) => {
        if (index < limit) take(value);
      });
    },
    values: () => tree.valuesArray(),
  };
}

/** The first string after all that start with `prefix`. */
export function prefixEnd(prefix: string): string {
  if (prefix === '') return '\u{10ffff}';
  return prefix.slice(0, -1) + String.fromCharCode(prefix.charCodeAt(prefix.length - 1) + 1);
}
