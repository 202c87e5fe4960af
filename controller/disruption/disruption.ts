import { keyOf } from '../../client/informer-store.ts';
import { referenceTo } from '../../client/events.ts';
import { setCondition } from '../../machinery/conditions.ts';
import { Deployment, ReplicaSet, StatefulSet } from '../../machinery/kinds/apps.ts';
import { Pod, ReplicationController } from '../../machinery/kinds/core.ts';
import type { KubernetesObject } from '../../machinery/kinds/kind.ts';
import { PodDisruptionBudget } from '../../machinery/kinds/policy.ts';
import { controllerOf } from '../../machinery/owner-references.ts';
import { isReady, isTerminal } from '../../machinery/pod/readiness.ts';
import { matches, selectorOf } from '../../machinery/selectors.ts';
import type { Caches } from '../caches.ts';
import { defineController, watching } from '../define.ts';
import { event, requeueAfter, status, type Step } from '../steps.ts';
import { expectation, type Expectation, type Scale, type ScaleOf } from './expected.ts';

/** Counts for each disruption budget how many of its pods may go. Source: "Disruptions". */

/** An eviction that was granted and not carried out by then counts no more. Milliseconds. */
const evictionMs = 120_000;

type Status = NonNullable<PodDisruptionBudget['status']>;

export interface Observed {
  /** Those that the budget covers and that have not ended. */
  readonly pods: readonly Pod[];
  readonly scaleOf: ScaleOf;
}

export const disruptionController = defineController<PodDisruptionBudget, Observed>({
  name: 'disruption',
  component: 'controllermanager',
  primary: PodDisruptionBudget,
  watches: [
    watching(Pod, (pod, caches) => caches.of(PodDisruptionBudget).inNamespace(pod.metadata?.namespace ?? '').filter((budget) => covers(budget, pod)).map(keyOf)),
    ...[Deployment, ReplicaSet, ReplicationController, StatefulSet].map((kind) => watching(kind, budgetsNear, scaleChanged)),
  ],
  observe: (budget, { caches }) => ({
    pods: caches.of(Pod).inNamespace(budget.metadata?.namespace ?? '').filter((pod) => covers(budget, pod) && !isTerminal(pod)),
    scaleOf: (namespace, owner) => scaleOf(caches, namespace, owner),
  }),
  plan,
});

function covers({ spec }: PodDisruptionBudget, pod: Pod): boolean {
  return spec?.selector !== undefined && matches(selectorOf(spec.selector), pod.metadata?.labels);
}

/** A workload may be any budget's of its namespace. */
function budgetsNear(workload: KubernetesObject, caches: Caches): readonly string[] {
  return caches.of(PodDisruptionBudget).inNamespace(workload.metadata?.namespace ?? '').map(keyOf);
}

function scaleChanged(before: KubernetesObject | undefined, after: KubernetesObject | undefined): boolean {
  return before?.metadata?.generation !== after?.metadata?.generation;
}

/** A ReplicaSet of a Deployment counts as the Deployment. */
function scaleOf(caches: Caches, namespace: string, owner: Parameters<ScaleOf>[1]): Scale | undefined {
  const found = (object: { readonly metadata?: { readonly uid?: string }; readonly spec?: { readonly replicas?: number } } | undefined): Scale | undefined =>
    (object?.metadata?.uid === owner.uid ? { uid: owner.uid, replicas: object.spec?.replicas ?? 1 } : undefined);
  switch (owner.kind) {
    case 'ReplicaSet': {
      const set = caches.of(ReplicaSet).get(namespace, owner.name);
      const above = controllerOf(set?.metadata);
      const deployment = above?.kind === 'Deployment' ? caches.of(Deployment).get(namespace, above.name) : undefined;
      if (deployment !== undefined && set?.metadata?.uid === owner.uid) return { uid: deployment.metadata?.uid ?? '', replicas: deployment.spec?.replicas ?? 1 };
      return found(set);
    }
    case 'StatefulSet': return found(caches.of(StatefulSet).get(namespace, owner.name));
    case 'ReplicationController': return found(caches.of(ReplicationController).get(namespace, owner.name));
    default: return undefined;
  }
}

/** Pure. */
export function plan(budget: PodDisruptionBudget, { pods, scaleOf: scale }: Observed, now: number): readonly Step[] {
  if (budget.metadata?.deletionTimestamp !== undefined) return [];
  const expected = expectation(budget, pods, scale);
  if (typeof expected === 'string') return failed(budget, expected, now);
  const granted = stillGranted(budget, pods, now);
  const waits = Object.values(granted).map((at) => Date.parse(at) + evictionMs - now);
  return [
    status(PodDisruptionBudget, budget, statusOf(budget, expected, pods, granted, now)),
    ...(waits.length === 0 ? [] : [requeueAfter(Math.max(1, Math.min(...waits)))]),
  ];
}

function statusOf(budget: PodDisruptionBudget, { expected, desiredHealthy }: Expectation, pods: readonly Pod[], granted: Readonly<Record<string, string>>, now: number): Status {
  const currentHealthy = pods.filter((pod) => isReady(pod) && pod.metadata?.deletionTimestamp === undefined && granted[pod.metadata?.name ?? ''] === undefined).length;
  const disruptionsAllowed = expected <= 0 ? 0 : Math.max(0, currentHealthy - desiredHealthy);
  return {
    ...generationOf(budget), currentHealthy, desiredHealthy, disruptionsAllowed, expectedPods: expected,
    ...(Object.keys(granted).length === 0 ? {} : { disruptedPods: granted }),
    conditions: withAllowed(budget, disruptionsAllowed > 0 ? { status: 'True', reason: 'SufficientPods', message: '' } : { status: 'False', reason: 'InsufficientPods', message: '' }, now),
  };
}

/** Evictions whose pods are there still, and aren't going yet. */
function stillGranted({ status: given }: PodDisruptionBudget, pods: readonly Pod[], now: number): Readonly<Record<string, string>> {
  const staying = new Set(pods.filter(({ metadata }) => metadata?.deletionTimestamp === undefined).map(({ metadata }) => metadata?.name ?? ''));
  return Object.fromEntries(Object.entries(given?.disruptedPods ?? {}).filter(([name, at]) => staying.has(name) && Date.parse(at) + evictionMs > now));
}

/** Nobody may go while there is no telling how many there should be. */
function failed(budget: PodDisruptionBudget, why: string, now: number): readonly Step[] {
  const before: Status = { currentHealthy: 0, desiredHealthy: 0, expectedPods: 0, ...budget.status, disruptionsAllowed: 0 };
  return [
    event(referenceTo(PodDisruptionBudget, budget), 'Warning', 'CalculateExpectedPodCountFailed', `Failed to calculate the number of expected pods: ${why}`),
    status(PodDisruptionBudget, budget, { ...before, ...generationOf(budget), conditions: withAllowed(budget, { status: 'False', reason: 'SyncFailed', message: why }, now) }),
  ];
}

function generationOf({ metadata }: PodDisruptionBudget): Pick<Status, 'observedGeneration'> {
  return metadata?.generation === undefined ? {} : { observedGeneration: metadata.generation };
}

function withAllowed(budget: PodDisruptionBudget, condition: { readonly status: string; readonly reason: string; readonly message: string }, now: number): NonNullable<Status['conditions']> {
  const present = budget.status?.conditions?.find(({ type }) => type === 'DisruptionAllowed');
  const same = present !== undefined && present.status === condition.status && present.reason === condition.reason && present.message === condition.message;
  if (same && present.observedGeneration === budget.metadata?.generation) return budget.status?.conditions ?? [];
  const since = new Date(now).toISOString().replace(/\.\d+Z$/, 'Z');
  const lastTransitionTime = present !== undefined && present.status === condition.status ? present.lastTransitionTime : since;
  return setCondition(budget.status?.conditions, { type: 'DisruptionAllowed', ...condition, lastTransitionTime, ...generationOf(budget) }, now);
}
