import { Path, invalid, notSupported, required, type FieldError } from '../../../../machinery/field-path.ts';
import type { HorizontalPodAutoscaler } from '../../../../machinery/kinds/autoscaling.ts';
import { compare, parseQuantity, zero } from '../../../../machinery/quantity.ts';
import { notNegative, oneOf } from '../../checks.ts';
import { validateMetrics } from './metrics.ts';
import { validateReference } from './reference.ts';

/** Source: "HorizontalPodAutoscalerSpec", autoscaling/v2; wording: Kubernetes' validation. */

type Spec = NonNullable<HorizontalPodAutoscaler['spec']>;
type Rules = NonNullable<NonNullable<Spec['behavior']>['scaleUp']>;
type Policy = NonNullable<Rules['policies']>[number];

const path = new Path('spec');
const longestWindowSeconds = 3600;
const longestPeriodSeconds = 1800;

export function validateAutoscaler({ spec }: HorizontalPodAutoscaler): FieldError[] {
  if (spec === undefined) return [required(path)];
  const { minReplicas, maxReplicas = 0, behavior } = spec;
  const errors: FieldError[] = [];
  if (minReplicas !== undefined && minReplicas < 1) errors.push(invalid(path.child('minReplicas'), minReplicas, 'must be greater than or equal to 1'));
  if (maxReplicas < 1) errors.push(invalid(path.child('maxReplicas'), maxReplicas, 'must be greater than 0'));
  if (minReplicas !== undefined && maxReplicas < minReplicas) errors.push(invalid(path.child('maxReplicas'), maxReplicas, 'must be greater than or equal to `minReplicas`'));
  return [
    ...errors,
    ...validateReference(spec.scaleTargetRef, path.child('scaleTargetRef')),
    ...validateMetrics(spec.metrics ?? [], path.child('metrics')),
    ...(['scaleUp', 'scaleDown'] as const).flatMap((side) => (behavior?.[side] === undefined ? [] : validateRules(behavior[side], path.child('behavior', side)))),
  ];
}

function validateRules({ stabilizationWindowSeconds: window, selectPolicy, policies = [], tolerance }: Rules, at: Path): FieldError[] {
  const errors: FieldError[] = [];
  const here = at.child('stabilizationWindowSeconds');
  if (window !== undefined && window < 0) errors.push(invalid(here, window, 'must be greater than or equal to zero'));
  if (window !== undefined && window > longestWindowSeconds) errors.push(invalid(here, window, `must be less than or equal to ${longestWindowSeconds}`));
  if (tolerance !== undefined && compare(parseQuantity(tolerance) ?? zero, zero) < 0) errors.push(invalid(at.child('tolerance'), tolerance, 'must be greater than or equal to 0'));
  return [
    ...errors,
    ...oneOf(at.child('selectPolicy'), selectPolicy, ['Disabled', 'Max', 'Min']),
    ...(policies.length === 0 ? [required(at.child('policies'), 'must specify at least one Policy')] : []),
    ...policies.flatMap((policy, index) => validatePolicy(policy, at.child('policies').index(index))),
  ];
}

function validatePolicy({ type = '', value = 0, periodSeconds = 0 }: Policy, at: Path): FieldError[] {
  const errors = type === 'Pods' || type === 'Percent' ? [] : [notSupported(at.child('type'), type, ['Percent', 'Pods'])];
  if (value <= 0) errors.push(invalid(at.child('value'), value, 'must be greater than zero'));
  if (periodSeconds <= 0) errors.push(invalid(at.child('periodSeconds'), periodSeconds, 'must be greater than zero'));
  if (periodSeconds > longestPeriodSeconds) errors.push(invalid(at.child('periodSeconds'), periodSeconds, `must be less than or equal to ${longestPeriodSeconds}`));
  return errors;
}

export function validateAutoscalerStatus({ status }: HorizontalPodAutoscaler): FieldError[] {
  return (['currentReplicas', 'desiredReplicas'] as const).flatMap((field) => notNegative(new Path('status').child(field), status?.[field]));
}
