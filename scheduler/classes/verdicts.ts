import type { Nodes } from '../nodes/nodes.ts';
import { best, type Candidate } from './pick.ts';
import type { Judge } from './pod-class.ts';
import { createScoreHeap, type ScoreHeap } from './score-heap.ts';

/**
 * What one class of pods thinks of every row, kept up to date by the ring of changes: a pick looks only at rows that changed
 * since the last. Scores that belong to a row alone order a heap; those that are normalised over all nodes make the group that the
 * row is in, and are weighed between the tops of the groups, which is exact.
 */
export interface Verdicts {
  /** The row to take; -1 when none takes the pod. */
  pick(): number;
}

interface Group {
  readonly raw: readonly number[];
  readonly heap: ScoreHeap;
}

/** A row without a node, or that refuses the pod. */
const refused = -1;

export function createVerdicts(judge: Judge, nodes: Nodes): Verdicts {
  let scores = new Int32Array(0);
  let groupOf = new Int32Array(0);
  let groups: Group[] = [];
  let groupNumbers = new Map<string, number>();
  let seen = -1;

  // Rows of one flavour bring the very same array, mostly one after the other.
  let latest: { readonly raw: readonly number[]; readonly group: number } | undefined;
  const groupFor = (raw: readonly number[]): number => {
    if (latest?.raw !== raw) latest = { raw, group: groupOfScores(raw) };
    return latest.group;
  };
  const groupOfScores = (raw: readonly number[]): number => {
    const key = raw.join();
    const known = groupNumbers.get(key);
    if (known !== undefined) return known;
    groupNumbers.set(key, groups.length);
    return groups.push({ raw, heap: createScoreHeap() }) - 1;
  };
  const update = (row: number): void => {
    const takes = nodes.flavourAt(row) >= 0 && judge.refused(row) === undefined;
    const score = takes ? judge.score(row) : refused;
    const group = takes ? groupFor(judge.raw(row)) : 0;
    if (scores[row] === score && groupOf[row] === group) return;
    scores[row] = score;
    groupOf[row] = group;
    if (takes) groups[group]?.heap.push(score, row);
  };
  const rebuild = (): void => {
    scores = new Int32Array(nodes.rows).fill(refused);
    groupOf = new Int32Array(nodes.rows);
    groups = [];
    groupNumbers = new Map();
    latest = undefined;
    for (let row = 0; row < nodes.rows; row += 1) update(row);
  };
  const catchUp = (): void => {
    const { changes, rows } = nodes;
    if (seen === changes.head) return;
    const grew = rows > scores.length;
    if (seen < 0 || grew || isStale(groups, scores.length) || !changes.since(seen, rows, update)) rebuild();
    seen = changes.head;
  };
  /** Drops what is of the past; the row at the top, or -1. */
  const top = (number: number, heap: ScoreHeap): number => {
    for (;;) {
      const row = heap.topRow();
      if (row < 0 || (scores[row] === heap.topScore() && groupOf[row] === number)) return row;
      heap.drop();
    }
  };
  return {
    pick() {
      catchUp();
      const [only] = groups;
      if (groups.length === 1 && only !== undefined) return top(0, only.heap);
      const candidates: Candidate[] = [];
      for (const [number, { heap, raw }] of groups.entries()) {
        const row = top(number, heap);
        if (row >= 0) candidates.push({ row, score: heap.topScore(), raw });
      }
      return best(candidates, judge.normalised);
    },
  };
}

/** Have heaps filled up with entries of the past, or groups been left empty? */
function isStale(groups: readonly Group[], rows: number): boolean {
  let size = groups.length;
  for (const { heap } of groups) size += heap.size;
  return size > 4 * rows + 64;
}
