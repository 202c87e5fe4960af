/** The priorities of all pods that have a node, counted. */
export interface Priorities {
  /** Infinity when there is none. */
  readonly lowest: number;
  add(priority: number): void;
  remove(priority: number): void;
}

export function createPriorities(): Priorities {
  const counts = new Map<number, number>();
  return {
    get lowest() {
      return Math.min(...counts.keys());
    },
    add: (priority) => void counts.set(priority, (counts.get(priority) ?? 0) + 1),
    remove(priority) {
      const left = (counts.get(priority) ?? 0) - 1;
      if (left > 0) counts.set(priority, left);
      else counts.delete(priority);
    },
  };
}
