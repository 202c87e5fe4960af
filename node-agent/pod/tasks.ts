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
  /** Has it written with what else comes in the next moment: for what is found anew after a crash of this process. */
  saveSoon(): void;
  /** Waits for no disk any more. */
  close(): void;
}

export interface JournalOptions {
  readonly write: () => Promise<void>;
  /** Sees to it that what was written survives the machine too: a while after the first writing since the last time. */
  readonly sync: () => Promise<void>;
  readonly clock: Clock;
  readonly failed: (error: unknown) => void;
}

/** Long enough for most of what one start or end of a pod changes. */
const soonMs = 250;
/** Long enough for all that one start of a pod writes. */
const syncAfterMs = 1000;

export function createJournal({ write, sync, clock, failed }: JournalOptions): Journal {
  let isClosed = false;
  let cancelSync: (() => void) | undefined;
  const written = (): void => {
    if (isClosed) return;
    cancelSync ??= clock.setTimer(syncAfterMs, () => {
      cancelSync = undefined;
      last = last.then(() => (isClosed ? undefined : sync())).catch(failed);
    });
  };
  let last: Promise<void> = Promise.resolve();
  let isQueued = false;
  let cancelSoon: (() => void) | undefined;
  const save = (): Promise<void> => {
    cancelSoon?.();
    cancelSoon = undefined;
    if (isQueued) return last;
    isQueued = true;
    last = last.then(() => {
      isQueued = false;
      return write();
    }).then(written).catch(failed);
    return last;
  };
  return {
    save,
    saveSoon() {
      if (!isClosed) cancelSoon ??= clock.setTimer(soonMs, () => void save());
    },
    close() {
      isClosed = true;
      cancelSync?.();
      cancelSoon?.();
    },
  };
}
