import { Path, forbidden, invalid, notSupported, required, type FieldError } from '../../../../machinery/field-path.ts';
import type { Deployment } from '../../../../machinery/kinds/apps.ts';
import { countOrPercent, isZero, notMoreThanAll, notNegative } from '../../checks.ts';
import { immutable } from '../../immutable.ts';
import { validateSelectorAndTemplate } from '../template.ts';

/** Source: "DeploymentSpec", apps/v1; wording: Kubernetes' validation. */

type Spec = NonNullable<Deployment['spec']>;

const specPath = new Path('spec');

export function validateDeployment({ spec }: Deployment): FieldError[] {
  if (spec === undefined) return [required(specPath)];
  const { minReadySeconds = 0, progressDeadlineSeconds, revisionHistoryLimit, replicas } = spec;
  const late = progressDeadlineSeconds !== undefined && progressDeadlineSeconds <= minReadySeconds;
  return [
    ...notNegative(specPath.child('replicas'), replicas),
    ...validateSelectorAndTemplate(spec),
    ...validateStrategy(spec.strategy, specPath.child('strategy')),
    ...notNegative(specPath.child('minReadySeconds'), minReadySeconds),
    ...notNegative(specPath.child('revisionHistoryLimit'), revisionHistoryLimit),
    ...notNegative(specPath.child('progressDeadlineSeconds'), progressDeadlineSeconds),
    ...(late ? [invalid(specPath.child('progressDeadlineSeconds'), progressDeadlineSeconds, 'must be greater than minReadySeconds')] : []),
  ];
}

export function validateDeploymentUpdate(object: Deployment, old: Deployment): FieldError[] {
  return immutable(object.spec?.selector, old.spec?.selector, specPath.child('selector'));
}

function validateStrategy(strategy: Spec['strategy'], path: Path): FieldError[] {
  switch (strategy?.type) {
    case 'Recreate': return strategy.rollingUpdate === undefined ? [] : [forbidden(path.child('rollingUpdate'), "may not be specified when strategy `type` is 'Recreate'")];
    case 'RollingUpdate': return validateRolling(strategy.rollingUpdate ?? {}, path.child('rollingUpdate'));
    default: return [notSupported(path, strategy, ['Recreate', 'RollingUpdate'])];
  }
}

function validateRolling({ maxUnavailable, maxSurge }: NonNullable<NonNullable<Spec['strategy']>['rollingUpdate']>, path: Path): FieldError[] {
  const at = path.child('maxUnavailable');
  const errors = [...countOrPercent(at, maxUnavailable), ...countOrPercent(path.child('maxSurge'), maxSurge)];
  if (isZero(maxUnavailable) && isZero(maxSurge)) errors.push(invalid(at, maxUnavailable, 'may not be 0 when `maxSurge` is 0'));
  return [...errors, ...notMoreThanAll(at, maxUnavailable)];
}
