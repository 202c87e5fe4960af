import type { Pod } from '../../machinery/kinds/core.ts';
import type { Step } from '../steps.ts';
import { desiredReplicas } from './fenceposts.ts';
import { createStep } from './revision.ts';
import { isInUse, scaleTo, totalOf, type Rollout } from './rollout.ts';

/** All old pods end before the first new one starts. Source: "Deployments", Recreate Deployment. */
export function recreate(rollout: Rollout, pods: ReadonlyMap<string, readonly Pod[]>): { readonly steps: readonly Step[]; readonly creates: boolean } {
  const { deployment, current, old } = rollout;
  const inUse = old.filter(isInUse);
  if (inUse.length > 0) return { steps: inUse.flatMap((set) => scaleTo(deployment, set, 0)), creates: false };
  const remaining = totalOf(old, 'replicas') > 0 || old.some((set) => (pods.get(set.metadata?.uid ?? '') ?? []).length > 0);
  if (remaining) return { steps: [], creates: false };
  if (current === undefined) return { steps: [createStep(rollout)], creates: true };
  return { steps: scaleTo(deployment, current, desiredReplicas(deployment)), creates: false };
}
