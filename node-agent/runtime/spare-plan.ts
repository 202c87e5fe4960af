/**
 * Of which kind the next sandbox made ahead is to be. A sandbox can't change its QoS class, as what runs in a cgroup can't be
 * moved for nothing, so spares have a class; there are no more of them than if they had none, and they follow what was asked last. Pure.
 */
export interface SparePlan<K> {
  /** The kind of which one more is to be made. */
  readonly make: K;
  /** The kind of which one is to make room for it; undefined: there is room. */
  readonly end?: K;
}

/**
 * `asked`: the kinds that were taken last, one for each spare that there may be: their share is the spares' share. `spares`: the
 * kinds of those there are. Undefined: they do. A spare of a kind that nobody has asked for lately makes room for one that somebody
 * has; others only for a kind that has none, or changing times would cost a sandbox for each that is taken.
 */
export function planSpare<K>(asked: readonly K[], spares: readonly K[]): SparePlan<K> | undefined {
  const lackOf = (kind: K): number => count(asked, kind) - count(spares, kind);
  const lacking = [...new Set(asked)].filter((kind) => lackOf(kind) > 0);
  // One of each before a second of any.
  const make = lacking.find((kind) => !spares.includes(kind)) ?? lacking.toSorted((one, other) => lackOf(other) - lackOf(one))[0];
  if (make === undefined) return undefined;
  if (spares.length < asked.length) return { make };
  const end = spares.find((kind) => !asked.includes(kind)) ?? (spares.includes(make) ? undefined : spares.find((kind) => lackOf(kind) < 0));
  return end === undefined ? undefined : { make, end };
}

function count<K>(all: readonly K[], kind: K): number {
  return all.filter((each) => each === kind).length;
}
