import type { Pod } from '../machinery/kinds/core.ts';
import { availableSince } from '../machinery/pod/readiness.ts';
import { requeueAfter, type Step } from './steps.ts';

/** A pod becomes available without any event: by having been ready for long enough. The answer plans again at the next such instant. `now` in milliseconds. */
export function untilAvailable(pods: readonly Pod[], minReadySeconds: number, now: number): readonly Step[] {
  const waits = pods.flatMap((pod) => {
    const since = availableSince(pod, minReadySeconds);
    return since === undefined || since <= now ? [] : [since - now];
  });
  return waits.length === 0 ? [] : [requeueAfter(Math.min(...waits))];
}
