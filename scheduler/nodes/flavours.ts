import type { Node } from '../../machinery/kinds/core.ts';

/** The label that differs on every node: it is never part of a flavour. */
export const hostnameLabel = 'kubernetes.io/hostname';

/**
 * What many nodes have in common: their referenced labels, taints and cordon, interned to a number. Verdicts that depend on
 * nothing else are kept per number; a number is never given to something else.
 */
export interface Flavours {
  of(node: Node): number;
  /** Makes labels part of flavours; true when some are new, and every node's flavour must be asked again. */
  refer(labels: readonly string[]): boolean;
}

/** The flavour of each row; -1 where there is no node. */
export interface FlavourColumn {
  at(row: number): number;
  set(row: number, flavour: number): void;
}

export function createFlavourColumn(): FlavourColumn {
  let column = new Int32Array(64).fill(-1);
  return {
    at: (row) => column[row] ?? -1,
    set(row, flavour) {
      if (row >= column.length) {
        const more = new Int32Array(2 * row).fill(-1);
        more.set(column);
        column = more;
      }
      column[row] = flavour;
    },
  };
}

export function createFlavours(): Flavours {
  const referenced = new Set<string>();
  const numbers = new Map<string, number>();
  let next = 0;
  return {
    of({ metadata, spec }) {
      const labels = [...referenced].map((key) => metadata?.labels?.[key] ?? null);
      const taints = (spec?.taints ?? []).map(({ key, value, effect }) => [key, value ?? '', effect]);
      const text = JSON.stringify([labels, taints, spec?.unschedulable === true]);
      const known = numbers.get(text);
      if (known !== undefined) return known;
      // Forgetting costs a judgement per class, nothing else: old numbers stay true of the nodes that bear them.
      if (numbers.size >= mostRemembered) numbers.clear();
      numbers.set(text, next);
      next += 1;
      return next - 1;
    },
    refer(labels) {
      const news = labels.filter((label) => label !== hostnameLabel && !referenced.has(label));
      for (const label of news) referenced.add(label);
      // Texts of before have no place for the new labels.
      if (news.length > 0) numbers.clear();
      return news.length > 0;
    },
  };
}

const mostRemembered = 65_536;
