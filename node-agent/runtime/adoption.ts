/**
 * How supervisors that an earlier agent left are asked whether they still answer. One that is gone is told at once; one that is
 * only slow (a loaded machine, a stopped process) is asked again for as long as it exists, and nobody waits for it.
 */
import { pause, type Clock } from '../../machinery/clock.ts';
import { inBatches } from '../../machinery/in-batches.ts';

export type Answer<T> =
  | { readonly is: 'here'; readonly value: T }
  /** Nothing of it runs, or what runs is another's. */
  | { readonly is: 'gone' }
  | { readonly is: 'silent' };

/** Asks once; settles within about `deadlineMs`. */
export type Ask<T> = (deadlineMs: number) => Promise<Answer<T>>;

/** So many are asked at once: each answer is work for this process, and for a machine that may be starting everything else too. */
const askedAtOnce = 16;
const firstDeadlineMs = 1000;
const longestDeadlineMs = 60_000;
const firstPauseMs = 250;
const longestPauseMs = 10_000;

/** Asks each of `all` once, a bounded number at a time: one that is silent holds up the others for no longer than its deadline. */
export async function askEach<S, T>(all: readonly S[], askOf: (one: S) => Ask<T>): Promise<ReadonlyMap<S, Answer<T>>> {
  const answers = new Map<S, Answer<T>>();
  await inBatches(all, askedAtOnce, async (one) => void answers.set(one, await askOf(one)(firstDeadlineMs)));
  return answers;
}

/**
 * Asks one that was silent until it answers or is gone, each time with more patience. A supervisor that is stopped has the
 * question in its socket, and answers it as soon as it goes on. Rejects with the signal's reason when that aborts.
 */
export async function askAgain<T>(ask: Ask<T>, clock: Clock, signal: AbortSignal): Promise<Exclude<Answer<T>, { readonly is: 'silent' }>> {
  for (let [deadlineMs, pauseMs] = [2 * firstDeadlineMs, firstPauseMs]; ; [deadlineMs, pauseMs] = [Math.min(2 * deadlineMs, longestDeadlineMs), Math.min(2 * pauseMs, longestPauseMs)]) {
    await pause(clock, pauseMs, signal);
    const answer = await ask(deadlineMs);
    if (answer.is !== 'silent') return answer;
  }
}
