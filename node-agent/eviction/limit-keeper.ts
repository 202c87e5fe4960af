import { pause, type Clock } from '../../machinery/clock.ts';
import type { Log } from '../../client/log.ts';
import type { PodWorker } from '../pod/worker.ts';
import { isEnding } from '../pod/plan.ts';
import { isCritical } from '../pod/priority.ts';
import type { StorageMeter } from '../stats/storage.ts';
import { brokenLimit, hasStorageLimits } from './limits.ts';

export interface LimitKeeperOptions {
  readonly storage: StorageMeter;
  readonly list: () => readonly PodWorker[];
  readonly clock: Clock;
  readonly log: Log;
}

/** The kubelet's housekeeping; who has so many files that it takes longer is measured less often. */
const lookEveryMs = 10_000;
const graceSeconds = 1;

/** Evicts pods that use more of the node's disk than they allow themselves, until `signal` aborts. Others are not measured for it. */
export async function keepStorageLimits({ storage, list, clock, log }: LimitKeeperOptions, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const limited = list().filter((worker) => worker.sandbox() !== undefined && hasStorageLimits(worker.pod()) && !isEnding(worker.pod(), worker.state()));
    for (const worker of limited) {
      try {
        // A tick less than the interval: what the last round measured is not good enough.
        const message = brokenLimit(worker.pod(), await storage.measure(worker, lookEveryMs / 2));
        if (message === undefined || isCritical(worker.pod()) || !worker.evict({ message, graceSeconds, isDisruption: false })) continue;
        const { namespace, name } = worker.pod().metadata ?? {};
        log.warn({ uid: worker.uid, namespace, name, message }, 'a pod is evicted: it uses more of the disk than it may');
      } catch (error) {
        if (signal.aborted) return;
        log.error({ err: error, uid: worker.uid }, 'what a pod has on the disk was not measured');
      }
    }
    await pause(clock, lookEveryMs, signal).catch(() => undefined);
  }
}
