/**
 * For each of `items`, the position of the first that is the same: its own, unless it repeats one before. One pass, where a
 * search for each item would hold the event loop for seconds over the longest lists that fit into a request.
 */
export function firstPlaces<T>(items: readonly T[], identity: (item: T) => unknown): readonly number[] {
  const first = new Map<unknown, number>();
  return items.map((item, index) => {
    const key = identity(item);
    const found = first.get(key);
    if (found === undefined) first.set(key, index);
    return found ?? index;
  });
}
