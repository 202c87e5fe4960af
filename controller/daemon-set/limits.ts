import type { DaemonSet } from '../../machinery/kinds/apps.ts';
import { resolve } from '../int-or-percent.ts';

/** How far a rolling update of a DaemonSet may go at a time. Source: "Perform a Rolling Update on a DaemonSet". */
export interface Limits {
  /** Nodes without an available pod. */
  readonly maxUnavailable: number;
  /** Nodes with a new pod beside an old one. */
  readonly maxSurge: number;
}

/** `nodes`: on how many a pod should be. */
export function limitsOf(set: DaemonSet, nodes: number): Limits {
  const { type, rollingUpdate } = set.spec?.updateStrategy ?? {};
  if (type === 'OnDelete') return { maxUnavailable: 0, maxSurge: 0 };
  const maxUnavailable = resolve(rollingUpdate?.maxUnavailable ?? 1, nodes, Math.ceil);
  const maxSurge = resolve(rollingUpdate?.maxSurge ?? 0, nodes, Math.ceil);
  // An update that may do nothing would never end.
  return maxUnavailable === 0 && maxSurge === 0 ? { maxUnavailable: 1, maxSurge } : { maxUnavailable, maxSurge };
}

/** May a node have an old and a new pod at a time? */
export function surges(set: DaemonSet): boolean {
  return set.spec?.updateStrategy?.type !== 'OnDelete' && resolve(set.spec?.updateStrategy?.rollingUpdate?.maxSurge, 1, Math.ceil) > 0;
}
