/** A bounded number of calls under way at once; the rest wait their turn. */
export interface Lane {
  /** Under way and waiting. */
  readonly load: number;
  /** `call` must not throw: it reports its own failure. */
  send(call: () => Promise<void>): void;
  /** Resolves when all that was sent has ended. */
  drain(): Promise<void>;
}

/** `ended` is called after each call. */
export function createLane(most: number, ended: () => void = () => undefined): Lane {
  const waiting: (() => Promise<void>)[] = [];
  let next = 0;
  let underWay = 0;
  const drained = new Set<() => void>();
  const load = (): number => underWay + waiting.length - next;
  const start = (): void => {
    const call = waiting[next];
    if (call === undefined || underWay >= most) return;
    next += 1;
    if (next > 1024 && next * 2 > waiting.length) {
      waiting.splice(0, next);
      next = 0;
    }
    underWay += 1;
    void call().finally(() => {
      underWay -= 1;
      start();
      ended();
      if (load() === 0) for (const resolve of drained) resolve();
    });
  };
  return {
    get load() {
      return load();
    },
    send(call) {
      waiting.push(call);
      start();
    },
    drain: () => (load() === 0 ? Promise.resolve() : new Promise((resolve) => {
      drained.add(() => resolve());
    })),
  };
}
