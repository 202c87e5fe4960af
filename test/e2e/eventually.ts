import { setTimeout } from 'node:timers/promises';
import { patience } from '../patience.ts';
import { patienceMs } from './command.ts';

const pauseMs = 50;

/**
 * Repeats `look` until it does not throw, for states that no client can watch (files, processes, what a pod answers).
 * Rejects with its last failure when the deadline has passed.
 */
export async function eventually<T>(look: () => Promise<T> | T, deadlineMs = patienceMs): Promise<T> {
  const deadline = performance.now() + deadlineMs * patience;
  for (;;) {
    try {
      return await look();
    } catch (error) {
      if (performance.now() > deadline) throw error;
    }
    await setTimeout(pauseMs);
  }
}
