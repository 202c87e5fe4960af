import { backoffMs } from '../../client/backoff.ts';

/**
 * How soon a DaemonSet's failed pods are replaced: the node refuses some at once, for as long as its cause lasts, and controller and node
 * would make and fail pods as fast as they can. Source: kube-controller-manager, back-off of failed daemon pods.
 */
export interface FailedPods {
  /**
   * Asks to replace a failed pod under `key` (one DaemonSet on one node) at `now` (milliseconds). 0: it may go at once, and the next one
   * under this key has to wait for longer. Otherwise the milliseconds until it may be asked again.
   */
  ask(key: string, now: number): number;
}

const firstMs = 1000;
const longestMs = 15 * 60_000;

export function createFailedPods(): FailedPods {
  const known = new Map<string, { readonly failures: number; readonly at: number }>();
  const forget = (now: number): void => {
    for (const [key, { at }] of known) if (now - at > 2 * longestMs) known.delete(key);
  };
  return {
    ask(key, now) {
      forget(now);
      const { failures, at } = known.get(key) ?? { failures: 0, at: -Infinity };
      const until = failures === 0 ? 0 : at + backoffMs(failures - 1, firstMs, longestMs) - now;
      if (until > 0) return until;
      known.set(key, { failures: failures + 1, at: now });
      return 0;
    },
  };
}
