/** How many pods a budget expects, by the scale of the workloads that manage them. Pure. Source: "Specifying a Disruption Budget". */
import type { Pod } from '../../machinery/kinds/core.ts';
import type { PodDisruptionBudget } from '../../machinery/kinds/policy.ts';
import { controllerOf } from '../../machinery/owner-references.ts';
import { resolve } from '../int-or-percent.ts';

/** A workload's wish; undefined: it is no workload that this cluster knows, or it is gone. */
export type ScaleOf = (namespace: string, owner: { readonly apiVersion: string; readonly kind: string; readonly name: string; readonly uid: string }) => Scale | undefined;

export interface Scale {
  readonly uid: string;
  readonly replicas: number;
}

export interface Expectation {
  readonly expected: number;
  readonly desiredHealthy: number;
}

/** The text says why there is no telling. */
export function expectation({ spec }: PodDisruptionBudget, pods: readonly Pod[], scaleOf: ScaleOf): Expectation | string {
  const { maxUnavailable, minAvailable } = spec ?? {};
  if (maxUnavailable !== undefined) {
    const expected = expectedScale(pods, scaleOf);
    return typeof expected === 'string' ? expected : { expected, desiredHealthy: Math.max(0, expected - resolve(maxUnavailable, expected, Math.ceil)) };
  }
  if (typeof minAvailable === 'number') return { expected: pods.length, desiredHealthy: minAvailable };
  if (minAvailable === undefined) return { expected: pods.length, desiredHealthy: 0 };
  const expected = expectedScale(pods, scaleOf);
  return typeof expected === 'string' ? expected : { expected, desiredHealthy: resolve(minAvailable, expected, Math.ceil) };
}

function expectedScale(pods: readonly Pod[], scaleOf: ScaleOf): number | string {
  const scales = new Map<string, number>();
  for (const pod of pods) {
    const owner = controllerOf(pod.metadata);
    const { name = '', namespace = '' } = pod.metadata ?? {};
    if (owner === undefined) return `found no controller ref for pod ${JSON.stringify(name)}`;
    const scale = scaleOf(namespace, owner);
    if (scale === undefined) return `found no controllers for pod ${JSON.stringify(name)}`;
    scales.set(scale.uid, scale.replicas);
  }
  return [...scales.values()].reduce((sum, replicas) => sum + replicas, 0);
}
