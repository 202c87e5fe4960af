/** Tells one sleeper that there is something to do. A ring before the sleep is not lost; many rings are one. */
export interface Bell {
  ring(): void;
  /** Resolves at a ring, or at once when one came since the last wait; also when `signal` aborts. */
  wait(signal: AbortSignal): Promise<void>;
}

export function createBell(): Bell {
  let rung = false;
  let wakeUp: (() => void) | undefined;
  return {
    ring() {
      rung = true;
      wakeUp?.();
    },
    async wait(signal) {
      if (!rung && !signal.aborted) {
        await new Promise<void>((resolve) => {
          const done = (): void => {
            signal.removeEventListener('abort', done);
            wakeUp = undefined;
            resolve();
          };
          wakeUp = done;
          signal.addEventListener('abort', done, { once: true });
        });
      }
      rung = false;
    },
  };
}
