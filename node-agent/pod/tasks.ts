import type { Clock } from '../../machinery/clock.ts';

/** Work that is under way; a failure nobody foresaw is reported once, and ends only its own task. */
export interface Tasks {
  run(work: Promise<void>): void;
  /** Resolves when none is left. */
  settled(): Promise<void>;
}

export function createTasks(failed: (error: unknown) => void): Tasks {
  const running = new Set<Promise<void>>();
  return {
    run(work) {
      const task = work.catch(failed).finally(() => running.delete(task));
      running.add(task);
    },
    async settled() {
      while (running.size > 0) await Promise.all(running);
    },
  };
}

/** Writes one after the other; calls during a write are all served by the one that follows it. */
export interface Journal {
  /** Resolves when everything up to this call is written: a crash of this process loses nothing of it. */
  save(): Promise<void>;
  /** Has it written, to the disk itself, with what else comes in the next moment: for what is found anew after a crash of this process. */
  saveSoon(): void;
  /** Forgets what was to be written soon. */
  close(): void;
}

export interface JournalOptions {
  /** `isDurable`: a crash of the machine must not take it back. */
  readonly write: (isDurable: boolean) => Promise<void>;
  readonly clock: Clock;
  readonly failed: (error: unknown) => void;
}

/** Long enough for what one start or end of a pod changes. */
const soonMs = 1000;

export function createJournal({ write, clock, failed }: JournalOptions): Journal {
  let isClosed = false;
  let last: Promise<void> = Promise.resolve();
  let isQueued = false;
  let cancelSoon: (() => void) | undefined;
  const save = (isDurable: boolean): Promise<void> => {
    if (isQueued) return last;
    isQueued = true;
    last = last.then(() => {
      isQueued = false;
      return write(isDurable);
    }).catch(failed);
    return last;
  };
  return {
    save: () => save(false),
    saveSoon() {
      if (isClosed) return;
      cancelSoon ??= clock.setTimer(soonMs, () => {
        cancelSoon = undefined;
        void save(true);
      });
    },
    close() {
      isClosed = true;
      cancelSoon?.();
    },
  };
}
