import { pause, type Clock } from '../../machinery/clock.ts';
import { messageOf } from '../../machinery/thrown.ts';
import { backoffMs } from '../../client/backoff.ts';
import { nodeReference } from '../node/reference.ts';
import type { Refusal } from '../pod/handle.ts';
import { endPods, reportMs, type EndPodsOptions } from './end-pods.ts';
import type { Logind } from './logind.ts';
import { totalMs, within } from './periods.ts';

/** Ends pods in good order before the machine goes down. Behaviour and words: the kubelet's. */
export interface ShutdownManager {
  /** Why the node isn't Ready; undefined: nothing that is known here. */
  notReady(): string | undefined;
  /** Why a new pod is not let in; undefined: it is. */
  refusal(): Refusal | undefined;
  /** Watches, delays and acts until `signal` aborts. */
  run(signal: AbortSignal): Promise<void>;
}

/** No periods: the machine's end is not waited for. */
export interface ShutdownManagerOptions extends EndPodsOptions {
  readonly logind: Logind;
  readonly nodeName: string;
  /** Called when the node begins to go down, or doesn't after all. */
  readonly changed: () => void;
}

const firstRetryMs = 1000;
const longestRetryMs = 60_000;

/** `up`: nothing is known of an end. `ending`: pods are being ended. `ended`: nobody here delays the machine any more. */
type Stage = 'up' | 'ending' | 'ended';

export function createShutdownManager(options: ShutdownManagerOptions): ShutdownManager {
  const { periods, logind, clock, log, recorder } = options;
  const regarding = nodeReference(options.nodeName);
  let stage: Stage = 'up';
  let moved = Promise.withResolvers<void>();
  let cancelled = new AbortController();
  /** What pods have in all. */
  let limitMs = Infinity;
  const reached = Promise.withResolvers<void>();

  function move(next: Stage): void {
    stage = next;
    moved.resolve();
    moved = Promise.withResolvers();
  }

  /** Also when `signal` aborts. */
  async function until(wanted: Stage, signal: AbortSignal): Promise<void> {
    for (;;) {
      if (stage === wanted || signal.aborted) return;
      await moved.promise;
    }
  }

  function tell(isGoingDown: boolean, signal: AbortSignal): void {
    if (isGoingDown === (stage !== 'up')) return;
    recorder.record(regarding, 'Normal', 'Shutdown', `Shutdown manager detected shutdown ${isGoingDown ? 'event' : 'cancellation'}`);
    if (isGoingDown) {
      log.warn({}, 'the machine goes down: pods are ended');
      cancelled = new AbortController();
      move('ending');
      void goDown(AbortSignal.any([signal, cancelled.signal]));
    } else {
      log.warn({}, 'the machine does not go down after all');
      cancelled.abort();
      move('up');
    }
    options.changed();
  }

  async function goDown(over: AbortSignal): Promise<void> {
    try {
      await endPods({ ...options, periods: within(periods, limitMs) }, over);
    } catch (error) {
      log.error({ err: error }, 'ending pods before the machine goes down failed in an unforeseen way');
    }
    if (!over.aborted) move('ended');
  }

  async function delay(signal: AbortSignal, works: () => void): Promise<void> {
    await until('up', signal);
    signal.throwIfAborted();
    const neededMs = totalMs(periods) + reportMs;
    const { ms, cause } = await logind.allowDelay(neededMs, signal);
    reached.resolve();
    limitMs = Math.max(ms - reportMs, ms / 2);
    if (ms < neededMs) {
      const text = `systemd-logind waits ${ms / 1000} s at most, and graceful node shutdown takes ${neededMs / 1000} s: pods have less time. Set InhibitDelayMaxSec=${Math.ceil(neededMs / 1000)} in /etc/systemd/logind.conf`;
      log.warn({ err: cause }, text);
      recorder.record(regarding, 'Warning', 'ShortShutdownDelay', text);
    }
    const inhibitor = await logind.inhibit(signal);
    log.info({ limitMs }, 'the machine will wait for pods when it goes down');
    works();
    try {
      const reason = await Promise.race([inhibitor.ended, until('ended', signal)]);
      if (reason !== undefined) throw new Error(`what delays the machine's end has ended: ${reason}`);
    } finally {
      await inhibitor.release();
    }
  }

  function complain(error: unknown): void {
    const text = `graceful node shutdown is not in force: ${messageOf(error)}`;
    log.warn({ err: error }, `${text}; it is tried again`);
    recorder.record(regarding, 'Warning', 'NoGracefulShutdown', text);
  }

  return {
    notReady: () => (stage === 'up' ? undefined : 'node is shutting down'),
    refusal: () => (stage === 'up' ? undefined : { reason: 'NodeShutdown', message: 'Pod was rejected as the node is shutting down.' }),
    async run(signal) {
      if (periods.length === 0 || signal.aborted) return;
      signal.addEventListener('abort', () => {
        reached.resolve();
        moved.resolve();
      }, { once: true });
      const delaying = keep(clock, (works) => delay(signal, works), complain, signal);
      // Where nobody can be asked, that is said once.
      await reached.promise;
      const following = keep(clock, (works) => logind.follow((isGoingDown) => {
        works();
        tell(isGoingDown, signal);
      }, signal), complain, signal);
      await Promise.all([delaying, following]);
    },
  };
}

/** Does it over and over until `signal` aborts, after a failure later. What fails in the same way is told once, unless `works` was called in between. */
async function keep(clock: Clock, attempt: (works: () => void) => Promise<void>, complain: (error: unknown) => void, signal: AbortSignal): Promise<void> {
  let [failures, told] = [0, ''];
  while (!signal.aborted) {
    try {
      await attempt(() => {
        [failures, told] = [0, ''];
      });
    } catch (error) {
      // What ends this agent may have ended those beside it a little earlier: a terminal's Ctrl-C, a service that is stopped.
      await pause(clock, backoffMs(failures, firstRetryMs, longestRetryMs), signal).catch(() => undefined);
      if (signal.aborted) return;
      if (messageOf(error) !== told) complain(error);
      told = messageOf(error);
      failures += 1;
    }
  }
}
