import type { Scorer } from '../plugin.ts';
import type { Judge } from './pod-class.ts';

/** A node that takes the pod, or the best of several that get the same raw scores. */
export interface Candidate {
  readonly row: number;
  readonly score: number;
  readonly raw: readonly number[];
}

/** The best row: the highest total score, then the lowest row; -1 when there is no candidate. */
export function best(candidates: readonly Candidate[], normalised: readonly Scorer[]): number {
  const greatest = normalised.map((_, i) => candidates.reduce((most, { raw }) => Math.max(most, raw[i] ?? 0), 0));
  let [bestRow, bestScore] = [-1, -1];
  for (const { row, score, raw } of candidates) {
    let total = score;
    for (const [i, scorer] of normalised.entries()) total += scorer.weight * normalise(scorer, raw[i] ?? 0, greatest[i] ?? 0);
    if (total > bestScore || (total === bestScore && row < bestRow)) [bestRow, bestScore] = [row, total];
  }
  return bestRow;
}

/** 0 to 100. Source: kube-scheduler, default score normalisation. */
function normalise({ normalise: how }: Scorer, raw: number, greatest: number): number {
  const share = greatest === 0 ? 0 : Math.floor((raw * 100) / greatest);
  return how === 'greatest-reversed' ? 100 - share : share;
}

/** Looks at every one of the rows, each of which must have a node. */
export function pickFrom(judge: Judge, rows: readonly number[]): number {
  const candidates = rows.flatMap((row) => (judge.refused(row) === undefined ? [{ row, score: judge.score(row), raw: judge.raw(row) }] : []));
  return best(candidates, judge.normalised);
}
