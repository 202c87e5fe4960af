import type { Taint, Toleration } from '../kinds/core.ts';

/** Which taints a pod puts up with, and for how long. Source: "Taints and Tolerations". */

type TaintLike = Pick<Taint, 'key' | 'effect' | 'value'>;

/** Does one toleration cover the taint? An empty key with `Exists` covers every key, an empty effect every effect. */
function toleratesTaint(toleration: Toleration, taint: TaintLike): boolean {
  if ((toleration.effect ?? '') !== '' && toleration.effect !== taint.effect) return false;
  if ((toleration.key ?? '') !== '' && toleration.key !== taint.key) return false;
  switch (toleration.operator ?? 'Equal') {
    case 'Exists': return true;
    case 'Equal':
    case '': return (toleration.key ?? '') !== '' && (toleration.value ?? '') === (taint.value ?? '');
    default: return false;
  }
}

export function tolerates(tolerations: readonly Toleration[] | undefined, taint: TaintLike): boolean {
  return (tolerations ?? []).some((toleration) => toleratesTaint(toleration, taint));
}

/**
 * How long (seconds) a pod may stay on a node with these `NoExecute` taints: 0 when one isn't tolerated, Infinity when all are for
 * ever, else the shortest `tolerationSeconds` of the tolerations in use.
 */
export function staysFor(tolerations: readonly Toleration[] | undefined, taints: readonly TaintLike[]): number {
  let shortest = Infinity;
  for (const taint of taints.filter(({ effect }) => effect === 'NoExecute')) {
    const covering = (tolerations ?? []).filter((toleration) => toleratesTaint(toleration, taint));
    if (covering.length === 0) return 0;
    for (const { tolerationSeconds } of covering) shortest = Math.min(shortest, Math.max(0, tolerationSeconds ?? Infinity));
  }
  return shortest;
}
