import { Counter, Gauge, type Registry } from 'prom-client';
import type { Counts, Fairness } from './fairness.ts';
import type { Usage } from './seats.ts';

/** What Kubernetes tells of priority and fairness under `/metrics`. */
export function registerFairness(registry: Registry, fairness: Pick<Fairness, 'counts' | 'usage'>): void {
  const registers = [registry];
  const counter = (name: string, help: string, value: (counts: Counts) => number) => new Counter({
    name, help, registers, labelNames: ['priority_level', 'flow_schema'],
    collect() {
      this.reset();
      for (const counts of fairness.counts.values()) this.inc({ priority_level: counts.level, flow_schema: counts.schema }, value(counts));
    },
  });
  counter('apiserver_flowcontrol_dispatched_requests_total', 'Requests that were let in.', ({ dispatched }) => dispatched);
  counter('apiserver_flowcontrol_request_wait_duration_seconds_sum', 'Time that requests waited for a seat.', ({ waitedSeconds }) => waitedSeconds);
  const turnedAway = () => new Counter({
    name: 'apiserver_flowcontrol_rejected_requests_total', help: 'Requests that were turned away.', registers, labelNames: ['priority_level', 'flow_schema', 'reason'],
    collect() {
      this.reset();
      for (const { level, schema, rejected } of fairness.counts.values()) for (const [reason, count] of rejected) this.inc({ priority_level: level, flow_schema: schema, reason }, count);
    },
  });
  turnedAway();
  const gauge = (name: string, help: string, value: (usage: Usage) => number) => new Gauge({
    name, help, registers, labelNames: ['priority_level'],
    collect() {
      this.reset();
      for (const usage of fairness.usage()) this.set({ priority_level: usage.level }, value(usage));
    },
  });
  gauge('apiserver_flowcontrol_nominal_limit_seats', 'Seats that are a level\'s own.', ({ nominal }) => nominal);
  gauge('apiserver_flowcontrol_current_executing_seats', 'Seats that are taken.', ({ seatsInUse }) => seatsInUse);
  gauge('apiserver_flowcontrol_current_executing_requests', 'Requests that are being worked on.', ({ executing }) => executing);
  gauge('apiserver_flowcontrol_current_inqueue_requests', 'Requests that wait for a seat.', ({ waiting }) => waiting);
}
