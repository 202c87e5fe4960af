/** How the servers of one cluster agree on who compacts, through one key. The rule is kube-apiserver's: once a period, what is older than one. */
import type { Clock } from '../../../machinery/clock.ts';
import { asError } from '../errors.ts';
import type { Revision, Store } from '../store.ts';

export interface CompactionOptions {
  readonly store: Pick<Store, 'range' | 'commit' | 'compact'>;
  readonly clock: Clock;
  /** 0: never. */
  readonly periodMs: number;
  readonly onProblem: (what: string, error: Error) => void;
}

const key = '/coracle/compaction';

/**
 * Each period: whoever replaces the key first compacts to where the store was a period ago; the others take note and wait for
 * another period. History is kept for one to two periods.
 */
export function compactTogether({ store, clock, periodMs, onProblem }: CompactionOptions): { close(): void } {
  if (periodMs === 0) return { close: () => undefined };
  /** The key's revision when we last saw it, and the store's. */
  let agreed: Revision = 0;
  let previous: Revision | undefined;
  let isOpen = true;

  async function turn(): Promise<void> {
    const value = Buffer.from(`${previous ?? 0}`);
    const result = await store.commit({ compares: [{ key, revision: agreed }], writes: [{ type: 'put', key, value }] });
    const old = previous;
    previous = result.revision;
    if (!result.committed) {
      agreed = result.current[0]?.modRevision ?? 0;
      return;
    }
    agreed = result.revision;
    if (old !== undefined) await store.compact(old);
  }

  function schedule(): () => void {
    return clock.setTimer(periodMs, () => {
      turn()
        .catch((error: unknown) => onProblem('compaction', asError(error)))
        .finally(() => {
          if (isOpen) cancel = schedule();
        });
    });
  }

  let cancel = schedule();
  return {
    close() {
      isOpen = false;
      cancel();
    },
  };
}
