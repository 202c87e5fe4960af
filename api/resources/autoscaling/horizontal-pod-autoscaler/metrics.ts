import { forbidden, invalid, notSupported, required, type FieldError, type Path } from '../../../../machinery/field-path.ts';
import type { MetricSpec } from '../../../../machinery/kinds/autoscaling.ts';
import { validateLabelSelector } from '../../../../machinery/labels.ts';
import { pathSegment } from '../../../../machinery/names.ts';
import { canonical, compare, parseQuantity, zero } from '../../../../machinery/quantity.ts';
import { faults } from '../../checks.ts';
import { validateReference } from './reference.ts';

/** What an autoscaler measures. Source: "MetricSpec", autoscaling/v2; wording: Kubernetes' validation. */

type Target = NonNullable<MetricSpec['resource']>['target'];
type Identifier = NonNullable<MetricSpec['pods']>['metric'];

const fields = { Object: 'object', External: 'external', Pods: 'pods', Resource: 'resource', ContainerResource: 'containerResource' } as const;
const sources = Object.values(fields);

export function validateMetrics(metrics: readonly MetricSpec[], path: Path): FieldError[] {
  return metrics.flatMap((metric, index) => validateMetric(metric, path.index(index)));
}

function validateMetric(metric: MetricSpec, at: Path): FieldError[] {
  const { type = '' } = metric;
  const errors: FieldError[] = [];
  if (type === '') errors.push(required(at.child('type'), 'must specify a metric source type'));
  else if (!Object.hasOwn(fields, type)) errors.push(notSupported(at.child('type'), type, Object.keys(fields).toSorted()));
  const present = sources.filter((field) => metric[field] !== undefined);
  const [first] = present;
  if (first !== undefined) errors.push(...validateSource(metric, first, at.child(first)));
  const expected = Object.hasOwn(fields, type) ? fields[type as keyof typeof fields] : undefined;
  if (expected !== undefined && metric[expected] === undefined) errors.push(required(at.child(expected), 'must populate information for the given metric source'));
  if (present.length === 1) return errors;
  return [...errors, ...present.filter((field) => field !== expected).map((field) => forbidden(at.child(field), 'must populate the given metric source only'))];
}

function validateSource({ object, pods, resource, containerResource, external }: MetricSpec, field: (typeof sources)[number], at: Path): FieldError[] {
  switch (field) {
    case 'object': return [...validateReference(object?.describedObject, at.child('describedObject')), ...validateIdentifier(object?.metric, at.child('metric')), ...validateAmount(object?.target, at.child('target'))];
    case 'external': return [...validateIdentifier(external?.metric, at.child('metric')), ...validateAmount(external?.target, at.child('target')), ...notBoth(external?.target, at.child('target'))];
    case 'pods': return [...validateIdentifier(pods?.metric, at.child('metric')), ...validateTarget(pods?.target, at.child('target')), ...validateAverage(pods?.target, at.child('target'))];
    case 'resource': return [...named(resource?.name, 'resource', at), ...validateShare(resource?.target, at.child('target'))];
    case 'containerResource': return [
      ...named(containerResource?.name, 'resource', at),
      ...((containerResource?.container ?? '') === '' ? [required(at.child('container'), 'must specify a container')] : []),
      ...validateShare(containerResource?.target, at.child('target')),
    ];
  }
}

function named(name: string | undefined, what: 'resource' | 'metric', at: Path): FieldError[] {
  return name === undefined || name === '' ? [required(at.child('name'), `must specify a ${what} name`)] : [];
}

function validateIdentifier({ name = '', selector }: Partial<Identifier> = {}, at: Path): FieldError[] {
  return [...(name === '' ? named(name, 'metric', at) : faults(at.child('name'), name, pathSegment(name))), ...validateLabelSelector(selector, at.child('selector'))];
}

function validateTarget({ type = '', value, averageValue, averageUtilization }: Partial<Target> = {}, at: Path): FieldError[] {
  const errors: FieldError[] = [];
  if (type === '') errors.push(required(at.child('type'), 'must specify a metric target type'));
  else if (type !== 'Utilization' && type !== 'Value' && type !== 'AverageValue') errors.push(invalid(at.child('type'), type, 'must be either Utilization, Value, or AverageValue'));
  if (value !== undefined && !isPositive(value)) errors.push(invalid(at.child('value'), canonical(value), 'must be positive'));
  if (averageValue !== undefined && !isPositive(averageValue)) errors.push(invalid(at.child('averageValue'), canonical(averageValue), 'must be positive'));
  if (averageUtilization !== undefined && averageUtilization < 1) errors.push(invalid(at.child('averageUtilization'), averageUtilization, 'must be greater than 0'));
  return errors;
}

function isPositive(text: string): boolean {
  return compare(parseQuantity(text) ?? zero, zero) > 0;
}

function validateAmount(target: Partial<Target> | undefined, at: Path): FieldError[] {
  const none = target?.value === undefined && target?.averageValue === undefined;
  return [...validateTarget(target, at), ...(none ? [required(at.child('averageValue'), 'must set either a target value for metric or a per-pod target')] : [])];
}

function notBoth(target: Partial<Target> | undefined, at: Path): FieldError[] {
  const both = target?.value !== undefined && target.averageValue !== undefined;
  return both ? [forbidden(at.child('value'), 'may not set both a target value for metric and a per-pod target')] : [];
}

function validateAverage(target: Partial<Target> | undefined, at: Path): FieldError[] {
  return target?.averageValue !== undefined && isPositive(target.averageValue) ? [] : [required(at.child('averageValue'), 'must specify a positive target averageValue')];
}

function validateShare(target: Partial<Target> | undefined, at: Path): FieldError[] {
  const errors = validateTarget(target, at);
  const [utilization, value] = [target?.averageUtilization, target?.averageValue];
  if (utilization === undefined && value === undefined) return [...errors, required(at.child('averageUtilization'), 'must set either a target raw value or a target utilization')];
  return utilization !== undefined && value !== undefined ? [...errors, forbidden(at.child('averageValue'), 'may not set both a target raw value and a target utilization')] : errors;
}
