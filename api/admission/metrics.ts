import { performance } from 'node:perf_hooks';
import { Counter, type Registry } from 'prom-client';
import type { WebhookMetrics } from './webhooks/ask.ts';

/** What admission counts, under Kubernetes' names: webhooks that were asked, policies that had something to say. */
export interface AdmissionMetrics extends WebhookMetrics {
  /** `action`: `allow`, `deny`, `warn`, `audit`. */
  readonly checked: (policy: string, binding: string, action: string) => void;
  /** Has them told to whoever asks for metrics. */
  readonly register: (registry: Registry) => void;
}

/** Configurations come and go under names that users choose: there is an end to what is remembered of them. */
const mostSeries = 4096;

interface Series {
  readonly labels: Readonly<Record<string, string>>;
  value: number;
}

function counts() {
  const series = new Map<string, Series>();
  return {
    add(labels: Readonly<Record<string, string>>, value: number): void {
      const key = Object.values(labels).join('\u0000');
      const known = series.get(key);
      if (known !== undefined) known.value += value;
      else if (series.size < mostSeries) series.set(key, { labels, value });
    },
    values: () => series.values(),
  };
}

export function createAdmissionMetrics(): AdmissionMetrics {
  const requests = counts();
  const seconds = counts();
  const rejections = counts();
  const checks = counts();
  return {
    now: () => performance.now(),
    asked(name, { operation, type, outcome, code, milliseconds }) {
      requests.add({ name, type, operation, code: String(code), rejected: String(outcome !== 'allowed') }, 1);
      seconds.add({ name, type, operation, rejected: String(outcome !== 'allowed') }, milliseconds / 1000);
      if (outcome === 'allowed') return;
      const errorType = outcome === 'failed' ? 'calling_webhook_error' : 'no_error';
      rejections.add({ name, type, operation, error_type: errorType, rejection_code: outcome === 'failed' ? '0' : String(code) }, 1);
    },
    checked: (policy, policyBinding, action) => { checks.add({ policy, policy_binding: policyBinding, enforcement_action: action }, 1); },
    register(registry) {
      const counter = (name: string, help: string, labelNames: readonly string[], from: ReturnType<typeof counts>) => new Counter({
        name, help, labelNames, registers: [registry],
        collect() {
          this.reset();
          for (const { labels, value } of from.values()) this.inc({ ...labels }, value);
        },
      });
      const webhook = ['name', 'type', 'operation'];
      counter('apiserver_admission_webhook_request_total', 'Requests to admission webhooks.', [...webhook, 'code', 'rejected'], requests);
      counter('apiserver_admission_webhook_admission_duration_seconds_sum', 'Time spent on waiting for admission webhooks.', [...webhook, 'rejected'], seconds);
      counter('apiserver_admission_webhook_rejection_count', 'Refusals of admission webhooks, and failures to ask them.', [...webhook, 'error_type', 'rejection_code'], rejections);
      counter('apiserver_validating_admission_policy_check_total', 'What policies had done about writes.', ['policy', 'policy_binding', 'enforcement_action'], checks);
    },
  };
}
