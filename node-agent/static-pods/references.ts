import type { Container, Pod, PodSpec } from '../../machinery/kinds/core.ts';

type Volume = NonNullable<PodSpec['volumes']>[number];
type ProjectedSource = NonNullable<NonNullable<Volume['projected']>['sources']>[number];

/**
 * What of the API's a pod can't do without, in the plural: a static pod must run without the API. Undefined: nothing. Source:
 * "Create static Pods", its limits; wording: the kubelet's.
 */
export function apiReference({ spec }: Pod): string | undefined {
  if (spec === undefined) return undefined;
  if ((spec.serviceAccountName ?? spec.serviceAccount ?? '') !== '') return 'serviceaccounts';
  const containers = [...(spec.initContainers ?? []), ...spec.containers, ...(spec.ephemeralContainers ?? [])];
  if ((spec.imagePullSecrets ?? []).length > 0 || containers.some(takesSecret)) return 'secrets';
  if (containers.some(takesConfigMap)) return 'configmaps';
  if ((spec.resourceClaims ?? []).length > 0) return 'resourceclaims';
  return (spec.volumes ?? []).map(ofVolume).find((found) => found !== undefined);
}

function takesSecret({ env = [], envFrom = [] }: Container): boolean {
  return env.some(({ valueFrom }) => valueFrom?.secretKeyRef !== undefined) || envFrom.some(({ secretRef }) => secretRef !== undefined);
}

function takesConfigMap({ env = [], envFrom = [] }: Container): boolean {
  return env.some(({ valueFrom }) => valueFrom?.configMapKeyRef !== undefined) || envFrom.some(({ configMapRef }) => configMapRef !== undefined);
}

function ofVolume(volume: Volume): string | undefined {
  if (volume.configMap !== undefined) return 'configmaps (via configmap volumes)';
  if (volume.secret !== undefined) return 'secrets (via secret volumes)';
  if (volume.csi !== undefined) return 'csidrivers (via CSI volumes)';
  if (volume.persistentVolumeClaim !== undefined) return 'persistentvolumeclaims';
  if (volume.ephemeral !== undefined) return 'persistentvolumeclaims (via ephemeral volumes)';
  return (volume.projected?.sources ?? []).map(ofSource).find((found) => found !== undefined);
}

function ofSource(source: ProjectedSource): string | undefined {
  if (source.configMap !== undefined) return 'configmaps (via projected volumes)';
  if (source.secret !== undefined) return 'secrets (via projected volumes)';
  if (source.serviceAccountToken !== undefined) return 'serviceaccounts (via projected volumes)';
  if (source.clusterTrustBundle !== undefined) return 'clustertrustbundles';
  return source.podCertificate === undefined ? undefined : 'podcertificates';
}
