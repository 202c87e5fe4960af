/**
 * One ring of the rows that changed, for all who keep verdicts about rows: a reader remembers the count up to which it has read.
 * What a reader missed for so long that the ring has come round is lost, and it is told so.
 */
export interface Changes {
  /** Changes so far. */
  readonly head: number;
  mark(row: number): void;
  /**
   * Visits the rows that changed since `seen`, each once. False, and nothing visited, when more than `most` entries have to be
   * read or the ring has come round: reading everything anew is cheaper then, or needed.
   */
  since(seen: number, most: number, visit: (row: number) => void): boolean;
}

const smallest = 1024;

export function createChanges(): Changes {
  let head = 0;
  let ring = new Int32Array(smallest);
  let mask = smallest - 1;
  /** Everything before is lost: the ring grew. */
  let tail = 0;
  /** By row: the count of its last change. */
  let last = new Float64Array(smallest);

  const grow = (row: number): void => {
    const capacity = 2 ** Math.ceil(Math.log2((row + 1) * 2));
    const more = new Float64Array(capacity);
    more.set(last);
    last = more;
    ring = new Int32Array(capacity);
    mask = capacity - 1;
    tail = head;
  };
  return {
    get head() {
      return head;
    },
    mark(row) {
      if (row >= last.length) grow(row);
      ring[head & mask] = row;
      last[row] = head;
      head += 1;
    },
    since(seen, most, visit) {
      if (seen < tail || head - seen > Math.min(most, ring.length)) return false;
      // What `visit` does must not mark: it only reads.
      for (let at = seen; at < head; at += 1) {
        const row = ring[at & mask] ?? 0;
        if (last[row] === at) visit(row);
      }
      return true;
    },
  };
}
