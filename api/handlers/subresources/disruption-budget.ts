import { setCondition, timestamp } from '../../../machinery/conditions.ts';
import type { Pod } from '../../../machinery/kinds/core.ts';
import type { PodDisruptionBudget } from '../../../machinery/kinds/policy.ts';
import type { Draft } from '../../../machinery/kinds/wire.ts';
import { isReady, isTerminal } from '../../../machinery/pod/readiness.ts';
import { matches, selectorOf } from '../../../machinery/selectors.ts';
import { failure, type ApiError } from '../../../machinery/status.ts';

/** May a pod be evicted? Source: "API-initiated eviction", "Unhealthy pod eviction policy"; wording: the eviction subresource of kube-apiserver. */

/** Evictions that the budget's controller has not confirmed yet; more means that it doesn't run. */
const mostUnconfirmed = 2000;
/** Until its controller has caught up. */
const settlingSeconds = 10;
const refusal = "Cannot evict pod as it would violate the pod's disruption budget.";

/** Pods that run nothing, or end already, are missed by nobody. */
export function isFreeToGo(pod: Pod): boolean {
  return isTerminal(pod) || pod.status?.phase === 'Pending' || pod.metadata?.deletionTimestamp !== undefined;
}

/** The one budget that covers the pod; undefined: none does. Throws 500 when several do. */
export function budgetOf<B extends { readonly object: PodDisruptionBudget }>(pod: Pod, budgets: Iterable<B>): B | undefined {
  const covering = [...budgets].filter(({ object: { spec } }) => spec?.selector !== undefined && matches(selectorOf(spec.selector), pod.metadata?.labels));
  if (covering.length > 1) throw failure('InternalError', 'This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.');
  return covering[0];
}

/** Does the budget let go of the pod without counting it, because it isn't ready? */
export function isUncounted(pod: Pod, { spec, status }: PodDisruptionBudget): boolean {
  if (isReady(pod)) return false;
  if (spec?.unhealthyPodEvictionPolicy === 'AlwaysAllow') return true;
  const { currentHealthy = 0, desiredHealthy = 0 } = status ?? {};
  return desiredHealthy > 0 && currentHealthy >= desiredHealthy;
}

/** The budget after the pod's eviction; `now` in milliseconds. Throws 429, 403. */
export function spend(budget: PodDisruptionBudget, podName: string, now: number): Draft<PodDisruptionBudget> {
  const { metadata, status } = budget;
  const name = metadata?.name ?? '';
  const allowed = status?.disruptionsAllowed ?? 0;
  if ((status?.observedGeneration ?? 0) < (metadata?.generation ?? 0)) throw tooMany(`The disruption budget ${name} is still being processed by the server.`, settlingSeconds);
  if (allowed < 0) throw forbiddenBudget(name, 'pdb disruptions allowed is negative');
  if (Object.keys(status?.disruptedPods ?? {}).length > mostUnconfirmed) throw forbiddenBudget(name, 'DisruptedPods map too big - too many evictions not confirmed by PDB controller');
  if (allowed === 0) throw tooMany(exhausted(budget), 0);
  const draft = structuredClone(budget) as Draft<PodDisruptionBudget>;
  const left = allowed - 1;
  draft.status = {
    currentHealthy: 0, desiredHealthy: 0, expectedPods: 0, ...draft.status,
    disruptionsAllowed: left, disruptedPods: { ...draft.status?.disruptedPods, [podName]: timestamp(now) },
  };
  if (left === 0) draft.status.conditions = withoutRoom(draft, now);
  return draft;
}

function withoutRoom({ metadata, status }: Draft<PodDisruptionBudget>, now: number) {
  const generation = metadata?.generation;
  const condition = {
    type: 'DisruptionAllowed', status: 'False', reason: 'InsufficientPods', message: '', lastTransitionTime: timestamp(now), ...(generation === undefined ? {} : { observedGeneration: generation }),
  };
  return [...setCondition(status?.conditions, condition, now)];
}

function exhausted({ metadata, status }: PodDisruptionBudget): string {
  const name = metadata?.name ?? '';
  const failed = status?.conditions?.find(({ type, status: is, reason }) => type === 'DisruptionAllowed' && is === 'False' && reason === 'SyncFailed');
  if (failed !== undefined) return `The disruption budget ${name} does not allow evicting pods currently because it failed sync: ${failed.message}`;
  return `The disruption budget ${name} needs ${status?.desiredHealthy ?? 0} healthy pods and has ${status?.currentHealthy ?? 0} currently`;
}

function tooMany(why: string, retryAfterSeconds: number): ApiError {
  return failure('TooManyRequests', refusal, { causes: [{ reason: 'DisruptionBudget', message: why }], ...(retryAfterSeconds === 0 ? {} : { retryAfterSeconds }) });
}

function forbiddenBudget(name: string, why: string): ApiError {
  return failure('Forbidden', `poddisruptionbudgets.policy ${JSON.stringify(name)} is forbidden: ${why}`, { name, group: 'policy', kind: 'poddisruptionbudgets' });
}
