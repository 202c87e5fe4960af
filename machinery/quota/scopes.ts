import type { PersistentVolumeClaim, Pod, PodSpec, ResourceQuota } from '../kinds/core.ts';
import type { Kind, KubernetesObject } from '../kinds/kind.ts';
import { qosClass } from '../pod/qos.ts';

/** Which objects a quota is about. Source: "Resource quotas: quota scopes". */

interface Requirement {
  readonly scopeName: string;
  readonly operator: string;
  readonly values?: readonly string[];
}

/** Does the quota count objects like this one? A quota with scopes counts only what its scopes can tell apart. */
export function covers({ spec }: ResourceQuota, kind: Pick<Kind, 'group' | 'plural'>, object: KubernetesObject): boolean {
  const requirements: readonly Requirement[] = [
    ...(spec?.scopes ?? []).map((scopeName) => ({ scopeName, operator: 'Exists' })),
    ...(spec?.scopeSelector?.matchExpressions ?? []),
  ];
  if (requirements.length === 0) return true;
  if (kind.group !== '') return false;
  switch (kind.plural) {
    case 'pods': return requirements.every((requirement) => podIn(object as Pod, requirement));
    case 'persistentvolumeclaims': return requirements.every((requirement) => claimIn(object as PersistentVolumeClaim, requirement));
    default: return false;
  }
}

function podIn({ spec }: Pod, requirement: Requirement): boolean {
  if (spec === undefined) return false;
  switch (requirement.scopeName) {
    case 'Terminating': return spec.activeDeadlineSeconds !== undefined;
    case 'NotTerminating': return spec.activeDeadlineSeconds === undefined;
    case 'BestEffort': return qosClass(spec) === 'BestEffort';
    case 'NotBestEffort': return qosClass(spec) !== 'BestEffort';
    case 'PriorityClass': return holds(requirement, spec.priorityClassName ?? '');
    case 'CrossNamespacePodAffinity': return looksElsewhere(spec);
    default: return false;
  }
}

function claimIn({ spec, status }: PersistentVolumeClaim, requirement: Requirement): boolean {
  if (requirement.scopeName !== 'VolumeAttributesClass') return false;
  const classes = [spec?.volumeAttributesClassName, status?.currentVolumeAttributesClassName, status?.modifyVolumeStatus?.targetVolumeAttributesClassName].filter((name) => name !== undefined && name !== '');
  return classes.length === 0 ? holds(requirement, '') : classes.some((name) => holds(requirement, name ?? ''));
}

/** `name` '' is none at all. */
function holds({ operator, values = [] }: Requirement, name: string): boolean {
  switch (operator) {
    case 'Exists': return name !== '';
    case 'DoesNotExist': return name === '';
    case 'In': return name !== '' && values.includes(name);
    case 'NotIn': return name === '' || !values.includes(name);
    default: return false;
  }
}

/** Does it want to be near, or away from, pods of other namespaces? */
function looksElsewhere({ affinity }: PodSpec): boolean {
  const terms = [affinity?.podAffinity, affinity?.podAntiAffinity].flatMap((one) => [
    ...(one?.requiredDuringSchedulingIgnoredDuringExecution ?? []),
    ...(one?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map(({ podAffinityTerm }) => podAffinityTerm),
  ]);
  return terms.some(({ namespaces = [], namespaceSelector }) => namespaces.length > 0 || namespaceSelector !== undefined);
}
