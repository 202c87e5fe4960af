/** Time as a value that is passed in: the machine's own, or one that a test drives by hand. */

export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Calls `run` once after `ms` milliseconds, or after 24 days if that is sooner; the answer cancels it, and does nothing once it has run. */
  setTimer(ms: number, run: () => void): () => void;
}

/** The longest delay that Node's timers take; a longer one would fire at once. */
const longestTimer = 2 ** 31 - 1;

/** The machine's clock. Its timers keep the process alive. */
export const systemClock: Clock = {
  now: () => Date.now(),
  setTimer(ms, run) {
    const timer = setTimeout(run, fitted(ms));
    return () => clearTimeout(timer);
  },
};

/** The machine's clock for what a server does by the way: its timers keep no process alive. */
export const backgroundClock: Clock = {
  now: () => Date.now(),
  setTimer(ms, run) {
    const timer = setTimeout(run, fitted(ms)).unref();
    return () => clearTimeout(timer);
  },
};

const fitted = (ms: number): number => Math.min(Math.max(0, ms), longestTimer);

/** A number in [0, 1): what jitter is made of. */
export type Random = () => number;

export const systemRandom: Random = () => Math.random();

export interface ManualClock extends Clock {
  /** Moves time forward by `ms`, running the timers that come due in order, each at its own instant. */
  advance(ms: number): void;
  /** Timers that are set and not yet due. */
  pending(): number;
}

/** A clock that stands still until `advance` moves it. `start` in milliseconds since the epoch. */
export function manualClock(start = Date.UTC(2026, 0, 1)): ManualClock {
  let now = start;
  let sequence = 0;
  const timers = new Map<number, { readonly at: number; readonly run: () => void }>();
  const nextDue = (until: number): number | undefined => {
    let best: number | undefined;
    for (const [id, timer] of timers) {
      if (timer.at <= until && (best === undefined || timer.at < (timers.get(best)?.at ?? Infinity))) best = id;
    }
    return best;
  };
  return {
    now: () => now,
    setTimer(ms, run) {
      const id = sequence;
      sequence += 1;
      timers.set(id, { at: now + Math.max(0, ms), run });
      return () => void timers.delete(id);
    },
    advance(ms) {
      const until = now + ms;
      for (let id = nextDue(until); id !== undefined; id = nextDue(until)) {
        const timer = timers.get(id);
        timers.delete(id);
        now = timer?.at ?? now;
        timer?.run();
      }
      now = until;
    },
    pending: () => timers.size,
  };
}

/** Resolves after `ms` milliseconds; rejects with the signal's reason when it aborts first. For deadlines and back-off, not for waiting on a state. */
export function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(signal.reason);
      return;
    }
    const aborted = (): void => {
      cancel();
      reject(signal.reason);
    };
    const cancel = clock.setTimer(ms, () => {
      signal.removeEventListener('abort', aborted);
      resolve();
    });
    signal.addEventListener('abort', aborted, { once: true });
  });
}
