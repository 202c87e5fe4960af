import { forbidden, invalid, required, type FieldError, type Path } from '../../../../machinery/field-path.ts';
import type { PodSpec } from '../../../../machinery/kinds/core.ts';
import { validateLabelSelector } from '../../../../machinery/labels.ts';
import { dns1123Label, dns1123Subdomain, labelValue, qualifiedName } from '../../../../machinery/names.ts';
import { faults } from '../../checks.ts';

/** Source: "Assigning pods to nodes: affinity and anti-affinity". */

type Affinity = NonNullable<PodSpec['affinity']>;
type NodeAffinity = NonNullable<Affinity['nodeAffinity']>;
type PodAffinity = NonNullable<Affinity['podAffinity']>;
type PodTerm = NonNullable<PodAffinity['requiredDuringSchedulingIgnoredDuringExecution']>[number];
type NodeTerm = NonNullable<NodeAffinity['requiredDuringSchedulingIgnoredDuringExecution']>['nodeSelectorTerms'][number];
type NodeRequirement = NonNullable<NodeTerm['matchExpressions']>[number];

const hard = 'requiredDuringSchedulingIgnoredDuringExecution';
const soft = 'preferredDuringSchedulingIgnoredDuringExecution';

export function validateAffinity({ nodeAffinity, podAffinity, podAntiAffinity }: Affinity, path: Path): FieldError[] {
  return [
    ...(nodeAffinity === undefined ? [] : validateNodeAffinity(nodeAffinity, path.child('nodeAffinity'))),
    ...(podAffinity === undefined ? [] : validatePodAffinity(podAffinity, path.child('podAffinity'))),
    ...(podAntiAffinity === undefined ? [] : validatePodAffinity(podAntiAffinity, path.child('podAntiAffinity'))),
  ];
}

function validateNodeAffinity(affinity: NodeAffinity, path: Path): FieldError[] {
  const needed = affinity[hard];
  const errors = needed === undefined ? [] : validateNodeSelector(needed, path.child(hard));
  const wished = affinity[soft] ?? [];
  return [...errors, ...wished.flatMap(({ weight, preference }, index) => [
    ...validateWeight(weight, path.child(soft).index(index).child('weight')),
    // A wish for a label value that can't exist is never met, which does no harm.
    ...validateNodeTerm(preference ?? {}, false, path.child(soft).index(index).child('preference')),
  ])];
}

/** Which nodes something is for: one of its terms must hold. */
export function validateNodeSelector({ nodeSelectorTerms: terms = [] }: Partial<NonNullable<NodeAffinity[typeof hard]>>, path: Path): FieldError[] {
  const at = path.child('nodeSelectorTerms');
  if (terms.length === 0) return [required(at, 'must have at least one node selector term')];
  return terms.flatMap((term, index) => validateNodeTerm(term, true, at.index(index)));
}

function validateWeight(weight: number, path: Path): FieldError[] {
  return weight > 0 && weight <= 100 ? [] : [invalid(path, weight ?? 0, 'must be in the range 1-100')];
}

function validateNodeTerm(term: NodeTerm, checkValues: boolean, path: Path): FieldError[] {
  return [
    ...(term.matchExpressions ?? []).flatMap((one, index) => validateExpression(one, checkValues, path.child('matchExpressions').index(index))),
    ...(term.matchFields ?? []).flatMap((one, index) => validateField(one, path.child('matchFields').index(index))),
  ];
}

function validateExpression({ key = '', operator = '', values = [] }: NodeRequirement, checkValues: boolean, path: Path): FieldError[] {
  return [
    ...validateOperator(operator, values.length, path),
    ...faults(path.child('key'), key, qualifiedName(key)),
    ...(checkValues ? values.flatMap((value, index) => faults(path.child('values').index(index), value, labelValue(value))) : []),
  ];
}

function validateOperator(operator: string, values: number, path: Path): FieldError[] {
  const at = path.child('values');
  switch (operator) {
    case 'In': case 'NotIn': return values > 0 ? [] : [required(at, "must be specified when `operator` is 'In' or 'NotIn'")];
    case 'Exists': case 'DoesNotExist': return values === 0 ? [] : [forbidden(at, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'")];
    case 'Gt': case 'Lt': return values === 1 ? [] : [required(at, "must be specified single value when `operator` is 'Lt' or 'Gt'")];
    default: return [invalid(path.child('operator'), operator, 'not a valid selector operator')];
  }
}

function validateField({ key = '', operator = '', values = [] }: NodeRequirement, path: Path): FieldError[] {
  const errors: FieldError[] = [];
  if (operator !== 'In' && operator !== 'NotIn') errors.push(invalid(path.child('operator'), operator, 'not a valid selector operator'));
  else if (values.length !== 1) errors.push(required(path.child('values'), "must be only one value when `operator` is 'In' or 'NotIn' for node field selector"));
  if (key !== 'metadata.name') return [...errors, invalid(path.child('key'), key, 'not a valid field selector key')];
  return [...errors, ...values.flatMap((value, index) => faults(path.child('values').index(index), value, dns1123Subdomain(value)))];
}

function validatePodAffinity(affinity: PodAffinity, path: Path): FieldError[] {
  return [
    ...(affinity[hard] ?? []).flatMap((term, index) => validatePodTerm(term, path.child(hard).index(index))),
    ...(affinity[soft] ?? []).flatMap(({ weight, podAffinityTerm }, index) => [
      ...validateWeight(weight, path.child(soft).index(index).child('weight')),
      ...validatePodTerm(podAffinityTerm ?? { topologyKey: '' }, path.child(soft).index(index).child('podAffinityTerm')),
    ]),
  ];
}

function validatePodTerm(term: PodTerm, path: Path): FieldError[] {
  const { topologyKey = '', namespaces = [], labelSelector } = term;
  return [
    ...validateLabelSelector(labelSelector, path.child('labelSelector')),
    ...validateLabelSelector(term.namespaceSelector, path.child('namespaceSelector')),
    ...namespaces.flatMap((name) => faults(path.child('namespace'), name, dns1123Label(name))),
    ...validateKeys(term.matchLabelKeys ?? [], labelSelector !== undefined, path.child('matchLabelKeys')),
    ...validateKeys(term.mismatchLabelKeys ?? [], labelSelector !== undefined, path.child('mismatchLabelKeys')),
    ...(topologyKey === '' ? [required(path.child('topologyKey'), 'can not be empty')] : []),
    ...faults(path.child('topologyKey'), topologyKey, qualifiedName(topologyKey)),
  ];
}

/** Keys whose values are taken from the pod's own labels. */
export function validateKeys(keys: readonly string[], hasSelector: boolean, path: Path): FieldError[] {
  if (keys.length > 0 && !hasSelector) return [forbidden(path, 'must not be specified when labelSelector is not set')];
  return keys.flatMap((key, index) => faults(path.index(index), key, qualifiedName(key)));
}
