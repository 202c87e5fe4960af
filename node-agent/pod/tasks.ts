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
  /** Resolves when everything up to this call is on disk. */
  save(): Promise<void>;
}

export function createJournal(write: () => Promise<void>, failed: (error: unknown) => void): Journal {
  let last: Promise<void> = Promise.resolve();
  let isQueued = false;
  return {
    save() {
      if (isQueued) return last;
      isQueued = true;
      last = last.then(() => {
        isQueued = false;
        return write();
      }).catch(failed);
      return last;
    },
  };
}
