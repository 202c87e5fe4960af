import type { HorizontalPodAutoscaler, HorizontalPodAutoscalerV1, MetricSpec, MetricStatus } from '../../../../machinery/kinds/autoscaling.ts';
import type { Draft } from '../../../../machinery/kinds/wire.ts';
import { currentToV1, currentToV2, specToV1, specToV2 } from './metrics.ts';

/** Between v1 and v2: what v1 has no field for stands in annotations, as JSON. Source: "HorizontalPodAutoscaler walkthrough: appendix"; the annotations' names: autoscaling/v1. */

const prefix = 'autoscaling.alpha.kubernetes.io/';
const names = { metrics: `${prefix}metrics`, behavior: `${prefix}behavior`, current: `${prefix}current-metrics`, conditions: `${prefix}conditions` } as const;

type Stored = Draft<HorizontalPodAutoscaler>;
type Served = Draft<HorizontalPodAutoscalerV1>;

export function toStored({ metadata, spec, status, ...rest }: Served): Stored {
  const { annotations = {}, ...others } = metadata ?? {};
  const plain = Object.fromEntries(Object.entries(annotations).filter(([key]) => !Object.values<string>(names).includes(key)));
  const stored: Partial<Stored> = { ...rest, metadata: { ...others, ...(Object.keys(plain).length === 0 ? {} : { annotations: plain }) } };
  if (spec !== undefined) stored.spec = specOf(spec, annotations);
  if (status !== undefined) stored.status = statusOf(status, annotations);
  return stored as Stored;
}

function specOf({ targetCPUUtilizationPercentage: percent, ...spec }: NonNullable<Served['spec']>, annotations: Readonly<Record<string, string>>): NonNullable<Stored['spec']> {
  const cpu: Draft<MetricSpec>[] = percent === undefined ? [] : [{ type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: percent } } }];
  const metrics = [...listOf(annotations[names.metrics]).map(specToV2), ...cpu];
  const behavior = readJson(annotations[names.behavior]);
  return { ...spec, ...(metrics.length === 0 ? {} : { metrics }), ...(behavior === undefined ? {} : { behavior: behavior as NonNullable<NonNullable<Stored['spec']>['behavior']> }) };
}

function statusOf({ currentCPUUtilizationPercentage: percent, ...status }: NonNullable<Served['status']>, annotations: Readonly<Record<string, string>>): NonNullable<Stored['status']> {
  const cpu: Draft<MetricStatus>[] = percent === undefined ? [] : [{ type: 'Resource', resource: { name: 'cpu', current: { averageUtilization: percent } } }];
  const listed = listOf(annotations[names.current]).map(currentToV2);
  const currentMetrics = listed.some(isCpu) ? listed : [...listed, ...cpu];
  const conditions = listOf(annotations[names.conditions]) as NonNullable<NonNullable<Stored['status']>['conditions']>;
  return { ...status, ...(currentMetrics.length === 0 ? {} : { currentMetrics }), ...(conditions.length === 0 ? {} : { conditions }) };
}

export function fromStored(object: Draft<object>): Served {
  const { metadata, spec, status, ...rest } = object as Stored;
  const annotations: Record<string, string> = { ...metadata?.annotations };
  const served: Partial<Served> = { ...rest, metadata: { ...metadata } };
  if (spec !== undefined) {
    const { metrics = [], behavior, ...others } = spec;
    const cpu = metrics.find(isCpuShare);
    const left = metrics.filter((metric) => metric !== cpu);
    served.spec = { ...others, ...(cpu?.resource?.target.averageUtilization === undefined ? {} : { targetCPUUtilizationPercentage: cpu.resource.target.averageUtilization }) };
    if (left.length > 0) annotations[names.metrics] = JSON.stringify(left.map(specToV1));
    if (behavior !== undefined) annotations[names.behavior] = JSON.stringify(behavior);
  }
  if (status !== undefined) {
    const { currentMetrics = [], conditions = [], ...others } = status;
    const cpu = currentMetrics.find((one) => isCpu(one) && one.resource?.current.averageUtilization !== undefined);
    const percent = cpu?.resource?.current.averageUtilization;
    // A measurement that says more than the percentage is whole in the annotation, too.
    const left = currentMetrics.filter((one) => one !== cpu || one.resource?.current.averageValue !== undefined);
    served.status = { currentReplicas: 0, ...others, ...(percent === undefined ? {} : { currentCPUUtilizationPercentage: percent }) };
    if (left.length > 0) annotations[names.current] = JSON.stringify(left.map(currentToV1));
    if (conditions.length > 0) annotations[names.conditions] = JSON.stringify(conditions);
  }
  if (Object.keys(annotations).length > 0) served.metadata = { ...metadata, annotations };
  return served as Served;
}

function isCpu({ type, resource }: Draft<MetricSpec> | Draft<MetricStatus>): boolean {
  return type === 'Resource' && resource?.name === 'cpu';
}

function isCpuShare(metric: Draft<MetricSpec>): boolean {
  return isCpu(metric) && metric.resource?.target.averageUtilization !== undefined && metric.resource.target.averageValue === undefined;
}

/** An annotation that users may have written: what can't be read says nothing. */
function readJson(text: string | undefined): object | undefined {
  if (text === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

function listOf(text: string | undefined): readonly object[] {
  const value = readJson(text);
  return Array.isArray(value) ? value.filter((one: unknown): one is object => typeof one === 'object' && one !== null) : [];
}
