import { StatefulSet } from '../../machinery/kinds/apps.ts';
import type { Pod, PodTemplateSpec, Volume } from '../../machinery/kinds/core.ts';
import type { KubernetesObject } from '../../machinery/kinds/kind.ts';
import { ownerReference } from '../../machinery/owner-references.ts';
import { podFromTemplate } from '../pod-template.ts';

/** Who the pods of a StatefulSet are: names, ordinals, labels, claims. Source: "StatefulSets", pod identity. */

export const revisionLabel = 'controller-revision-hash';
const nameLabel = 'statefulset.kubernetes.io/pod-name';
const indexLabel = 'apps.kubernetes.io/pod-index';

const largestOrdinal = 2 ** 31 - 1;

/** The ordinal in a pod's name; undefined when it isn't one of the set's names. */
export function ordinalOf(set: StatefulSet, pod: KubernetesObject): number | undefined {
  const digits = /^(.*)-(\d+)$/.exec(pod.metadata?.name ?? '');
  if (digits === null || digits[1] !== set.metadata?.name) return undefined;
  const ordinal = Number(digits[2]);
  return ordinal <= largestOrdinal ? ordinal : undefined;
}

/** The revision that a pod was made of: a ControllerRevision's name. */
export function revisionOf(pod: Pod): string {
  return pod.metadata?.labels?.[revisionLabel] ?? '';
}

export function firstOrdinal(set: StatefulSet): number {
  return set.spec?.ordinals?.start ?? 0;
}

export function desiredReplicas(set: StatefulSet): number {
  return set.spec?.replicas ?? 1;
}

export function isWanted(set: StatefulSet, ordinal: number): boolean {
  return ordinal >= firstOrdinal(set) && ordinal < firstOrdinal(set) + desiredReplicas(set);
}

export function podName(set: StatefulSet, ordinal: number): string {
  return `${set.metadata?.name}-${ordinal}`;
}

export function claimName(set: StatefulSet, template: string, ordinal: number): string {
  return `${template}-${podName(set, ordinal)}`;
}

/** The pod of this ordinal, by a revision's template. */
export function podOf(set: StatefulSet, ordinal: number, revision: string, template: PodTemplateSpec): Pod {
  const pod = podFromTemplate(template, set.metadata, ownerReference(set, StatefulSet));
  const name = podName(set, ordinal);
  const { serviceName = '' } = set.spec ?? {};
  return {
    metadata: { ...pod.metadata, name, labels: { ...pod.metadata?.labels, ...identityLabels(set, ordinal), [revisionLabel]: revision } },
    spec: { containers: [], ...pod.spec, hostname: name, ...(serviceName === '' ? {} : { subdomain: serviceName }), ...volumes(set, ordinal, pod) },
  };
}

/** A claim takes the place of a volume of its name. */
function volumes(set: StatefulSet, ordinal: number, { spec }: Pod): { readonly volumes?: readonly Volume[] } {
  const claims = (set.spec?.volumeClaimTemplates ?? []).map(({ metadata }): Volume => (
    { name: metadata?.name ?? '', persistentVolumeClaim: { claimName: claimName(set, metadata?.name ?? '', ordinal) } }
  ));
  const names = new Set(claims.map(({ name }) => name));
  const all = [...claims, ...(spec?.volumes ?? []).filter(({ name }) => !names.has(name))];
  return all.length === 0 ? {} : { volumes: all };
}

function identityLabels(set: StatefulSet, ordinal: number): Readonly<Record<string, string>> {
  return { [nameLabel]: podName(set, ordinal), [indexLabel]: String(ordinal) };
}

/** The labels by which a pod is known and that it lacks: of one that was adopted, say. Undefined when it has them. */
export function missingIdentity(set: StatefulSet, ordinal: number, pod: Pod): Readonly<Record<string, string>> | undefined {
  const wanted = identityLabels(set, ordinal);
  return pod.metadata?.labels?.[nameLabel] === wanted[nameLabel] ? undefined : wanted;
}
