import { monitorEventLoopDelay, performance } from 'node:perf_hooks';
import { Counter, Gauge, Registry } from 'prom-client';
import type { RequestInfo } from '../request.ts';

/** Numbers about the server, for `/metrics`; counted in plain maps, because every request passes here. */
export interface RequestMetrics {
  /** Milliseconds, for durations. */
  now(): number;
  record(info: RequestInfo | undefined, code: number, began: number): void;
  /** The text that a Prometheus scrapes. */
  text(): Promise<string>;
  readonly contentType: string;
  close(): void;
}

interface Counted {
  readonly labels: { readonly verb: string; readonly resource: string; readonly subresource: string; readonly code: string };
  count: number;
  seconds: number;
}

export interface Gauges {
  readonly inFlight: () => number;
  readonly revision: () => number;
}

const resolutionMs = 5;

/** `more` registers what others count. */
export function createRequestMetrics(gauges: Gauges, more?: (registry: Registry) => void): RequestMetrics {
  const counted = new Map<string, Counted>();
  const delay = monitorEventLoopDelay({ resolution: resolutionMs });
  delay.enable();
  const registry = new Registry();
  register(registry, counted, gauges, () => {
    // What is measured is the time between two ticks of a timer: the timer's own period is no delay.
    const longest = Math.max(0, delay.max / 1e6 - resolutionMs) / 1000;
    delay.reset();
    return longest;
  });
  more?.(registry);
  return {
    now: () => performance.now(),
    record(info, code, began) {
      const verb = info?.verb ?? 'invalid';
      const resource = info?.isResource === true ? info.resource : '';
      const subresource = info?.subresource ?? '';
      const key = `${verb} ${resource} ${subresource} ${code}`;
      let found = counted.get(key);
      if (found === undefined) {
        if (counted.size >= maxSeries) return;
        found = { labels: { verb, resource, subresource, code: String(code) }, count: 0, seconds: 0 };
        counted.set(key, found);
      }
      found.count += 1;
      found.seconds += (performance.now() - began) / 1000;
    },
    text: () => registry.metrics(),
    contentType: registry.contentType,
    close: () => void delay.disable(),
  };
}

/** Resources that don't exist are counted too, under names that callers choose: there is an end to that. */
const maxSeries = 4096;

function register(registry: Registry, counted: ReadonlyMap<string, Counted>, gauges: Gauges, longestTurn: () => number): void {
  const registers = [registry];
  const labelNames = ['verb', 'resource', 'subresource', 'code'];
  const series = (name: string, help: string, value: (one: Counted) => number) => new Counter({
    name, help, labelNames, registers,
    collect() {
      this.reset();
      for (const one of counted.values()) this.inc(one.labels, value(one));
    },
  });
  series('apiserver_request_total', 'Requests answered, by verb, resource and code.', (one) => one.count);
  series('apiserver_request_duration_seconds_sum', 'Time spent on requests; watches count until they end.', (one) => one.seconds);
  const gauge = (name: string, help: string, value: () => number) => new Gauge({ name, help, registers, collect() { this.set(value()); } });
  gauge('apiserver_current_inflight_requests', 'Requests that are being worked on.', gauges.inFlight);
  gauge('apiserver_storage_revision', 'Revision of the store that is visible.', gauges.revision);
  gauge('coracle_event_loop_longest_turn_seconds', 'The longest turn of the event loop since this was last asked.', longestTurn);
  gauge('process_resident_memory_bytes', 'Resident memory.', () => process.memoryUsage.rss());
  gauge('process_cpu_seconds_total', 'CPU time used.', () => process.cpuUsage().user / 1e6 + process.cpuUsage().system / 1e6);
}
