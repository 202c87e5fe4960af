/** Sets of a Job's indexes, compact however many they are; as text `1,3-5,7`. Source: "Jobs: completion mode". */

export type Interval = readonly [first: number, last: number];

/** Ascending, with a gap between any two. */
export type Indexes = readonly Interval[];

/** Of a status or a policy; what can't be read is passed over, and what is not below `completions` is left out. */
export function parseIndexes(text: string | undefined, completions: number): Indexes {
  return joined((text ?? '').split(',').flatMap((fragment) => {
    const [, from, to] = /^(\d+)(?:-(\d+))?$/.exec(fragment) ?? [];
    if (from === undefined) return [];
    const [first, last] = [Number(from), Math.min(Number(to ?? from), completions - 1)];
    return first <= last ? [[first, last] as const] : [];
  }));
}

/** Two neighbours are written as two. */
export function formatIndexes(indexes: Indexes): string {
  return indexes.map(([first, last]) => (first === last ? String(first) : `${first}${last === first + 1 ? ',' : '-'}${last}`)).join(',');
}

export function indexesOf(numbers: Iterable<number>): Indexes {
  return joined([...numbers].map((number) => [number, number] as const));
}

export function union(...sets: readonly Indexes[]): Indexes {
  return joined(sets.flat());
}

function joined(intervals: readonly Interval[]): Indexes {
  const result: [number, number][] = [];
  for (const [first, last] of intervals.toSorted(([a], [b]) => a - b)) {
    const previous = result.at(-1);
    if (previous !== undefined && first <= previous[1] + 1) previous[1] = Math.max(previous[1], last);
    else result.push([first, last]);
  }
  return result;
}

export function countOf(indexes: Indexes): number {
  return indexes.reduce((sum, [first, last]) => sum + last - first + 1, 0);
}

export function hasIndex(indexes: Indexes, index: number): boolean {
  let [low, high] = [0, indexes.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((indexes[middle]?.[1] ?? 0) < index) low = middle + 1;
    else high = middle;
  }
  const found = indexes[low];
  return found !== undefined && found[0] <= index;
}

/** How many indexes both have. */
export function countShared(a: Indexes, b: Indexes): number {
  let [shared, i, j] = [0, 0, 0];
  for (let [left, right] = [a[i], b[j]]; left !== undefined && right !== undefined; [left, right] = [a[i], b[j]]) {
    shared += Math.max(0, Math.min(left[1], right[1]) - Math.max(left[0], right[0]) + 1);
    if (left[1] <= right[1]) i += 1;
    if (right[1] <= left[1]) j += 1;
  }
  return shared;
}

/** The lowest indexes below `completions` that `taken` lacks, at most `count` of them. */
export function firstAbsent(taken: Indexes, count: number, completions: number): readonly number[] {
  const absent: number[] = [];
  let candidate = 0;
  for (const [first, last] of [...taken, [completions, completions] as const]) {
    for (; candidate < Math.min(first, completions) && absent.length < count; candidate += 1) absent.push(candidate);
    candidate = Math.max(candidate, last + 1);
  }
  return absent;
}
