import type { Job } from '../../machinery/kinds/batch.ts';
import type { Pod } from '../../machinery/kinds/core.ts';
import { completionIndex, indexFailureCount, indexIgnoredFailureCount, trackingFinalizer } from './names.ts';

/** What a Job's pods say of themselves. Source: "Jobs: handling Pod and container failures", "Jobs: pod replacement policy". */

export function isTracked(pod: Pod): boolean {
  return (pod.metadata?.finalizers ?? []).includes(trackingFinalizer);
}

export function isIndexed({ spec }: Job): boolean {
  return spec?.completionMode === 'Indexed';
}

/** Pods that are being deleted are waited for, rather than replaced at once. */
export function replacesOnlyFailed({ spec }: Job): boolean {
  return spec?.podReplacementPolicy === 'Failed' || spec?.podFailurePolicy !== undefined;
}

/** A pod that is being deleted may never come to say how it ended: it counts as failed, unless the Job waits for it. */
export function isFailed(pod: Pod, job: Job): boolean {
  if (pod.status?.phase === 'Failed') return true;
  return !replacesOnlyFailed(job) && pod.metadata?.deletionTimestamp !== undefined && pod.status?.phase !== 'Succeeded';
}

export function indexOf(pod: Pod): number | undefined {
  return wholeNumber(pod, completionIndex);
}

/** Has the pod a place in its Job? Those of Indexed Jobs need an index that the Job has. */
export function hasPlace(pod: Pod, job: Job): boolean {
  if (!isIndexed(job)) return true;
  const index = indexOf(pod);
  return index !== undefined && index < (job.spec?.completions ?? 0);
}

/** Failures of the pod's index before it: those that count, and those that the failure policy ignored. */
export function failuresBefore(pod: Pod): { readonly counted: number; readonly ignored: number } {
  return { counted: wholeNumber(pod, indexFailureCount) ?? 0, ignored: wholeNumber(pod, indexIgnoredFailureCount) ?? 0 };
}

export function allFailures(pod: Pod): number {
  const { counted, ignored } = failuresBefore(pod);
  return counted + ignored;
}

/** Users may have written anything there. */
function wholeNumber(pod: Pod, annotation: string): number | undefined {
  const text = pod.metadata?.annotations?.[annotation] ?? '';
  const number = /^\d{1,10}$/.test(text) ? Number(text) : undefined;
  return number !== undefined && number < 2 ** 31 ? number : undefined;
}

/**
 * When the pod's last container ended (milliseconds); of pods whose containers never said so, when its end was asked for, or
 * the last that is known of it. It stays the same however often it is asked, so that what waits for it comes to an end.
 */
export function endedAt(pod: Pod): number {
  const { metadata, status } = pod;
  const ends = (status?.containerStatuses ?? []).map(({ state }) => Date.parse(state?.terminated?.finishedAt ?? ''));
  if (ends.length > 0 && ends.every((end) => !Number.isNaN(end))) return Math.max(...ends);
  if (metadata?.deletionTimestamp !== undefined) return Date.parse(metadata.deletionTimestamp) - (metadata.deletionGracePeriodSeconds ?? 0) * 1000;
  const known = [metadata?.creationTimestamp, ...(status?.conditions ?? []).map(({ lastTransitionTime }) => lastTransitionTime)];
  return Math.max(0, ...known.map((time) => Date.parse(time ?? '')).filter((time) => !Number.isNaN(time)));
}
