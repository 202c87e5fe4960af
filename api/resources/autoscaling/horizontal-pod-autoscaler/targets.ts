import type { MetricSpec, MetricStatus } from '../../../../machinery/kinds/autoscaling.ts';

/** The Targets column: `cpu: 42%/80%`, the first two of several. Source: kubectl's output for autoscalers. */

type Target = NonNullable<MetricSpec['resource']>['target'];
type Current = NonNullable<MetricStatus['resource']>['current'];

const unknown = '<unknown>';
const shown = 2;

export function targetsText(metrics: readonly MetricSpec[], statuses: readonly MetricStatus[]): string {
  if (metrics.length === 0) return '<none>';
  const all = metrics.slice(0, shown).map((metric, index) => targetText(metric, statuses[index])).join(', ');
  return metrics.length > shown ? `${all} + ${metrics.length - shown} more...` : all;
}

function targetText({ type, resource, containerResource, pods, object, external }: MetricSpec, status: MetricStatus | undefined): string {
  switch (type) {
    case 'Resource': return `${resource?.name ?? ''}: ${share(resource?.target, status?.resource?.current)}`;
    case 'ContainerResource': return `${containerResource?.name ?? ''}: ${share(containerResource?.target, status?.containerResource?.current)}`;
    case 'Pods': return `${status?.pods?.current?.averageValue ?? unknown}/${pods?.target?.averageValue ?? unknown}`;
    case 'Object': return amount(object?.target, status?.object?.current);
    case 'External': return amount(external?.target, status?.external?.current);
    default: return '<unknown type>';
  }
}

function share(target: Target | undefined, current: Current | undefined): string {
  if (target?.averageValue !== undefined) return `${current?.averageValue ?? unknown}/${target.averageValue}`;
  const measured = current?.averageUtilization === undefined ? unknown : `${current.averageUtilization}%`;
  return `${measured}/${target?.averageUtilization === undefined ? '<auto>' : `${target.averageUtilization}%`}`;
}

function amount(target: Target | undefined, current: Current | undefined): string {
  if (target?.averageValue !== undefined) return `${current?.averageValue ?? unknown}/${target.averageValue} (avg)`;
  return `${current?.value ?? unknown}/${target?.value ?? unknown}`;
}
