import type { Path } from '../../../../../machinery/field-path.ts';
import type { PodSpec } from '../../../../../machinery/kinds/core.ts';
import { labelValue } from '../../../../../machinery/names.ts';
import { oldLabelsIn, renamedLabel } from '../../../label-warnings.ts';

/** Where a pod may go, by labels that have another name by now, or by selectors that select nothing. */

type Affinity = NonNullable<PodSpec['affinity']>;
type NodeTerm = NonNullable<NonNullable<Affinity['nodeAffinity']>['requiredDuringSchedulingIgnoredDuringExecution']>['nodeSelectorTerms'][number];

export function schedulingWarnings({ nodeSelector, affinity, topologySpreadConstraints = [] }: PodSpec, path: Path): string[] {
  const nodes = path.child('affinity', 'nodeAffinity');
  const { requiredDuringSchedulingIgnoredDuringExecution: wanted, preferredDuringSchedulingIgnoredDuringExecution: preferred = [] } = affinity?.nodeAffinity ?? {};
  return [
    ...oldLabelsIn(nodeSelector, path.child('nodeSelector')),
    ...(wanted?.nodeSelectorTerms ?? []).flatMap((term, index) => nodeTermWarnings(term, nodes.child('requiredDuringSchedulingIgnoredDuringExecution', 'nodeSelectorTerms').index(index), false)),
    ...preferred.flatMap(({ preference }, index) => nodeTermWarnings(preference, nodes.child('preferredDuringSchedulingIgnoredDuringExecution').index(index).child('preference'), true)),
    ...topologySpreadConstraints.flatMap(({ topologyKey, labelSelector }, index) => {
      const at = path.child('topologySpreadConstraints').index(index);
      return [...renamedLabel(topologyKey, at.child('topologyKey')), ...unmatched(labelSelector, at)];
    }),
  ];
}

/** Wrong values are errors where they are required, warnings where they are preferred. */
export function nodeTermWarnings({ matchExpressions = [] }: NodeTerm, path: Path, checksValues: boolean): string[] {
  return matchExpressions.flatMap(({ key, values = [] }, index) => {
    const at = path.child('matchExpressions').index(index);
    const faults = checksValues ? values.flatMap((value, place) => labelValue(value).map((fault) => `${at.child('values').index(place).toString()}: ${value} is invalid, ${fault}`)) : [];
    return [...renamedLabel(key, at.child('key')), ...faults];
  });
}

/** Terms about other pods that no pod matches. */
export function unmatchedTerms({ affinity }: PodSpec, path: Path): string[] {
  return (['podAffinity', 'podAntiAffinity'] as const).flatMap((side) => {
    const { requiredDuringSchedulingIgnoredDuringExecution: wanted = [], preferredDuringSchedulingIgnoredDuringExecution: preferred = [] } = affinity?.[side] ?? {};
    const at = path.child(side);
    return [
      ...wanted.flatMap(({ labelSelector }, index) => unmatched(labelSelector, at.child('requiredDuringSchedulingIgnoredDuringExecution').index(index))),
      ...preferred.flatMap(({ podAffinityTerm }, index) => unmatched(podAffinityTerm.labelSelector, at.child('preferredDuringSchedulingIgnoredDuringExecution').index(index).child('podAffinityTerm'))),
    ];
  });
}

function unmatched(selector: object | undefined, path: Path): string[] {
  return selector === undefined ? [`${path.child('labelSelector').toString()}: a null labelSelector results in matching no pod`] : [];
}
