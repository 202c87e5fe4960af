import type { Pod } from '../../machinery/kinds/core.ts';
import type { Nodes } from '../nodes/nodes.ts';
import type { Filter, Plugin, Prepared, Refusal, Scorer } from '../plugin.ts';
import type { Demand } from '../nodes/demand.ts';
import { pickFrom } from './pick.ts';
import { createVerdicts, type Verdicts } from './verdicts.ts';

/** Who refuses a row, and why. */
export interface Refused {
  readonly plugin: Plugin;
  readonly refusal: Refusal;
}

/** How the plug-ins judge a row for one class of pods. */
export interface Judge {
  /** The first to refuse the row, in the plug-ins' order; the row must have a node. */
  refused(row: number): Refused | undefined;
  /** The sum of what isn't normalised. */
  score(row: number): number;
  /** Raw scores of what is normalised over the nodes that take the pod, one each of `normalised`. */
  raw(row: number): readonly number[];
  readonly normalised: readonly Scorer[];
}

/** Pods that read the same to every plug-in, and so get the same answers. */
export interface PodClass {
  readonly text: string;
  readonly demand: Demand;
  /** The row to take, or -1 when none takes the pod. */
  pick(): number;
  /** Undefined: the row takes the pod. The row must have a node. */
  refused(row: number): Refused | undefined;
  /** May only these rows take the pod? The others are refused by `narrowedBy` without a look at them. */
  readonly narrow: readonly string[] | undefined;
  readonly narrowedBy: readonly Plugin[];
  /** Forgets the kept verdicts; they are built anew when needed. */
  forget(): void;
}

export function createPodClass(text: string, pod: Pod, plugins: readonly Plugin[], nodes: Nodes): PodClass {
  const prepared = plugins.flatMap((plugin) => {
    const own = plugin.prepare(pod, nodes);
    return own === undefined ? [] : [{ plugin, own }];
  });
  nodes.refer(prepared.flatMap(({ own }) => own.labels));
  const narrowing = prepared.filter(({ own }) => own.narrow !== undefined);
  const narrow = narrowing.length === 0 ? undefined : common(narrowing.map(({ own }) => own.narrow ?? []));
  const judge = judgeOf(prepared.map(({ own }) => own), nodes);
  let verdicts: Verdicts | undefined;
  const rowsOf = (names: readonly string[]): number[] => names.flatMap((name) => {
    const row = nodes.rowOf(name);
    return row === undefined || nodes.nodeAt(row) === undefined ? [] : [row];
  });
  return {
    text, narrow,
    narrowedBy: narrowing.map(({ plugin }) => plugin),
    demand: nodes.demands.of(pod),
    pick() {
      // Verdicts about every node are worth keeping only where many nodes are asked.
      if (narrow !== undefined) return pickFrom(judge, rowsOf(narrow));
      verdicts ??= createVerdicts(judge, nodes);
      return verdicts.pick();
    },
    refused: judge.refused,
    forget() {
      verdicts = undefined;
    },
  };
}

function common([first = [], ...others]: readonly (readonly string[])[]): readonly string[] {
  return first.filter((name) => others.every((names) => names.includes(name)));
}

function judgeOf(prepared: readonly Prepared[], nodes: Nodes): Judge {
  const filters = prepared.flatMap(({ filter }) => (filter === undefined ? [] : [filter]));
  const scorers = prepared.flatMap(({ scorer }) => (scorer === undefined ? [] : [scorer]));
  const normalised = scorers.filter(({ normalise }) => normalise !== 'none');
  const plain = scorers.filter(({ normalise }) => normalise === 'none');
  const shared = keptPerFlavour(nodes, (row) => ({
    refused: firstRefusal(filters.filter(({ scope }) => scope === 'flavour'), row),
    raw: normalised.map((scorer) => (scorer.scope === 'flavour' ? scorer.of(row) : 0)),
  }));
  const ofRow = filters.filter(({ scope }) => scope === 'row');
  const normalisedByRow = normalised.some(({ scope }) => scope === 'row');
  return {
    normalised,
    refused: (row) => shared(row).refused ?? firstRefusal(ofRow, row),
    score(row) {
      let sum = 0;
      for (const { weight, of } of plain) sum += weight * of(row);
      return sum;
    },
    raw: (row) => (normalisedByRow ? normalised.map((scorer, i) => (scorer.scope === 'row' ? scorer.of(row) : shared(row).raw[i] ?? 0)) : shared(row).raw),
  };
}

function firstRefusal(filters: readonly Filter[], row: number): Refused | undefined {
  for (const filter of filters) {
    const refusal = filter.refuse(row);
    if (refusal !== undefined) return { plugin: filter.plugin, refusal };
  }
  return undefined;
}

const mostFlavours = 16_384;

/** Judges each flavour once, by whichever of its rows comes first. */
function keptPerFlavour<V>(nodes: Nodes, judge: (row: number) => V): (row: number) => V {
  const kept = new Map<number, V>();
  // Neighbours are often of one flavour.
  let latest: { readonly flavour: number; readonly verdict: V } | undefined;
  const look = (flavour: number, row: number): V => {
    const known = kept.get(flavour);
    if (known !== undefined) return known;
    if (kept.size >= mostFlavours) kept.clear();
    const verdict = judge(row);
    kept.set(flavour, verdict);
    return verdict;
  };
  return (row) => {
    const flavour = nodes.flavourAt(row);
    if (latest?.flavour !== flavour) latest = { flavour, verdict: look(flavour, row) };
    return latest.verdict;
  };
}
