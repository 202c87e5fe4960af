import { pause, type Clock } from '../../machinery/clock.ts';
import type { PodWorker } from './worker.ts';

/** Is nothing of an ended pod left that uses anything? */
export function isGone(worker: Pick<PodWorker, 'state'>): boolean {
  const { sandbox, volumes } = worker.state();
  return sandbox === 'absent' && volumes === 'absent';
}

/** Resolves when a pod that is being ended is gone, when that has taken `withinMs`, or when `signal` aborts. */
export async function whenGone(clock: Clock, worker: Pick<PodWorker, 'state' | 'onChange'>, withinMs: number, signal: AbortSignal): Promise<void> {
  const done = new AbortController();
  const look = (): void => {
    if (isGone(worker)) done.abort();
  };
  const release = worker.onChange(look);
  look();
  await pause(clock, withinMs, AbortSignal.any([signal, done.signal])).catch(() => undefined);
  release();
}
