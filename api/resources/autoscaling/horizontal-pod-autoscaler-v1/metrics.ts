import type { MetricSpec, MetricStatus } from '../../../../machinery/kinds/autoscaling.ts';
import type { Draft } from '../../../../machinery/kinds/wire.ts';
import { textOf } from '../../../../machinery/patch/json-value.ts';
import type { LabelSelector } from '../../../../machinery/selectors.ts';

/**
 * Metrics as v1's annotations hold them, and as v2 does. Annotations are users' text: what has the wrong type counts as absent.
 * Source: MetricSpec and MetricStatus of autoscaling/v1 (documented as annotations only).
 */

type Json = Readonly<Record<string, unknown>>;
type Target = Draft<NonNullable<MetricSpec['resource']>['target']>;
type Current = Draft<NonNullable<MetricStatus['resource']>['current']>;
type Identifier = Draft<NonNullable<MetricSpec['pods']>['metric']>;
type Described = Draft<NonNullable<MetricSpec['object']>['describedObject']>;

const json = (value: unknown): Json => (typeof value === 'object' && value !== null ? (value as Json) : {});
const some = <K extends string>(key: K, value: unknown): { [P in K]?: string } => (typeof value === 'string' ? ({ [key]: value } as { [P in K]?: string }) : {});
const number = <K extends string>(key: K, value: unknown): { [P in K]?: number } => (typeof value === 'number' && Number.isSafeInteger(value) ? ({ [key]: value } as { [P in K]?: number }) : {});

/** Labels and expressions that are well formed. */
function selector(value: unknown): { selector?: Draft<LabelSelector> } {
  if (typeof value !== 'object' || value === null) return {};
  const { matchLabels, matchExpressions } = value as Json;
  const labels = Object.entries(json(matchLabels)).filter((entry): entry is [string, string] => typeof entry[1] === 'string');
  const expressions = (Array.isArray(matchExpressions) ? matchExpressions : []).map(json).map(({ key, operator, values }) => ({
    key: textOf(key), operator: textOf(operator), ...(Array.isArray(values) ? { values: values.filter((one): one is string => typeof one === 'string') } : {}),
  }));
  return { selector: { ...(labels.length === 0 ? {} : { matchLabels: Object.fromEntries(labels) }), ...(expressions.length === 0 ? {} : { matchExpressions: expressions }) } };
}

const identifier = (name: unknown, labels: unknown): Identifier => ({ name: textOf(name), ...selector(labels) });
const described = (value: unknown): Described => ({ kind: textOf(json(value)['kind']), name: textOf(json(value)['name']), ...some('apiVersion', json(value)['apiVersion']) });

/** A share of what is asked, or an amount for each pod. */
function share(utilization: unknown, value: unknown): Target {
  return typeof utilization === 'number' ? { type: 'Utilization', ...number('averageUtilization', utilization) } : { type: 'AverageValue', ...some('averageValue', value) };
}

/** An amount in all, or for each pod. */
function amount(value: unknown, average: unknown): Target {
  return typeof average === 'string' ? { type: 'AverageValue', averageValue: average } : { type: 'Value', ...some('value', value) };
}

export function specToV2(value: object): Draft<MetricSpec> {
  const { type, resource, containerResource, pods, object, external } = json(value);
  const [own, container, ofPods, ofObject, outside] = [resource, containerResource, pods, object, external].map(json);
  switch (type) {
    case 'Resource': return { type, resource: { name: textOf(own?.['name']), target: share(own?.['targetAverageUtilization'], own?.['targetAverageValue']) } };
    case 'ContainerResource': return {
      type, containerResource: { name: textOf(container?.['name']), container: textOf(container?.['container']), target: share(container?.['targetAverageUtilization'], container?.['targetAverageValue']) },
    };
    case 'Pods': return { type, pods: { metric: identifier(ofPods?.['metricName'], ofPods?.['selector']), target: { type: 'AverageValue', ...some('averageValue', ofPods?.['targetAverageValue']) } } };
    case 'Object': return { type, object: { describedObject: described(ofObject?.['target']), metric: identifier(ofObject?.['metricName'], ofObject?.['selector']), target: amount(ofObject?.['targetValue'], ofObject?.['averageValue']) } };
    case 'External': return { type, external: { metric: identifier(outside?.['metricName'], outside?.['metricSelector']), target: amount(outside?.['targetValue'], outside?.['targetAverageValue']) } };
    default: return { type: textOf(type) };
  }
}

const shareToV1 = (target: Target | undefined) => ({ targetAverageUtilization: target?.averageUtilization, targetAverageValue: target?.averageValue });

export function specToV1({ type, resource, containerResource, pods, object, external }: Draft<MetricSpec>): object {
  switch (type) {
    case 'Resource': return { type, resource: { name: resource?.name, ...shareToV1(resource?.target) } };
    case 'ContainerResource': return { type, containerResource: { name: containerResource?.name, ...shareToV1(containerResource?.target), container: containerResource?.container } };
    case 'Pods': return { type, pods: { metricName: pods?.metric.name, targetAverageValue: pods?.target.averageValue, selector: pods?.metric.selector } };
    case 'Object': return {
      type, object: { target: object?.describedObject, metricName: object?.metric.name, targetValue: object?.target.value ?? '0', selector: object?.metric.selector, averageValue: object?.target.averageValue },
    };
    case 'External': return {
      type, external: { metricName: external?.metric.name, metricSelector: external?.metric.selector, targetValue: external?.target.value, targetAverageValue: external?.target.averageValue },
    };
    default: return { type };
  }
}

const currentShare = (utilization: unknown, value: unknown): Current => ({ ...some('averageValue', value), ...number('averageUtilization', utilization) });
const currentAmount = (value: unknown, average: unknown): Current => ({ ...some('value', value), ...some('averageValue', average) });

export function currentToV2(value: object): Draft<MetricStatus> {
  const { type, resource, containerResource, pods, object, external } = json(value);
  const [own, container, ofPods, ofObject, outside] = [resource, containerResource, pods, object, external].map(json);
  switch (type) {
    case 'Resource': return { type, resource: { name: textOf(own?.['name']), current: currentShare(own?.['currentAverageUtilization'], own?.['currentAverageValue']) } };
    case 'ContainerResource': return {
      type, containerResource: { name: textOf(container?.['name']), container: textOf(container?.['container']), current: currentShare(container?.['currentAverageUtilization'], container?.['currentAverageValue']) },
    };
    case 'Pods': return { type, pods: { metric: identifier(ofPods?.['metricName'], ofPods?.['selector']), current: currentAmount(undefined, ofPods?.['currentAverageValue']) } };
    case 'Object': return {
      type, object: { describedObject: described(ofObject?.['target']), metric: identifier(ofObject?.['metricName'], ofObject?.['selector']), current: currentAmount(ofObject?.['currentValue'], ofObject?.['averageValue']) },
    };
    case 'External': return { type, external: { metric: identifier(outside?.['metricName'], outside?.['metricSelector']), current: currentAmount(outside?.['currentValue'], outside?.['currentAverageValue']) } };
    default: return { type: textOf(type) };
  }
}

const currentShareToV1 = (current: Current | undefined) => ({ currentAverageUtilization: current?.averageUtilization, currentAverageValue: current?.averageValue });

export function currentToV1({ type, resource, containerResource, pods, object, external }: Draft<MetricStatus>): object {
  switch (type) {
    case 'Resource': return { type, resource: { name: resource?.name, ...currentShareToV1(resource?.current) } };
    case 'ContainerResource': return { type, containerResource: { name: containerResource?.name, ...currentShareToV1(containerResource?.current), container: containerResource?.container } };
    case 'Pods': return { type, pods: { metricName: pods?.metric.name, currentAverageValue: pods?.current.averageValue, selector: pods?.metric.selector } };
    case 'Object': return {
      type, object: { target: object?.describedObject, metricName: object?.metric.name, currentValue: object?.current.value, selector: object?.metric.selector, averageValue: object?.current.averageValue },
    };
    case 'External': return {
      type, external: { metricName: external?.metric.name, metricSelector: external?.metric.selector, currentValue: external?.current.value, currentAverageValue: external?.current.averageValue },
    };
    default: return { type };
  }
}
