import { apiVersionOf } from '../../machinery/kinds/kind.ts';
import { NodeMetrics, PodMetrics, type Usage } from '../../machinery/kinds/resource-metrics.ts';
import { timestamp } from '../../machinery/conditions.ts';
import { formatQuantity } from '../../machinery/quantity.ts';
import type { Entry } from '../store/cache.ts';
import type { Measure, PodUsage } from './node-usage.ts';

/** The objects of the metrics API: pure. They bear the labels of what they measure, for selectors. */

export function nodeMetricsOf({ name, labels }: Pick<Entry, 'name' | 'labels'>, measure: Measure, now: number): NodeMetrics {
  return {
    kind: NodeMetrics.kind, apiVersion: apiVersionOf(NodeMetrics), metadata: { name, creationTimestamp: timestamp(now), ...labelled(labels) },
    timestamp: timestamp(measure.at), window: durationOf(measure.windowMs), usage: usage(measure),
  };
}

export function podMetricsOf({ namespace, name, labels }: Pick<Entry, 'namespace' | 'name' | 'labels'>, { containers }: PodUsage, now: number): PodMetrics {
  // Of the earliest, as the sum is no newer than its oldest part.
  const [oldest] = containers.toSorted((a, b) => a.at - b.at);
  return {
    kind: PodMetrics.kind, apiVersion: apiVersionOf(PodMetrics), metadata: { name, namespace, creationTimestamp: timestamp(now), ...labelled(labels) },
    timestamp: timestamp(oldest?.at ?? now), window: durationOf(oldest?.windowMs ?? 0), containers: containers.map((each) => ({ name: each.name, usage: usage(each) })),
  };
}

function labelled(labels: Entry['labels']): { labels?: Record<string, string> } {
  return Object.keys(labels).length === 0 ? {} : { labels: { ...labels } };
}

function usage({ nanoCores, workingSetBytes }: Measure): Usage {
  return { cpu: formatQuantity({ nanos: BigInt(Math.round(nanoCores)) }, 'DecimalSI'), memory: formatQuantity({ nanos: BigInt(Math.round(workingSetBytes)) * 1_000_000_000n }, 'BinarySI') };
}

/** As Go writes a duration: `10.018s`, `1m30s`. */
export function durationOf(ms: number): string {
  const seconds = `${(ms % 60_000) / 1000}s`;
  const minutes = Math.floor(ms / 60_000);
  if (minutes === 0) return seconds;
  return minutes < 60 ? `${minutes}m${seconds}` : `${Math.floor(minutes / 60)}h${minutes % 60}m${seconds}`;
}
