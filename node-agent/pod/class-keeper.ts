import { createBell } from '../../machinery/bell.ts';
import { pause, type Clock } from '../../machinery/clock.ts';
import type { Pod } from '../../machinery/kinds/core.ts';
import { qosClass } from '../../machinery/pod/qos.ts';
import type { Log } from '../../client/log.ts';
import { podResources } from '../pod-resources.ts';
import { podMemoryQos, type MemoryQos } from './memory-qos.ts';
import type { ClassRequests, Runtime } from '../runtime/runtime.ts';

/** Keeps what the QoS classes weigh true to what their pods ask for. */
export interface ClassKeeper {
  /** Pods hold something else of the node than before. */
  changed(): void;
  run(signal: AbortSignal): Promise<void>;
}

export interface ClassKeeperOptions {
  readonly runtime: Pick<Runtime, 'weighClasses'>;
  /** The node's pods, with what they are granted. */
  readonly held: () => readonly Pod[];
  readonly memoryQos: MemoryQos;
  readonly clock: Clock;
  readonly log: Log;
}

/** Pods come and go in bursts, and a start goes before a weight. */
const soonMs = 100;
const retryMs = 10_000;

export function createClassKeeper({ runtime, held, memoryQos, clock, log }: ClassKeeperOptions): ClassKeeper {
  const bell = createBell();
  return {
    changed: bell.ring,
    async run(signal) {
      let written: string | undefined;
      for (let waitMs = soonMs; !signal.aborted; ) {
        await bell.wait(signal);
        await pause(clock, waitMs, signal).catch(() => undefined);
        if (signal.aborted) return;
        const requests = classRequests(held(), memoryQos);
        waitMs = soonMs;
        if (JSON.stringify(requests) === written) continue;
        try {
          await runtime.weighClasses(requests);
          written = JSON.stringify(requests);
        } catch (error) {
          if (!signal.aborted) log.error({ err: error }, 'the cgroups of the QoS classes do not weigh what they should: it is tried again');
          waitMs = retryMs;
          bell.ring();
        }
      }
    },
  };
}

/** What the classes' pods ask for together. Pure. */
export function classRequests(pods: readonly Pod[], memoryQos: MemoryQos): ClassRequests {
  const burstable = pods.filter(({ spec }) => spec !== undefined && qosClass(spec) === 'Burstable');
  const reserved = pods.map((pod) => podMemoryQos(pod, memoryQos));
  return {
    burstableCpuMillis: sum(burstable.map((pod) => podResources(pod).cpuRequestMillis)),
    guaranteedMemoryBytes: sum(reserved.map(({ memoryMinBytes }) => memoryMinBytes)), burstableMemoryBytes: sum(reserved.map(({ memoryLowBytes }) => memoryLowBytes)),
  };
}

function sum(amounts: readonly (number | undefined)[]): number {
  return amounts.reduce<number>((total, each) => total + (each ?? 0), 0);
}
