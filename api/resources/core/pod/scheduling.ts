import { duplicate, invalid, notSupported, required, type FieldError, type Path } from '../../../../machinery/field-path.ts';
import type { PodSpec, Toleration } from '../../../../machinery/kinds/core.ts';
import { validateLabelSelector, validateLabels } from '../../../../machinery/labels.ts';
import { labelValue, qualifiedName } from '../../../../machinery/names.ts';
import { faults, oneOf } from '../../checks.ts';
import { firstPlaces } from '../../first-places.ts';
import { validateAffinity, validateKeys } from './affinity.ts';

/** Where a pod may run. Source: "Assigning pods to nodes", "Taints and tolerations", "Pod topology spread constraints", "Pod scheduling readiness". */

type Constraint = NonNullable<PodSpec['topologySpreadConstraints']>[number];

export const taintEffects = ['NoSchedule', 'PreferNoSchedule', 'NoExecute'] as const;

export function validateScheduling(spec: PodSpec, path: Path): FieldError[] {
  return [
    ...validateLabels(spec.nodeSelector, path.child('nodeSelector')),
    ...(spec.affinity === undefined ? [] : validateAffinity(spec.affinity, path.child('affinity'))),
    ...validateGates(spec.schedulingGates ?? [], path.child('schedulingGates')),
    ...validateSpread(spec.topologySpreadConstraints ?? [], path.child('topologySpreadConstraints')),
    ...validateTolerations(spec.tolerations ?? [], path.child('tolerations')),
  ];
}

function validateGates(gates: readonly { readonly name: string }[], path: Path): FieldError[] {
  const first = firstPlaces(gates, ({ name = '' }) => name);
  return gates.flatMap(({ name = '' }, index) => {
    const repeated = (first[index] ?? index) < index;
    return [...faults(path.index(index), name, qualifiedName(name)), ...(repeated ? [duplicate(path.index(index), name)] : [])];
  });
}

export function validateTolerations(tolerations: readonly Toleration[], path: Path): FieldError[] {
  return tolerations.flatMap((toleration, index) => validateToleration(toleration, path.index(index)));
}

function validateToleration({ key = '', operator = '', value = '', effect = '', tolerationSeconds }: Toleration, path: Path): FieldError[] {
  const errors = key === '' ? [] : faults(path.child('key'), key, qualifiedName(key));
  const at = path.child('operator');
  if (key === '' && operator !== 'Exists') {
    errors.push(invalid(at, operator, 'operator must be Exists when `key` is empty, which means "match all values and all keys"'));
  }
  if (tolerationSeconds !== undefined && effect !== 'NoExecute') {
    errors.push(invalid(path.child('effect'), effect, "effect must be 'NoExecute' when `tolerationSeconds` is set"));
  }
  if (operator === '' || operator === 'Equal') {
    const messages = labelValue(value);
    if (messages.length > 0) errors.push(invalid(at, value, messages.join(';')));
  } else if (operator !== 'Exists') {
    errors.push(notSupported(at, operator, ['Equal', 'Exists']));
  } else if (value !== '') {
    errors.push(invalid(at, value, "value must be empty when `operator` is 'Exists'"));
  }
  return effect === '' ? errors : [...errors, ...oneOf(path.child('effect'), effect, taintEffects)];
}

function validateSpread(constraints: readonly Constraint[], path: Path): FieldError[] {
  const seen = new Set<string>();
  return constraints.flatMap((constraint, index) => {
    const at = path.index(index);
    const pair = `{${constraint.topologyKey ?? ''}, ${constraint.whenUnsatisfiable ?? ''}}`;
    const repeated = seen.has(pair);
    seen.add(pair);
    return [...validateConstraint(constraint, at), ...(repeated ? [duplicate(at.child('{topologyKey, whenUnsatisfiable}'), pair)] : [])];
  });
}

function validateConstraint(constraint: Constraint, path: Path): FieldError[] {
  const { maxSkew = 0, topologyKey = '', whenUnsatisfiable = '', minDomains, labelSelector } = constraint;
  const errors: FieldError[] = [];
  if (maxSkew <= 0) errors.push(invalid(path.child('maxSkew'), maxSkew, 'must be greater than zero'));
  if (topologyKey === '') errors.push(required(path.child('topologyKey'), 'can not be empty'));
  errors.push(...oneOf(path.child('whenUnsatisfiable'), whenUnsatisfiable, ['DoNotSchedule', 'ScheduleAnyway']));
  if (minDomains !== undefined && minDomains <= 0) errors.push(invalid(path.child('minDomains'), minDomains, 'must be greater than zero'));
  if (minDomains !== undefined && whenUnsatisfiable !== 'DoNotSchedule') {
    errors.push(invalid(path.child('minDomains'), minDomains, `can only use minDomains if whenUnsatisfiable=DoNotSchedule, not ${whenUnsatisfiable}`));
  }
  return [
    ...errors,
    ...oneOf(path.child('nodeAffinityPolicy'), constraint.nodeAffinityPolicy, ['Honor', 'Ignore']),
    ...oneOf(path.child('nodeTaintsPolicy'), constraint.nodeTaintsPolicy, ['Honor', 'Ignore']),
    ...validateKeys(constraint.matchLabelKeys ?? [], labelSelector !== undefined, path.child('matchLabelKeys')),
    ...validateLabelSelector(labelSelector, path.child('labelSelector')),
  ];
}
