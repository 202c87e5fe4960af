import type { Revision } from './store.ts';

/** Who waits for a revision to become visible. */
export interface Waiters {
  wait(revision: Revision, signal: AbortSignal): Promise<void>;
  reached(revision: Revision): void;
  end(error: Error): void;
}

interface Waiter {
  readonly revision: Revision;
  readonly finish: (error?: Error) => void;
}

export function createWaiters(): Waiters {
  const waiters = new Set<Waiter>();

  return {
    wait(revision, signal) {
      return new Promise((resolve, reject) => {
        if (signal.aborted) return reject(reasonOf(signal));
        const onAbort = (): void => waiter.finish(reasonOf(signal));
        const waiter: Waiter = {
          revision,
          finish(error) {
            waiters.delete(waiter);
            signal.removeEventListener('abort', onAbort);
            if (error === undefined) resolve();
            else reject(error);
          },
        };
        waiters.add(waiter);
        signal.addEventListener('abort', onAbort);
      });
    },
    reached(revision) {
      for (const waiter of waiters) if (waiter.revision <= revision) waiter.finish();
    },
    end(error) {
      for (const waiter of waiters) waiter.finish(error);
    },
  };
}

function reasonOf(signal: AbortSignal): Error {
  return signal.reason instanceof Error ? signal.reason : new Error(String(signal.reason));
}
