import type { Path } from '../../machinery/field-path.ts';
import type { LabelSelector } from '../../machinery/selectors.ts';

/** Labels of nodes that have another name by now. Source: "Well-known labels, annotations and taints". */
const renamed: Readonly<Record<string, string>> = {
  'beta.kubernetes.io/arch': 'deprecated since v1.14; use "kubernetes.io/arch" instead',
  'beta.kubernetes.io/os': 'deprecated since v1.14; use "kubernetes.io/os" instead',
  'failure-domain.beta.kubernetes.io/region': 'deprecated since v1.17; use "topology.kubernetes.io/region" instead',
  'failure-domain.beta.kubernetes.io/zone': 'deprecated since v1.17; use "topology.kubernetes.io/zone" instead',
  'beta.kubernetes.io/instance-type': 'deprecated since v1.17; use "node.kubernetes.io/instance-type" instead',
};

/** A warning about a node's label of an old name, if `key` is one. */
export function oldLabel(key: string, path: Path): string[] {
  return Object.hasOwn(renamed, key) ? [`${path.toString()}: ${renamed[key]}`] : [];
}

export function oldLabelsIn(labels: Readonly<Record<string, string>> | undefined, path: Path): string[] {
  return Object.keys(labels ?? {}).flatMap((key) => oldLabel(key, path.key(key)));
}

export function oldLabelsInSelector(selector: LabelSelector | undefined, path: Path): string[] {
  return [
    ...oldLabelsIn(selector?.matchLabels, path.child('matchLabels')),
    ...(selector?.matchExpressions ?? []).flatMap(({ key = '' }, index) => oldLabel(key, path.child('matchExpressions').index(index).child('key'))),
  ];
}
