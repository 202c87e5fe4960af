/** Lets callers wait until a cache has reached a revision. Revisions are decimal texts of up to 64 bits. */

export interface RevisionGate {
  /** '' before the first. */
  readonly revision: string;
  /** Moves forward (never back) and wakes who waited for it. */
  reach(revision: string): void;
  /** Resolves when the revision is reached; rejects with the signal's reason. */
  wait(revision: string, signal: AbortSignal): Promise<void>;
}

interface Waiter {
  readonly revision: bigint;
  readonly resolve: () => void;
}

export function createRevisionGate(): RevisionGate {
  let text = '';
  let reached = -1n;
  const waiters = new Set<Waiter>();
  return {
    get revision() {
      return text;
    },
    reach(revision) {
      const value = BigInt(revision);
      if (value <= reached) return;
      text = revision;
      reached = value;
      for (const waiter of waiters) if (waiter.revision <= value) waiter.resolve();
    },
    wait(revision, signal) {
      const value = BigInt(revision);
      if (value <= reached) return Promise.resolve();
      return new Promise((resolve, reject) => {
        if (signal.aborted) {
          reject(signal.reason);
          return;
        }
        const aborted = (): void => {
          waiters.delete(waiter);
          reject(signal.reason);
        };
        const waiter: Waiter = {
          revision: value,
          resolve: () => {
            waiters.delete(waiter);
            signal.removeEventListener('abort', aborted);
            resolve();
          },
        };
        waiters.add(waiter);
        signal.addEventListener('abort', aborted, { once: true });
      });
    },
  };
}
