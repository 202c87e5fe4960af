import { Path, invalid, notSupported, required, type FieldError } from '../../../../machinery/field-path.ts';
import type { DaemonSet } from '../../../../machinery/kinds/apps.ts';
import { countOrPercent, isZero, notMoreThanAll, notNegative } from '../../checks.ts';
import { validateSelectorAndTemplate } from '../template.ts';

/** Source: "DaemonSetSpec", apps/v1; wording: Kubernetes' validation. */

type Strategy = NonNullable<NonNullable<DaemonSet['spec']>['updateStrategy']>;

const path = new Path('spec');

export function validateDaemonSet({ spec }: DaemonSet): FieldError[] {
  if (spec === undefined) return [required(path)];
  return [
    ...validateSelectorAndTemplate(spec, { selector: 'daemonset', template: 'DaemonSet' }),
    ...notNegative(path.child('minReadySeconds'), spec.minReadySeconds),
    ...validateStrategy(spec.updateStrategy ?? {}, path.child('updateStrategy')),
    ...notNegative(path.child('revisionHistoryLimit'), spec.revisionHistoryLimit),
  ];
}

function validateStrategy(strategy: Strategy, at: Path): FieldError[] {
  switch (strategy.type) {
    case 'OnDelete': return [];
    case 'RollingUpdate': return strategy.rollingUpdate === undefined ? [required(at.child('rollingUpdate'))] : validateRolling(strategy.rollingUpdate, at.child('rollingUpdate'));
    default: return [notSupported(at, strategy, ['RollingUpdate', 'OnDelete'])];
  }
}

function validateRolling({ maxUnavailable, maxSurge }: NonNullable<Strategy['rollingUpdate']>, at: Path): FieldError[] {
  const [unavailable, surge] = [at.child('maxUnavailable'), at.child('maxSurge')];
  const errors = [
    ...countOrPercent(unavailable, maxUnavailable), ...countOrPercent(surge, maxSurge), ...notMoreThanAll(unavailable, maxUnavailable), ...notMoreThanAll(surge, maxSurge),
  ];
  if (!isZero(maxUnavailable) && !isZero(maxSurge)) return [...errors, invalid(surge, maxSurge, 'may not be set when maxUnavailable is non-zero')];
  return isZero(maxUnavailable) && isZero(maxSurge) ? [...errors, required(unavailable, 'cannot be 0 when maxSurge is 0')] : errors;
}

const counts = [
  'currentNumberScheduled', 'numberMisscheduled', 'desiredNumberScheduled', 'numberReady', 'observedGeneration', 'updatedNumberScheduled', 'numberAvailable', 'numberUnavailable', 'collisionCount',
] as const;

export function validateDaemonSetStatusUpdate({ status }: DaemonSet, old: DaemonSet): FieldError[] {
  const at = new Path('status');
  const { collisionCount = 0 } = status ?? {};
  const fewer = collisionCount < (old.status?.collisionCount ?? 0);
  return [...counts.flatMap((field) => notNegative(at.child(field), status?.[field])), ...(fewer ? [invalid(at.child('collisionCount'), collisionCount, 'cannot be decremented')] : [])];
}
