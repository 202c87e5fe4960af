import { Deployment, ReplicaSet } from '../../machinery/kinds/apps.ts';
import { Pod } from '../../machinery/kinds/core.ts';
import { controllerOf } from '../../machinery/owner-references.ts';
import { isTerminal } from '../../machinery/pod/readiness.ts';
import { matches, selectorOf } from '../../machinery/selectors.ts';
import { ApiError } from '../../machinery/status.ts';
import { addressKey, keyOf } from '../../client/informer-store.ts';
import { referenceTo } from '../../client/events.ts';
import type { Caches } from '../caches.ts';
import { claim } from '../claim.ts';
import { defineController, owns, watching } from '../define.ts';
import { event, status, type Step } from '../steps.ts';
import { isRolling } from './fenceposts.ts';
import { createdCondition, isComplete, noteCondition, observe, openingConditions, plainStatus, rolloutStatus } from './progress.ts';
import { recreate } from './recreate.ts';
import { createStep, forget, newReplicaSet, syncRevision } from './revision.ts';
import { roll } from './rolling-update.ts';
import { arrange, type Rollout } from './rollout.ts';
import { isScaling, scale } from './scaling.ts';

/** Moves a Deployment's pods from its old templates to its present one, by way of one ReplicaSet per template. Source: "Deployments". */

export interface Observed {
  /** Its own, and those of the namespace that nobody manages. */
  readonly candidates: readonly ReplicaSet[];
  /** Pods that haven't ended, by the uid of their set. */
  readonly pods: ReadonlyMap<string, readonly Pod[]>;
}

export const deploymentController = defineController<Deployment, Observed>({
  name: 'deployment',
  primary: Deployment,
  watches: [
    owns(ReplicaSet, Deployment),
    watching(ReplicaSet, deploymentsWanting),
    // Only Recreate waits for pods themselves: until the last old one is gone.
    watching(Pod, deploymentOf, (_before, after) => after === undefined || isTerminal(after)),
  ],
  observe(deployment, { caches }) {
    const selector = selectorOf(deployment.spec?.selector);
    const own = caches.of(ReplicaSet).controlledBy(deployment.metadata?.uid ?? '');
    const orphans = caches.of(ReplicaSet).orphansIn(deployment.metadata?.namespace ?? '').filter((set) => matches(selector, set.metadata?.labels));
    const podsOf = (set: ReplicaSet): readonly Pod[] => caches.of(Pod).controlledBy(set.metadata?.uid ?? '').filter((pod) => !isTerminal(pod));
    return { candidates: [...own, ...orphans], pods: new Map(own.map((set) => [set.metadata?.uid ?? '', podsOf(set)])) };
  },
  plan,
  planFailure,
});

function deploymentsWanting(set: ReplicaSet, caches: Caches): readonly string[] {
  if (controllerOf(set.metadata) !== undefined) return [];
  return caches.of(Deployment).inNamespace(set.metadata?.namespace ?? '').filter((deployment) => matches(selectorOf(deployment.spec?.selector), set.metadata?.labels)).map(keyOf);
}

function deploymentOf(pod: Pod, caches: Caches): readonly string[] {
  const owner = controllerOf(pod.metadata);
  if (owner?.kind !== 'ReplicaSet') return [];
  const manager = controllerOf(caches.of(ReplicaSet).get(pod.metadata?.namespace, owner.name)?.metadata);
  return manager?.kind === 'Deployment' ? [addressKey(pod.metadata?.namespace, manager.name)] : [];
}

/** Pure: the next steps of the rollout. Each pass does one thing, and its own writes bring the next pass. */
export function plan(deployment: Deployment, observed: Observed, now: number): readonly Step[] {
  const { selector } = deployment.spec ?? {};
  if (Object.keys(selector?.matchLabels ?? {}).length === 0 && (selector?.matchExpressions ?? []).length === 0) {
    return [event(referenceTo(Deployment, deployment), 'Warning', 'SelectingAll', 'This deployment is selecting all pods. A non-empty selector is required.')];
  }
  const { claimed, steps } = claim({ kind: Deployment, object: deployment, selector: selectorOf(selector) }, ReplicaSet, observed.candidates);
  const rollout = arrange(deployment, claimed);
  return [...steps, ...planRollout(rollout, observed, now)];
}

function planRollout(rollout: Rollout, observed: Observed, now: number): readonly Step[] {
  const { deployment, current } = rollout;
  if (deployment.metadata?.deletionTimestamp !== undefined) return plainStatus(rollout, deployment.status?.conditions ?? [], now);
  const conditions = openingConditions(rollout, now);
  const noted = syncRevision(rollout);
  // It changes what everything else is planned on: the rest follows when the caches show it.
  if (noted.length > 0) return noted;
  if (deployment.spec?.paused === true) return [...scale(rollout), ...forget(rollout), ...plainStatus(rollout, conditions, now)];
  if (isScaling(rollout)) return [...scale(rollout), ...plainStatus(rollout, conditions, now)];
  if (!isRolling(deployment)) {
    const { steps, creates } = recreate(rollout, observed.pods);
    return [...steps, ...finish(rollout, steps, now), ...rolloutStatus(rollout, creates ? created(rollout, conditions, now) : conditions, now)];
  }
  if (current === undefined) return [createStep(rollout), ...rolloutStatus(rollout, created(rollout, conditions, now), now)];
  const steps = roll(rollout, current);
  return [...steps, ...finish(rollout, steps, now), ...rolloutStatus(rollout, conditions, now)];
}

function created(rollout: Rollout, conditions: ReturnType<typeof openingConditions>, now: number): ReturnType<typeof openingConditions> {
  return createdCondition(rollout.deployment, conditions, newReplicaSet(rollout).metadata?.name, now);
}

/** Old revisions go when the rollout is done. */
function finish(rollout: Rollout, steps: readonly Step[], now: number): readonly Step[] {
  return steps.length === 0 && isComplete(rollout.deployment, observe(rollout, [], now)) ? forget(rollout) : [];
}

/** The new set could not be made: its name was taken (count on, so that the next hash differs), or the API refused it (say why). */
export function planFailure(deployment: Deployment, observed: Observed, failure: unknown, now: number): readonly Step[] {
  if (!(failure instanceof ApiError) || failure.reason === 'Conflict') return [];
  const { claimed } = claim({ kind: Deployment, object: deployment, selector: selectorOf(deployment.spec?.selector) }, ReplicaSet, observed.candidates);
  const rollout = arrange(deployment, claimed);
  if (rollout.current !== undefined) return [];
  const seen = observe(rollout, openingConditions(rollout, now), now);
  if (failure.reason === 'AlreadyExists') {
    return [status(Deployment, deployment, { ...seen, collisionCount: (deployment.status?.collisionCount ?? 0) + 1 })];
  }
  const name = newReplicaSet(rollout).metadata?.name;
  const message = `Failed to create new replica set "${name}": ${failure.message}`;
  return [status(Deployment, deployment, { ...seen, conditions: noteCondition(seen.conditions ?? [], 'Progressing', 'False', 'ReplicaSetCreateError', message, now) })];
}

