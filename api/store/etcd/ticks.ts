/**
 * How watches learn that nothing more happened. Revisions that this cluster's keys have no part in (another user of the same
 * etcd) make no event, and etcd's own progress answers can't be trusted before 3.4.31 and 3.5.13. So after a silence one key
 * is written: its event proves that everything before it has been seen.
 */
import type { Clock } from '../../../machinery/clock.ts';
import { asError } from '../errors.ts';
import type { Revision } from '../store.ts';
import type { EtcdWatch } from './watch.ts';

export interface TicksOptions {
  readonly clock: Clock;
  readonly watches: ReadonlySet<Pick<EtcdWatch, 'seen' | 'restart'>>;
  /** Writes the key. */
  readonly tick: () => Promise<unknown>;
  readonly onProblem: (what: string, error: Error) => void;
  /** How long a watch may lag before a tick is written. */
  readonly silenceMs: number;
  /** How long a watch may lag behind in spite of ticks before it is started again from another server. */
  readonly stallMs: number;
}

export interface Ticks {
  /** The store was seen to be at `revision`: watches have to come there. */
  reached(revision: Revision): void;
  close(): void;
}

export function createTicks({ clock, watches, tick, onProblem, silenceMs, stallMs }: TicksOptions): Ticks {
  let known: Revision = 0;
  let isOpen = true;
  let cancel: (() => void) | undefined;
  let isTicking = false;
  /** Since when a watch has been behind a revision. */
  const behind = new Map<Pick<EtcdWatch, 'seen' | 'restart'>, { readonly revision: Revision; readonly since: number }>();

  function lagging(): Pick<EtcdWatch, 'seen' | 'restart'>[] {
    return [...watches].filter((watch) => watch.seen < known);
  }

  function look(): void {
    cancel = undefined;
    if (!isOpen) return;
    const late = lagging();
    restartStalled(late);
    if (late.length === 0) return;
    cancel = clock.setTimer(silenceMs, look);
    if (isTicking) return;
    isTicking = true;
    tick()
      .catch((error: unknown) => onProblem('writing a tick to etcd failed', asError(error)))
      .finally(() => void (isTicking = false));
  }

  function restartStalled(late: readonly Pick<EtcdWatch, 'seen' | 'restart'>[]): void {
    const now = clock.now();
    for (const watch of behind.keys()) if (!late.includes(watch)) behind.delete(watch);
    for (const watch of late) {
      const mark = behind.get(watch);
      if (mark === undefined || watch.seen >= mark.revision) {
        behind.set(watch, { revision: known, since: now });
      } else if (now - mark.since >= stallMs) {
        behind.delete(watch);
        watch.restart();
      }
    }
  }

  return {
    reached(revision) {
      if (revision > known) known = revision;
      if (isOpen && cancel === undefined && lagging().length > 0) cancel = clock.setTimer(silenceMs, look);
    },
    close() {
      isOpen = false;
      cancel?.();
    },
  };
}
