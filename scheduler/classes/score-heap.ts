/**
 * Rows by score, the highest first, then the lowest row, in one array of doubles. Entries are not taken out when a row's score
 * changes: who reads the top checks it, and drops it when it is of the past.
 */
export interface ScoreHeap {
  readonly size: number;
  push(score: number, row: number): void;
  /** Of the top; -1 when empty. */
  topRow(): number;
  topScore(): number;
  drop(): void;
}

/** Rows a heap can tell apart; scores may go up to 2²⁹. */
const rowSpace = 2 ** 24;

export function createScoreHeap(): ScoreHeap {
  let keys = new Float64Array(64);
  let size = 0;
  const rise = (key: number): void => {
    let at = size;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = keys[parent] ?? 0;
      if (above >= key) break;
      keys[at] = above;
      at = parent;
    }
    keys[at] = key;
  };
  const sink = (key: number): void => {
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= size) break;
      if (child + 1 < size && (keys[child + 1] ?? 0) > (keys[child] ?? 0)) child += 1;
      const below = keys[child] ?? 0;
      if (below <= key) break;
      keys[at] = below;
      at = child;
    }
    keys[at] = key;
  };
  return {
    get size() {
      return size;
    },
    push(score, row) {
      if (size === keys.length) {
        const more = new Float64Array(size * 2);
        more.set(keys);
        keys = more;
      }
      rise(score * rowSpace + (rowSpace - 1 - row));
      size += 1;
    },
    topRow: () => (size === 0 ? -1 : rowSpace - 1 - ((keys[0] ?? 0) % rowSpace)),
    topScore: () => (size === 0 ? -1 : Math.floor((keys[0] ?? 0) / rowSpace)),
    drop() {
      size -= 1;
      if (size > 0) sink(keys[size] ?? 0);
    },
  };
}
