/** Sandboxes made ahead of the pods that will take them: a cold start waits for cgroups and network, a spare does not. */

export interface SparePool<T> {
  /** A spare, or undefined when none is ready. Either way the pool fills up again in the background. */
  take(): T | undefined;
  /** Starts to make spares. */
  fill(): void;
  /** Stops making spares and ends those there are. */
  close(): Promise<void>;
}

export interface SparePoolOptions<T> {
  readonly size: number;
  readonly make: () => Promise<T>;
  readonly end: (spare: T) => Promise<void>;
  /** True while a pod waits for a start: spares can wait. */
  readonly busy: () => boolean;
  readonly failed: (error: unknown) => void;
}

/** One spare is made at a time; a failure ends the round, and the next take or fill tries again. */
export function createSparePool<T>(options: SparePoolOptions<T>): SparePool<T> {
  const spares: T[] = [];
  let round: Promise<void> | undefined;
  let closed = false;
  const wanted = (): boolean => !closed && !options.busy() && spares.length < options.size;
  const fillUp = async (): Promise<void> => {
    while (wanted()) spares.push(await options.make());
  };
  const fill = (): void => {
    if (closed || round !== undefined || spares.length >= options.size) return;
    round = fillUp().catch(options.failed).finally(() => {
      round = undefined;
    });
  };
  return {
    take() {
      return spares.shift();
    },
    fill,
    async close() {
      closed = true;
      await round;
      await Promise.all(spares.splice(0).map((spare) => options.end(spare)));
    },
  };
}
