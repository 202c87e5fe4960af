import { pause, type Clock } from '../../machinery/clock.ts';
import type { Pod } from '../../machinery/kinds/core.ts';
import type { Recorder } from '../../client/events.ts';
import type { Log } from '../../client/log.ts';
import { nodeReference } from '../node/reference.ts';
import { whenGone } from '../pod/gone.ts';
import type { Refusal } from '../pod/handle.ts';
import { isEnding } from '../pod/plan.ts';
import { isCritical } from '../pod/priority.ts';
import type { PodWorker } from '../pod/worker.ts';
import { sumOf } from '../stats/disk-usage.ts';
import { readMemory, type MemoryReading } from '../stats/machine.ts';
import type { Meter, Reading } from '../stats/meter.ts';
import { refusal } from './admission.ts';
import type { Candidate } from './candidate.ts';
import { nodeWasLow } from './messages.ts';
import { judge, metThresholds, noMemory, observe, starvedOf, type Memory, type Observations, type Pressure } from './pressure.ts';
import { ranked } from './ranking.ts';
import type { EvictionSettings, Signal, Threshold } from './thresholds.ts';

/** Keeps the node from running out of what its pods share. */
export interface EvictionManager {
  /** What the node is short of, or was a short while ago. */
  pressures(): readonly Pressure[];
  /** Why a new pod is not let in; undefined: it is. */
  refusal(pod: Pod): Refusal | undefined;
  /** Looks and acts until `signal` aborts. */
  run(signal: AbortSignal): Promise<void>;
}

export interface EvictionManagerOptions {
  readonly settings: EvictionSettings;
  readonly meter: Pick<Meter, 'read' | 'machine' | 'storage'>;
  readonly list: () => readonly PodWorker[];
  readonly clock: Clock;
  readonly log: Log;
  readonly recorder: Recorder;
  readonly nodeName: string;
  /** What gives disk space back before a pod has to go, one after the other: ended containers, unused images. */
  readonly reclaim: readonly (() => Promise<void>)[];
  /** Called when the pressures have changed. */
  readonly changed: () => void;
  readonly readMemory?: () => Promise<MemoryReading>;
}

/** The kubelet's housekeeping. */
const lookEveryMs = 10_000;
/** Memory goes faster: one small file tells. The kernel's own notices of it need descriptors that Node can't wait for. */
const memoryEveryMs = 1000;
/** Who was evicted may take so long to be gone before the next is looked for. */
const cleanUpMs = 30_000;
const hardGraceSeconds = 1;

export function createEvictionManager(options: EvictionManagerOptions): EvictionManager {
  const { settings, meter, clock, log } = options;
  let memory: Memory = noMemory;
  let pressures: readonly Pressure[] = [];
  /** Against what nothing could be done at the last look: that is told once. */
  let helpless: Threshold | undefined;

  async function synchronize(): Promise<PodWorker | undefined> {
    const reading = await meter.read();
    const observations = observe(reading.machine);
    const judged = judge(settings.thresholds, observations, memory, settings.transitionMs, clock.now());
    ({ memory } = judged);
    const before = pressures;
    ({ pressures } = judged);
    if (before.join() !== pressures.join()) {
      log.info({ before, pressures }, 'the pressures on the node have changed');
      options.changed();
    }
    const [threshold] = judged.due;
    if (threshold === undefined) {
      helpless = undefined;
      return undefined;
    }
    const starved = starvedOf(threshold.signal);
    options.recorder.record(nodeReference(options.nodeName), 'Warning', 'EvictionThresholdMet', `Attempting to reclaim ${starved}`);
    if (isOfDisk(threshold.signal) && await reclaimed()) return undefined;
    return await evictOne(threshold, observations, reading);
  }

  /** Is there enough again, without a pod's end? */
  async function reclaimed(): Promise<boolean> {
    for (const reclaim of options.reclaim) await reclaim().catch((error: unknown) => log.error({ err: error }, 'freeing disk space failed'));
    return options.reclaim.length > 0 && metThresholds(settings.thresholds, observe(await meter.machine()), true).length === 0;
  }

  async function evictOne(threshold: Threshold, observations: Observations, reading: Reading): Promise<PodWorker | undefined> {
    const active = options.list().filter((worker) => worker.sandbox() !== undefined && !isEnding(worker.pod(), worker.state()));
    const candidates = new Map<Candidate, PodWorker>();
    for (const worker of active) candidates.set(await candidateOf(worker, reading, isOfDisk(threshold.signal)), worker);
    for (const candidate of ranked([...candidates.keys()], starvedOf(threshold.signal))) {
      const worker = candidates.get(candidate);
      if (worker === undefined || isCritical(candidate.pod)) continue;
      const message = nodeWasLow(threshold, observations, candidate);
      const graceSeconds = threshold.graceMs === 0 ? hardGraceSeconds : settings.maxPodGraceSeconds;
      if (!worker.evict({ message, graceSeconds, isDisruption: true })) continue;
      helpless = undefined;
      log.warn({ uid: worker.uid, namespace: candidate.pod.metadata?.namespace, name: candidate.pod.metadata?.name, signal: threshold.signal }, 'a pod is evicted: the node runs short');
      return worker;
    }
    if (helpless !== threshold) log.warn({ signal: threshold.signal }, 'the node runs short, and there is no pod that could be evicted');
    helpless = threshold;
    return undefined;
  }

  async function candidateOf(worker: PodWorker, { pods }: Reading, withStorage: boolean): Promise<Candidate> {
    const read = pods.find((each) => each.worker === worker);
    const storage = withStorage ? await meter.storage.measure(worker, lookEveryMs) : undefined;
    return {
      pod: worker.granted(), ...(read === undefined ? {} : { memoryBytes: read.usage.memoryBytes, processes: read.usage.pids }), ...(storage === undefined ? {} : { storage }),
      containers: (read?.containers ?? []).map(({ name, usage }) => {
        const used = storage?.containers.get(name);
        return { name, memoryBytes: usage.memoryBytes, ...(used === undefined ? {} : { disk: sumOf([used.rootfs, used.logs]) }) };
      }),
    };
  }

  /** Until the next look is due: at the latest after `lookEveryMs`, at once when memory has become short meanwhile. */
  async function rest(signal: AbortSignal): Promise<void> {
    const ofMemory = settings.thresholds.filter((threshold) => threshold.signal === 'memory.available' && !memory.metSince.has(threshold));
    const until = clock.now() + lookEveryMs;
    while (clock.now() < until) {
      await pause(clock, ofMemory.length === 0 ? lookEveryMs : memoryEveryMs, signal);
      if (ofMemory.length === 0) continue;
      const { totalBytes, workingSetBytes } = await (options.readMemory ?? readMemory)();
      if (metThresholds(ofMemory, new Map([['memory.available', { available: totalBytes - workingSetBytes, capacity: totalBytes }]])).length > 0) return;
    }
  }

  return {
    pressures: () => pressures,
    refusal: (pod) => refusal(pod, pressures),
    async run(signal) {
      while (!signal.aborted) {
        try {
          const evicted = await synchronize();
          if (evicted === undefined) await rest(signal);
          else await whenGone(clock, evicted, cleanUpMs, signal);
        } catch (error) {
          if (signal.aborted) return;
          log.error({ err: error }, 'looking after what the node is short of failed: it is tried again');
          await pause(clock, lookEveryMs, signal).catch(() => undefined);
        }
      }
    },
  };
}

function isOfDisk(signal: Signal): boolean {
  return signal !== 'memory.available' && signal !== 'pid.available';
}
