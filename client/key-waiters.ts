/** Lets callers wait until the object under a key is as they want it. */
export interface KeyWaiters<T> {
  wait(key: string, condition: (object: T | undefined) => boolean, present: T | undefined, signal: AbortSignal): Promise<void>;
  /** The object under the key is now this one. */
  seen(key: string, object: T | undefined): void;
}

type Waiter<T> = (object: T | undefined) => void;

export function createKeyWaiters<T>(): KeyWaiters<T> {
  const waiters = new Map<string, Set<Waiter<T>>>();
  const remove = (key: string, waiter: Waiter<T>): void => {
    const found = waiters.get(key);
    found?.delete(waiter);
    if (found?.size === 0) waiters.delete(key);
  };
  return {
    wait(key, condition, present, signal) {
      if (condition(present)) return Promise.resolve();
      return new Promise((resolve, reject) => {
        if (signal.aborted) {
          reject(signal.reason);
          return;
        }
        const aborted = (): void => {
          remove(key, waiter);
          reject(signal.reason);
        };
        const waiter: Waiter<T> = (object) => {
          if (!condition(object)) return;
          remove(key, waiter);
          signal.removeEventListener('abort', aborted);
          resolve();
        };
        const found = waiters.get(key);
        if (found === undefined) waiters.set(key, new Set([waiter]));
        else found.add(waiter);
        signal.addEventListener('abort', aborted, { once: true });
      });
    },
    seen(key, object) {
      for (const waiter of waiters.get(key) ?? []) waiter(object);
    },
  };
}
