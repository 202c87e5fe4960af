import { systemRandom, type Clock, type Random } from '../machinery/clock.ts';
import { backoffMs } from './backoff.ts';

/** Keys to work on: each at most once in the queue, and never by two workers at the same time. */
export interface WorkQueue {
  /** Now, or when the work on it that is under way ends. */
  add(key: string): void;
  /** In `ms` milliseconds, unless an earlier time is set for the key. */
  addAfter(key: string, ms: number): void;
  readonly depth: number;
  /**
   * Works on keys, at most `workers` at a time, until `signal` aborts and what is under way has ended. A key whose work throws
   * comes back after a wait that doubles with each failure in a row; `signal` aborting does not interrupt the work itself.
   */
  run(workers: number, work: Work, signal: AbortSignal): Promise<void>;
}

/** Work on one key; may say in how many milliseconds it wants to be called again. */
export type Work = (key: string, signal: AbortSignal) => Promise<{ readonly againAfterMs?: number } | void>;

export interface WorkQueueOptions {
  readonly clock: Clock;
  readonly random?: Random;
  readonly firstMs?: number;
  readonly longestMs?: number;
  /** Tells of work that failed, and when it is tried again. */
  readonly failed?: (key: string, error: unknown, waitMs: number) => void;
}

interface State {
  readonly options: WorkQueueOptions;
  readonly random: Random;
  /** In order of arrival; a Set, so that a key waits once. */
  readonly waiting: Set<string>;
  readonly underWay: Set<string>;
  /** Came again while under way. */
  readonly again: Set<string>;
  readonly delayed: Map<string, { readonly at: number; readonly cancel: () => void }>;
  readonly failures: Map<string, number>;
  /** Starts what can be started. */
  wake: () => void;
}

export function createWorkQueue(options: WorkQueueOptions): WorkQueue {
  const state: State = {
    options, random: options.random ?? systemRandom, waiting: new Set(), underWay: new Set(), again: new Set(), delayed: new Map(), failures: new Map(),
    wake: () => undefined,
  };
  return {
    add: (key) => add(state, key),
    addAfter: (key, ms) => addAfter(state, key, ms),
    get depth() {
      return state.waiting.size;
    },
    run: (workers, work, signal) => run(state, workers, work, signal),
  };
}

function add(state: State, key: string): void {
  if (state.underWay.has(key)) state.again.add(key);
  else if (!state.waiting.has(key)) {
    state.waiting.add(key);
    state.wake();
  }
}

function addAfter(state: State, key: string, ms: number): void {
  const at = state.options.clock.now() + ms;
  const set = state.delayed.get(key);
  if (set !== undefined && set.at <= at) return;
  set?.cancel();
  const cancel = state.options.clock.setTimer(ms, () => {
    state.delayed.delete(key);
    add(state, key);
  });
  state.delayed.set(key, { at, cancel });
}

function run(state: State, workers: number, work: Work, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const finishIfIdle = (): void => {
      if (!signal.aborted || state.underWay.size > 0) return;
      state.wake = () => undefined;
      for (const { cancel } of state.delayed.values()) cancel();
      state.delayed.clear();
      resolve();
    };
    state.wake = () => {
      for (const key of state.waiting) {
        if (signal.aborted || state.underWay.size >= workers) break;
        state.waiting.delete(key);
        state.underWay.add(key);
        void attempt(state, key, work, signal).then(() => {
          state.underWay.delete(key);
          if (state.again.delete(key)) add(state, key);
          state.wake();
          finishIfIdle();
        });
      }
    };
    signal.addEventListener('abort', finishIfIdle, { once: true });
    state.wake();
    finishIfIdle();
  });
}

/** Never rejects: a failure is a later attempt. */
async function attempt(state: State, key: string, work: Work, signal: AbortSignal): Promise<void> {
  const { firstMs = 5, longestMs = 300_000, failed } = state.options;
  try {
    const outcome = await work(key, signal);
    state.failures.delete(key);
    if (outcome?.againAfterMs !== undefined) addAfter(state, key, outcome.againAfterMs);
  } catch (error) {
    if (signal.aborted) return;
    const earlier = state.failures.get(key) ?? 0;
    state.failures.set(key, earlier + 1);
    const waitMs = backoffMs(earlier, firstMs, longestMs) * (0.5 + state.random() / 2);
    failed?.(key, error, waitMs);
    addAfter(state, key, waitMs);
  }
}
