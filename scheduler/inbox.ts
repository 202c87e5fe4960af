/**
 * The names of what has changed, each once, until somebody looks: informers put them in, the scheduler's loop takes them out in
 * batches. What has happened to them in between doesn't matter: they are read as they are then.
 */
export interface Inbox {
  readonly size: number;
  put(name: string): void;
  take(): string | undefined;
}

/** `arrived` is called at each arrival in an empty inbox. */
export function createInbox(arrived: () => void): Inbox {
  const names = new Set<string>();
  return {
    get size() {
      return names.size;
    },
    put(name) {
      names.add(name);
      if (names.size === 1) arrived();
    },
    take() {
      for (const name of names) {
        names.delete(name);
        return name;
      }
      return undefined;
    },
  };
}
