import type { ServerResponse } from 'node:http';
import type { PodWorker } from '../pod/worker.ts';
import { exposition, expositionType, type Metric } from '../stats/exposition.ts';
import type { Meter } from '../stats/meter.ts';
import { cadvisorMetrics, probeMetrics, resourceMetrics } from '../stats/metrics.ts';
import type { StreamingOptions } from './server.ts';
import { StreamError } from './stream-error.ts';

/** `/stats/summary`: what the node, its pods and containers use. `only_cpu_and_memory=true` leaves the disk unmeasured. Form: kubelet stats/v1alpha1. */
export async function serveStats(meter: Meter, rest: readonly string[], query: URLSearchParams, response: ServerResponse): Promise<void> {
  if (rest.length > 1 || (rest.length === 1 && rest[0] !== 'summary')) throw new StreamError(404, '404 page not found');
  const summary = await meter.summary(query.get('only_cpu_and_memory') !== 'true');
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(summary));
}

/** `/metrics/resource`, `/metrics/cadvisor` and `/metrics/probes`, as monitoring scrapes a kubelet. */
export async function serveMetrics({ meter, list }: Pick<StreamingOptions, 'meter' | 'list'>, rest: readonly string[], response: ServerResponse): Promise<void> {
  const metrics = rest.length === 1 ? await metricsOf(meter, list(), rest[0]) : undefined;
  if (metrics === undefined) throw new StreamError(404, '404 page not found');
  response.writeHead(200, { 'content-type': expositionType }).end(exposition(metrics));
}

async function metricsOf(meter: Meter, workers: readonly PodWorker[], which: string | undefined): Promise<readonly Metric[] | undefined> {
  switch (which) {
    case 'resource': return resourceMetrics(await meter.read());
    case 'cadvisor': {
      const reading = await meter.read();
      const storage = await Promise.all(reading.pods.map(async ({ worker }) => [worker.uid, await meter.storageOf(worker)] as const));
      return cadvisorMetrics(reading, new Map(storage.flatMap(([uid, measured]) => (measured === undefined ? [] : [[uid, measured]]))));
    }
    case 'probes': return probeMetrics(workers);
    default: return undefined;
  }
}
