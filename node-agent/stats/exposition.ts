/** One metric with its samples, in Prometheus' text format 0.0.4. */
export interface Metric {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge';
  readonly samples: readonly Sample[];
}

export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
  /** Milliseconds since the epoch; absent: now. */
  readonly at?: number;
}

export const expositionType = 'text/plain; version=0.0.4; charset=utf-8';

/** The text of `metrics`; those without samples are left out. Pure. */
export function exposition(metrics: readonly Metric[]): string {
  return metrics.filter(({ samples }) => samples.length > 0).map(({ name, help, type, samples }) => [
    `# HELP ${name} ${help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')}`, `# TYPE ${name} ${type}`, ...samples.map((sample) => line(name, sample)), '',
  ].join('\n')).join('');
}

function line(name: string, { labels, value, at }: Sample): string {
  const pairs = Object.entries(labels).map(([label, text]) => `${label}="${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')}"`);
  return `${name}${pairs.length === 0 ? '' : `{${pairs.join(',')}}`} ${value}${at === undefined ? '' : ` ${at}`}`;
}
