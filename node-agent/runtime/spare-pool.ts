/** Sandboxes made ahead of the pods that will take them: a cold start waits for cgroups and network, a spare does not. */
import { planSpare } from './spare-plan.ts';

export interface SparePool<K, T> {
  /** A spare of the kind, or undefined when none is ready. Either way the kind counts as asked for. */
  take(kind: K): T | undefined;
  /** Starts to make spares. */
  fill(): void;
  /** Stops making spares and ends those there are. */
  close(): Promise<void>;
}

export interface SparePoolOptions<K, T> {
  /** What is asked for before anybody has asked, in the order in which it is made: as many as spares are kept. */
  readonly first: readonly K[];
  readonly make: (kind: K) => Promise<T>;
  readonly end: (spare: T) => Promise<void>;
  /** True while a pod waits for a start: spares can wait. */
  readonly busy: () => boolean;
  readonly failed: (error: unknown) => void;
}

interface Spare<K, T> {
  readonly kind: K;
  readonly spare: T;
}

/** One spare is made at a time; a failure ends the round, and the next fill tries again. */
export function createSparePool<K, T>(options: SparePoolOptions<K, T>): SparePool<K, T> {
  const spares: Spare<K, T>[] = [];
  let asked = options.first;
  let round: Promise<void> | undefined;
  let closed = false;
  const remove = (kind: K): T | undefined => {
    const index = spares.findIndex((each) => each.kind === kind);
    return index < 0 ? undefined : spares.splice(index, 1)[0]?.spare;
  };
  const plan = () => (closed ? undefined : planSpare(asked, spares.map(({ kind }) => kind)));
  const fillUp = async (): Promise<void> => {
    for (let next = plan(); next !== undefined && !options.busy(); next = plan()) {
      const room = next.end === undefined ? undefined : remove(next.end);
      if (room !== undefined) await options.end(room);
      spares.push({ kind: next.make, spare: await options.make(next.make) });
    }
  };
  const fill = (): void => {
    if (round !== undefined || plan() === undefined) return;
    round = fillUp().catch(options.failed).finally(() => {
      round = undefined;
    });
  };
  return {
    take(kind) {
      asked = [kind, ...asked].slice(0, options.first.length);
      return remove(kind);
    },
    fill,
    async close() {
      closed = true;
      await round;
      await Promise.all(spares.splice(0).map(({ spare }) => options.end(spare)));
    },
  };
}
