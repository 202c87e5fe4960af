/**
 * The order of a merged list: items that the patch speaks of go as it wishes, the others stay in theirs, and where an item of
 * each could come next, the old list decides if it had both; else the patch's goes first.
 */

/** Parts `items` into those that `list` has too and the rest. */
export function splitByPresence(items: readonly unknown[], list: readonly unknown[], identity: (item: unknown) => unknown): { inside: unknown[]; outside: unknown[] } {
  const present = new Set(list.map(identity));
  return { inside: items.filter((item) => present.has(identity(item))), outside: items.filter((item) => !present.has(identity(item))) };
}

/** `patched` in the order of `wish`, `others` in the order of `before`, merged into one list. */
export function ordered(
  patched: readonly unknown[], others: readonly unknown[], wish: readonly unknown[], before: readonly unknown[], identity: (item: unknown) => unknown,
): unknown[] {
  const right = sortedBy(patched, positions(wish, identity), identity);
  const old = positions(before, identity);
  const left = sortedBy(others, old, identity);
  const result: unknown[] = [];
  let [fromLeft, fromRight] = [0, 0];
  while (fromLeft < left.length && fromRight < right.length) {
    const [l, r] = [old.get(identity(left[fromLeft])), old.get(identity(right[fromRight]))];
    result.push(l !== undefined && r !== undefined && l < r ? left[fromLeft++] : right[fromRight++]);
  }
  return [...result, ...left.slice(fromLeft), ...right.slice(fromRight)];
}

function positions(list: readonly unknown[], identity: (item: unknown) => unknown): Map<unknown, number> {
  const found = new Map<unknown, number>();
  for (const [index, item] of list.entries()) if (!found.has(identity(item))) found.set(identity(item), index);
  return found;
}

function sortedBy(items: readonly unknown[], at: ReadonlyMap<unknown, number>, identity: (item: unknown) => unknown): unknown[] {
  const place = (item: unknown): number => at.get(identity(item)) ?? Number.MAX_SAFE_INTEGER;
  return items.toSorted((a, b) => place(a) - place(b));
}
