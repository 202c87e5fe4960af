import { pause, type Clock } from '../../machinery/clock.ts';
import type { Recorder } from '../../client/events.ts';
import type { Log } from '../../client/log.ts';
import { isGone, whenGone } from '../pod/gone.ts';
import type { StatusWriter } from '../pod/status-writer.ts';
import type { PodWorker } from '../pod/worker.ts';
import { shutdownGroups, type ShutdownPeriod } from './periods.ts';

export interface EndPodsOptions {
  /** Lowest priority first. */
  readonly periods: readonly ShutdownPeriod[];
  readonly list: () => readonly PodWorker[];
  readonly statuses: Pick<StatusWriter, 'flush'>;
  readonly clock: Clock;
  readonly log: Log;
  readonly recorder: Recorder;
}

/** What the last pods' ends and all statuses may take beyond the pods' own time. */
export const reportMs = 5000;

/** Ends all pods, group after group, and resolves when what became of them is written, when time is up, or when `over` aborts: who was not ended then goes on. */
export async function endPods({ periods, list, statuses, clock, log, recorder }: EndPodsOptions, over: AbortSignal): Promise<void> {
  const present = list().filter((worker) => !isGone(worker));
  for (const { periodMs, members } of shutdownGroups(periods, present, (worker) => worker.pod())) {
    const endBy = clock.now() + periodMs;
    for (const worker of members) worker.goDown(endBy);
    await Promise.all(members.map((worker) => whenGone(clock, worker, periodMs, over)));
    if (over.aborted) return;
  }
  await inTime(clock, reportMs, over, async (late) => {
    await Promise.all(present.map((worker) => whenGone(clock, worker, reportMs, late)));
    // Of those too that came meanwhile, and were refused.
    await Promise.all([...list().map(({ uid }) => statuses.flush(uid)), recorder.drain()]);
  });
  if (!over.aborted) log.info({ pods: present.length, alive: present.filter((worker) => !isGone(worker)).length }, 'the machine is no longer kept from going down');
}

/** Resolves when `work` has, in `ms`, or when `signal` aborts; `late` aborts for what goes on then. */
async function inTime(clock: Clock, ms: number, signal: AbortSignal, work: (late: AbortSignal) => Promise<void>): Promise<void> {
  const over = new AbortController();
  const late = AbortSignal.any([signal, over.signal]);
  await Promise.race([work(late), pause(clock, ms, late).catch(() => undefined)]);
  over.abort();
}
