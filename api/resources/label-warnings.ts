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

/** The same where the key is the value of a field. */
export function renamedLabel(key: string, path: Path): string[] {
  return oldLabel(key, path).map((text) => text.replace(': ', `: ${key} is `));
}

export function oldLabelsIn(labels: Readonly<Record<string, string>> | undefined, path: Path): string[] {
  return Object.keys(labels ?? {}).flatMap((key) => oldLabel(key, path.key(key)));
}

export function oldLabelsInSelector(selector: LabelSelector | undefined, path: Path): string[] {
  return [
    ...(selector?.matchExpressions ?? []).flatMap(({ key = '' }, index) => renamedLabel(key, path.child('matchExpressions').index(index).child('key'))),
    ...Object.keys(selector?.matchLabels ?? {}).flatMap((key) => oldLabel(key, path.child('matchLabels', key))),
  ];
}
