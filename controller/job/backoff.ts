import type { Job } from '../../machinery/kinds/batch.ts';
import type { Pod } from '../../machinery/kinds/core.ts';
import { allFailures, endedAt, hasPlace, isFailed } from './ended-pods.ts';

/**
 * How long a Job waits before it replaces a failed pod: 10 s, doubling with each failure in a row up to 10 minutes. Told by the
 * pods themselves, so that a restart forgets nothing. Source: "Jobs: pod backoff failure policy".
 */

const firstMs = 10_000;
const longestMs = 600_000;

/** Milliseconds until the next pod may be made; 0 or less: now. Failures count since the last success. */
export function backoffLeft(job: Job, pods: readonly Pod[], now: number): number {
  const placed = pods.filter((pod) => hasPlace(pod, job));
  const lastSuccess = Math.max(0, ...placed.filter(({ status }) => status?.phase === 'Succeeded').map(endedAt));
  const failures = placed.filter((pod) => isFailed(pod, job)).map(endedAt).filter((at) => at > lastSuccess);
  return left(failures.length, Math.max(0, ...failures), now);
}

/** The same for one index, given its last failed pod. */
export function indexBackoffLeft(failed: Pod | undefined, now: number): number {
  if (failed === undefined) return 0;
  return left(allFailures(failed) + 1, endedAt(failed), now);
}

function left(failures: number, lastAt: number, now: number): number {
  return failures === 0 ? 0 : lastAt + Math.min(longestMs, firstMs * 2 ** (failures - 1)) - now;
}
