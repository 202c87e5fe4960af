import type { ServerResponse } from 'node:http';
import { exposition, expositionType } from '../stats/exposition.ts';
import type { Meter } from '../stats/meter.ts';
import { cadvisorMetrics, resourceMetrics } from '../stats/metrics.ts';
import { StreamError } from './stream-error.ts';

/** `/stats/summary`: what the node, its pods and containers use. `only_cpu_and_memory=true` leaves the disk unmeasured. Form: kubelet stats/v1alpha1. */
export async function serveStats(meter: Meter, rest: readonly string[], query: URLSearchParams, response: ServerResponse): Promise<void> {
  if (rest.length > 1 || (rest.length === 1 && rest[0] !== 'summary')) throw new StreamError(404, '404 page not found');
  const summary = await meter.summary(query.get('only_cpu_and_memory') !== 'true');
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(summary));
}

const storageAgeMs = 60_000;

/** `/metrics/resource` and `/metrics/cadvisor`, as monitoring scrapes a kubelet. */
export async function serveMetrics(meter: Meter, rest: readonly string[], response: ServerResponse): Promise<void> {
  const [which, ...more] = rest;
  if (more.length > 0 || (which !== 'resource' && which !== 'cadvisor')) throw new StreamError(404, '404 page not found');
  const reading = await meter.read();
  const metrics = which === 'resource' ? resourceMetrics(reading)
    : cadvisorMetrics(reading, new Map(await Promise.all(reading.pods.map(async ({ worker }) => [worker.uid, await meter.storage.measure(worker, storageAgeMs)] as const))));
  response.writeHead(200, { 'content-type': expositionType }).end(exposition(metrics));
}
