/** Files of a volume at the same path, or at one below another. */

export interface Placed {
  readonly path: string;
  /** Where the file comes from, if that isn't clear: `Secret "a"`. */
  readonly source: string;
}

/** More are not told: each pair of equal paths is one. */
const maxTold = 32;

/** `"a/b" with "a"`, each pair once, in the order of `files`. */
export function overlaps(files: readonly Placed[]): string[] {
  if (files.length < 2) return [];
  const named = files.map(({ path, source }, place) => ({ place, path: path.replace(/\/+$/, ''), source })).filter(({ path }) => path !== '');
  // With the slash, what is below a path comes right behind it.
  const sorted = named.map((file) => ({ ...file, below: `${file.path}/` })).toSorted((a, b) => (a.below === b.below ? a.place - b.place : a.below < b.below ? -1 : 1));
  const pairs: { readonly later: (typeof sorted)[number]; readonly earlier: (typeof sorted)[number] }[] = [];
  const above: typeof sorted = [];
  for (const file of sorted) {
    while (above.length > 0 && !file.below.startsWith(above.at(-1)?.below ?? '')) above.pop();
    for (const other of above) pairs.push(other.place < file.place ? { later: file, earlier: other } : { later: other, earlier: file });
    if (pairs.length > maxTold) break;
    above.push(file);
  }
  return pairs.toSorted((a, b) => a.later.place - b.later.place || a.earlier.place - b.earlier.place).slice(0, maxTold).map(({ later, earlier }) => `${shown(later)} with ${shown(earlier)}`);
}

function shown({ path, source }: Placed): string {
  return source === '' ? JSON.stringify(path) : `${JSON.stringify(path)} (${source})`;
}
