import { readFile } from 'node:fs/promises';
import { totalmem } from 'node:os';
import { isRunning } from '../pod/state.ts';
import type { PodWorker } from '../pod/worker.ts';
import type { Runtime } from '../runtime/runtime.ts';
import type { StreamingOptions } from './server.ts';

interface Usage {
  readonly time: string;
  readonly cpu: { readonly time: string; readonly usageCoreNanoSeconds: number };
  readonly memory: { readonly time: string; readonly workingSetBytes: number; readonly usageBytes: number };
}

/** The summary that metrics are made from: cpu time and memory of the node, its pods and containers. Form: kubelet stats/v1alpha1. */
export async function serveStats(options: StreamingOptions): Promise<object> {
  const time = new Date(options.clock.now()).toISOString();
  const available = Number(/^MemAvailable:\s+(\d+) kB/m.exec(await readFile('/proc/meminfo', 'utf8'))?.[1] ?? 0) * 1024;
  const pods = await Promise.all(options.list().filter((worker) => worker.sandbox() !== undefined).map((worker) => podStats(options.runtime, worker, time)));
  return {
    node: { nodeName: options.nodeName, memory: { time, availableBytes: available, workingSetBytes: totalmem() - available } },
    pods: pods.filter((each) => each !== undefined),
  };
}

/** A pod that ends while it is measured is left out. */
async function podStats(runtime: Runtime, worker: PodWorker, time: string): Promise<object | undefined> {
  try {
    const running = [...worker.state().containers.values()].filter(isRunning);
    const containers = await Promise.all(running.map(async (record) => ({ name: record.name, ...(await usageOf(runtime, worker.uid, record.current?.id, time)) })));
    const { name, namespace, uid } = worker.pod().metadata ?? {};
    return { podRef: { name, namespace, uid }, containers, ...(await usageOf(runtime, worker.uid, undefined, time)) };
  } catch {
    return undefined;
  }
}

async function usageOf(runtime: Runtime, uid: string, containerId: string | undefined, time: string): Promise<Usage> {
  const { cpuNanos, memoryBytes } = await runtime.usage(uid, containerId);
  return { time, cpu: { time, usageCoreNanoSeconds: cpuNanos }, memory: { time, workingSetBytes: memoryBytes, usageBytes: memoryBytes } };
}
