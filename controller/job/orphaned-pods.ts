import { Job } from '../../machinery/kinds/batch.ts';
import { Pod } from '../../machinery/kinds/core.ts';
import { controllerOf } from '../../machinery/owner-references.ts';
import { isReason } from '../../machinery/status.ts';
import type { Client } from '../../client/client.ts';
import { keyOf } from '../../client/informer-store.ts';
import type { Caches } from '../caches.ts';
import { defineController, watching } from '../define.ts';
import type { Step } from '../steps.ts';
import { isFinished } from './conditions.ts';
import { isTracked } from './ended-pods.ts';
import { isOurs } from './job.ts';
import { release } from './manage.ts';

/** Lets pods go that wait to be counted by a Job that is gone or over. Source: "Jobs: job tracking with finalizers". */

export interface Observed {
  /** The one that manages the pod. */
  readonly job: Job | undefined;
}

export const orphanedJobPodController = defineController<Pod, Observed>({
  name: 'orphaned-job-pods',
  component: 'job-controller',
  primary: Pod,
  selects: isTracked,
  watches: [watching(Job, podsOf, (_before, after) => after === undefined || isFinished(after))],
  observe: async (pod, { caches, client, signal }) => ({ job: await jobOf(pod, caches, client, signal) }),
  plan,
});

function podsOf(job: Job, caches: Caches): readonly string[] {
  return caches.of(Pod).controlledBy(job.metadata?.uid ?? '').filter(isTracked).map(keyOf);
}

/** That a Job is gone is asked of the API itself: a cache that lags must not lose count of a pod. */
async function jobOf({ metadata }: Pod, caches: Caches, client: Client, signal: AbortSignal): Promise<Job | undefined> {
  const owner = controllerOf(metadata);
  if (owner?.kind !== Job.kind) return undefined;
  const { namespace = '' } = metadata ?? {};
  const cached = caches.of(Job).get(namespace, owner.name);
  if (cached?.metadata?.uid === owner.uid) return cached;
  try {
    const live = await client.get(Job, { namespace, name: owner.name }, signal);
    return live.metadata?.uid === owner.uid ? live : undefined;
  } catch (error) {
    if (isReason(error, 'NotFound')) return undefined;
    throw error;
  }
}

/** Pure. */
export function plan(pod: Pod, { job }: Observed): readonly Step[] {
  const owner = controllerOf(pod.metadata);
  const isAnothers = owner !== undefined && owner.kind !== Job.kind;
  if (!isTracked(pod) || isAnothers) return [];
  return job === undefined || (isOurs(job) && isFinished(job)) ? [release(pod)] : [];
}
